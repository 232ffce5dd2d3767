import CLinux
import FUSE
import FileService
import Glibc
import SystemPackage
import Testing

/// A share that is one file: that file, and nothing beside it.
@Suite struct SingleFileTests {
    /// A host directory with a file that is shared as "one" beside another that is not, a guest, and the file's node.
    private func makeShare(
        _ access: Access = .readWrite, _ options: ChildOptions = ChildOptions()
    ) throws -> (HostDirectory, GuestClient, NodeID) {
        let host = try HostDirectory().file("file", "content").file("secret", "hidden")
        let aggregate = try Aggregate(access: access, caching: options.deviceCaching(for: access))
        let added = try aggregate.addChild(
            name: "one", hostPath: FilePath(host.path("file")), access: access, options: options)
        #expect(added.isFile)
        let guest = try GuestClient(aggregate)
        guest.host = host
        return (host, guest, try guest.walk("one"))
    }

    private func content(_ guest: GuestClient, _ node: NodeID) throws -> String {
        let handle = try guest.open(node).handle
        defer { try? guest.release(node, handle) }
        return String(decoding: try guest.read(node, handle), as: UTF8.self)
    }

    @Test func isAFileInTheRoot() throws {
        let (host, guest, file) = try makeShare()
        host.directory("folder")
        try guest.aggregate.addChild(name: "two", hostPath: FilePath(host.path("folder")), access: .readWrite)

        let attributes = try guest.getattr(file)
        for plus in [false, true] {
            let listed = try guest.list(.root, plus: plus)
            #expect(listed.map(\.name) == [".", "..", "one", "two"])
            #expect(listed.map(\.type) == [DT_DIR, DT_DIR, DT_REG, DT_DIR].map { UInt32($0) })
            #expect(listed[2].inode == attributes.inode)
            if plus { #expect(listed[2].found?.node == file) }
        }

        #expect(attributes.mode & 0o170000 == 0o100000)
        #expect(attributes.size == 7)
        #expect(try guest.lookup("one").node == file)
        #expect(try guest.getattr(.root).linkCount == 4)
        #expect(try content(guest, file) == "content")
    }

    @Test func doesWhatFilesDo() throws {
        let (host, guest, file) = try makeShare()

        let handle = try guest.open(file, O_RDWR).handle
        try guest.write(file, handle, Array("CONTENT and more".utf8))
        #expect(host.content("file") == "CONTENT and more")
        _ = try guest.setattr(file) {
            $0.fields = .size
            $0.size = 4
        }
        #expect(host.content("file") == "CONT")
        _ = try guest.setattr(file) {
            $0.fields = .mode
            $0.mode = 0o600
        }
        #expect(try #require(host.status("file")).st_mode & 0o7777 == 0o600)
        try guest.setxattr(file, "user.x", [1, 2])
        #expect(try guest.getxattr(file, "user.x") == [1, 2])
        #expect(try guest.listxattr(file) == Array("user.x\0".utf8))
        let sync = FsyncIn { $0.handle = handle }
        try guest.order(guest.request(.fsync, file).adding(sync))
        try guest.order(guest.request(.syncfs, file).adding(bytes: [UInt8](repeating: 0, count: 8)))
        let reset = try guest.open(file, O_WRONLY | O_TRUNC).handle
        #expect(host.content("file") == "")
        try guest.release(file, reset)
        try guest.release(file, handle)
        #expect(try guest.ask(guest.request(.statfs, file), StatfsOut.self).blocks > 0)
    }

    @Test func leadsNowhereElse() throws {
        let (host, guest, file) = try makeShare()

        for name in ["secret", "file", "one"] {
            #expect(refusal { _ = try guest.lookup(name, in: file) } == .notDirectory)
            #expect(refusal { _ = try guest.create(name, in: file) } == .notDirectory)
            #expect(refusal { try guest.unlink(name, in: file) } == .notDirectory)
            #expect(refusal { _ = try guest.mkdir(name, in: file) } == .notDirectory)
            #expect(refusal { _ = try guest.symlink(name, to: "x", in: file) } == .notDirectory)
            #expect(refusal { _ = try guest.link(file, to: name, in: file) } == .notDirectory)
            #expect(refusal { try guest.rename(name, in: file, to: "x", in: file) } == .notDirectory)
        }
        #expect(refusal { _ = try guest.lookup("..", in: file) } == .invalidArgument)
        #expect(refusal { _ = try guest.opendir(file) } == .notDirectory)
        #expect(refusal { _ = try guest.readlink(file) } == .invalidArgument)
        let temporary = guest.request(.tmpfile, file).adding(CreateIn { $0.flags = UInt32(O_RDWR) }).adding(name: "/")
        #expect(refusal { _ = try guest.ask(temporary, CreateOut.self) } == .notDirectory)

        #expect(try Set(guest.list(.root).map(\.name)) == [".", "..", "one"])
        #expect(host.content("secret") == "hidden")
    }

    @Test func keepsItsName() throws {
        let (host, guest, file) = try makeShare()
        host.directory("folder")
        try guest.aggregate.addChild(name: "two", hostPath: FilePath(host.path("folder")), access: .readWrite)
        let folder = try guest.walk("two")

        #expect(refusal { try guest.unlink("one", in: .root) } == .readOnlyFileSystem)
        #expect(refusal { try guest.rename("one", in: .root, to: "x", in: .root) } == .readOnlyFileSystem)
        #expect(refusal { try guest.rename("one", in: .root, to: "x", in: folder) } == .readOnlyFileSystem)
        #expect(refusal { _ = try guest.link(file, to: "x", in: .root) } == .readOnlyFileSystem)
        #expect(refusal { _ = try guest.link(file, to: "x", in: folder) } == .improperLink)
        #expect(refusal { _ = try guest.create("one", in: .root) } == .readOnlyFileSystem)
        #expect(try content(guest, file) == "content")
    }

    @Test func refusesEveryChangeWhereItMayOnlyBeRead() throws {
        let (host, guest, file) = try makeShare(.readOnly)

        let handle = try guest.open(file).handle
        #expect(refusal { _ = try guest.open(file, O_RDWR) } == .readOnlyFileSystem)
        #expect(refusal { _ = try guest.open(file, O_RDONLY | O_TRUNC) } == .readOnlyFileSystem)
        #expect(refusal { try guest.write(file, handle, [1]) } == .readOnlyFileSystem)
        #expect(refusal { _ = try guest.setattr(file) { $0.fields = .size } } == .readOnlyFileSystem)
        #expect(refusal { try guest.setxattr(file, "user.x", []) } == .readOnlyFileSystem)
        #expect(try String(decoding: guest.read(file, handle), as: UTF8.self) == "content")
        #expect(host.content("file") == "content")
    }

    @Test func staysTheFileThatItWasWhenTheHostReplacesIt() throws {
        let (host, guest, file) = try makeShare()
        #expect(try content(guest, file) == "content")
        let inode = try guest.getattr(file).inode

        // As an editor saves.
        host.file("new", "other")
        #expect(rename(host.path("new"), host.path("file")) == 0)

        #expect(try content(guest, file) == "content")
        #expect(try guest.lookup("one").node == file)
        #expect(try guest.lookup("one").attributes.inode == inode)
        // Also after the guest has begun anew.
        try guest.initialize()
        let again = try guest.walk("one")
        #expect(try content(guest, again) == "content")
        // And for good once it has gone.
        #expect(unlink(host.path("file")) == 0)
        #expect(try content(guest, again) == "content")
    }

    @Test func seesWhatTheHostChangesInPlace() throws {
        let (host, guest, file) = try makeShare()
        #expect(try content(guest, file) == "content")

        host.file("file", "different")

        #expect(try guest.getattr(file).size == 9)
        #expect(try content(guest, file) == "different")
        let opened = try guest.open(file)
        #expect(!opened.flags.contains(.keepCache))
    }

    @Test(arguments: [false, true])
    func goesWhenItIsRemoved(revoke: Bool) throws {
        let (host, guest, file) = try makeShare()
        let handle = try guest.open(file).handle

        try guest.aggregate.removeChild(named: "one", revoke: revoke)

        #expect(refusal { _ = try guest.lookup("one") } == .noSuchFileOrDirectory)
        #expect(refusal { _ = try guest.read(file, handle) } == (revoke ? .staleNFSFileHandle : nil))
        if !revoke { try guest.release(file, handle) }
        guest.forget(file)
        #expect(host.openDescriptors() == 0)
    }

    @Test func isReadUnopenedWhereNobodyChangesIt() throws {
        let (host, guest, file) = try makeShare(.readOnly, ChildOptions(cache: .always))
        #expect(refusal { _ = try guest.open(file) } == .noFunction)
        #expect(try guest.read(file, .none) == Array("content".utf8))
        #expect(refusal { _ = try guest.readdir(file, .none) } == .badFileDescriptor)

        // It is read on until the guest lets go of it.
        try guest.aggregate.removeChild(named: "one", revoke: false)
        #expect(try guest.read(file, .none, offset: 3) == Array("tent".utf8))
        guest.forget(file)
        #expect(host.openDescriptors() == 0)
    }

    @Test func isWrittenByAGuestThatBuffersWrites() throws {
        let (host, guest, file) = try makeShare(.readWrite, ChildOptions(buffersWrites: true))
        let handle = try guest.open(file, O_WRONLY).handle
        // The rest of a page that is written in part.
        #expect(try guest.read(file, handle) == Array("content".utf8))
        try guest.write(file, handle, Array("CONTENT and more".utf8), writeFlags: .cache)
        _ = try guest.setattr(file) {
            $0.fields = [.mtime, .handle]
            $0.handle = handle
            $0.mtime = 1_000_000_000
        }
        try guest.release(file, handle)

        #expect(host.content("file") == "CONTENT and more")
        #expect(host.status("file")?.st_mtim.tv_sec == 1_000_000_000)
        // Its pages are its own, whatever the times say.
        #expect(try guest.open(file).flags.contains(.keepCache))
    }

    @Test func isSharedOnceForEachInodeButInManyShares() throws {
        let (host, guest, file) = try makeShare()
        #expect(Glibc.link(host.path("file"), host.path("alias")) == 0)
        try guest.aggregate.addChild(name: "two", hostPath: FilePath(host.path("alias")), access: .readWrite)
        try guest.aggregate.addChild(name: "all", hostPath: host.path, access: .readWrite)

        // Three shares of one inode: each has its own node and its own number, and all its content.
        let nodes = [file, try guest.walk("two"), try guest.walk("all/file")]
        #expect(Set(nodes).count == 3)
        #expect(Set(try nodes.map { try guest.getattr($0).inode }).count == 3)
        for node in nodes { #expect(try content(guest, node) == "content") }
    }

    @Test(arguments: [S_IFIFO, S_IFSOCK])
    func refusesWhatIsNoFile(type: mode_t) throws {
        let host = try HostDirectory()
        #expect(mknod(host.path("odd"), type | 0o600, 0) == 0)
        let aggregate = try Aggregate(access: .readWrite)

        let error = #expect(throws: AddChildError.self) {
            try aggregate.addChild(name: "odd", hostPath: FilePath(host.path("odd")), access: .readWrite)
        }

        #expect(error?.reason == .hostPath)
        #expect(error?.errno == .invalidArgument)
        #expect(host.openDescriptors() == 0)
    }

    @Test func servesAFileThatALinkLeadsTo() throws {
        let host = try HostDirectory().file("file", "content").link("link", to: "file")
        let aggregate = try Aggregate(access: .readWrite)

        try aggregate.addChild(name: "one", hostPath: FilePath(host.path("link")), access: .readWrite)

        let guest = try GuestClient(aggregate)
        #expect(try guest.lookup("one").attributes.mode & 0o170000 == 0o100000)
    }
}
