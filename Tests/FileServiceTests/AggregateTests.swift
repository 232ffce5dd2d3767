import CLinux
import FUSE
import FileService
import Glibc
import Linux
import Synchronization
import SystemPackage
import Testing

/// The contract of an aggregate's shares and of its synthetic root.
@Suite struct AggregateTests {
    private func reason(_ body: () throws(AddChildError) -> Void) -> AddChildError? {
        do throws(AddChildError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    private func errno(
        _ aggregate: Aggregate, _ name: String, _ path: FilePath, _ access: Access = .readWrite
    ) -> Errno? {
        reason { () throws(AddChildError) in try aggregate.addChild(name: name, hostPath: path, access: access) }?.errno
    }

    // MARK: Shares

    @Test(arguments: ["", ".", "..", "a/b", "a\0b", "/"])
    func refusesNamesThatAreNoComponent(name: String) throws {
        let host = try HostDirectory()
        #expect(errno(try Aggregate(access: .readWrite), name, host.path) == .invalidArgument)
    }

    @Test func allowsNamesOf255BytesAndNotOf256() throws {
        let host = try HostDirectory()
        let aggregate = try Aggregate(access: .readWrite)
        #expect(errno(aggregate, String(repeating: "n", count: 255), host.path) == nil)
        #expect(errno(aggregate, String(repeating: "n", count: 256), host.path) == .fileNameTooLong)
        #expect(errno(aggregate, String(repeating: "/", count: 300), host.path) == .invalidArgument)
    }

    @Test func reportsTheFirstOfSeveralErrors() throws {
        let host = try HostDirectory().file("file")
        let aggregate = try host.aggregate()
        let missing = FilePath(host.path("missing"))
        #expect(errno(aggregate, "a/b", missing, .readOnly) == .invalidArgument)
        #expect(errno(aggregate, "x", missing, .readOnly) == .invalidArgument)
        #expect(errno(aggregate, "share", missing) == .noSuchFileOrDirectory)
        #expect(errno(aggregate, "share", FilePath(host.path("file/below"))) == .notDirectory)
        #expect(errno(aggregate, "share", host.path) == .fileExists)
        aggregate.beginTeardown()
        #expect(errno(aggregate, "", missing, .readOnly) == .invalidArgument)
        #expect(errno(aggregate, "x", missing, .readOnly) == .resourceTemporarilyUnavailable)
        #expect(aggregate.children.count == 1)
        #expect(!host.exists("missing"))
    }

    @Test func takesNoShareOnceItGoesDownHoweverManyAreOnTheirWay() throws {
        let host = try HostDirectory()
        let path = host.path
        let aggregate = try Aggregate(access: .readWrite)
        let taken = Counter()
        let threads = try (0..<4).map { thread in
            try Linux.Thread(name: "adder-\(thread)") {
                for number in 0..<200 {
                    do throws(AddChildError) {
                        try aggregate.addChild(name: "\(thread)-\(number)", hostPath: path, access: .readWrite)
                        taken.value.add(1, ordering: .relaxed)
                    } catch {
                        if error.errno != .resourceTemporarilyUnavailable { Issue.record(error) }
                    }
                    if number == 50 + 20 * thread { aggregate.beginTeardown() }
                }
            }
        }
        for thread in threads { thread.join() }

        let count = aggregate.children.count
        #expect(count == taken.value.load(ordering: .relaxed))
        #expect(count >= 50 && count < 800)
        #expect(errno(aggregate, "late", path) == .resourceTemporarilyUnavailable)
    }

    @Test func saysWhatCouldNotBeSharedAndWhy() throws {
        let aggregate = try Aggregate(access: .readWrite)
        let error = reason { () throws(AddChildError) in
            try aggregate.addChild(name: "x", hostPath: "/nowhere/at/all", access: .readWrite)
        }
        #expect(error?.description.contains("/nowhere/at/all") == true)
        #expect(error?.description.contains("ENOENT") == true)
    }

    @Test func listsItsShares() throws {
        let host = try HostDirectory().directory("a").directory("b")
        let aggregate = try Aggregate(access: .readWrite)
        let first = try aggregate.addChild(name: "one", hostPath: FilePath(host.path("a")), access: .readWrite)
        let second = try aggregate.addChild(name: "two", hostPath: FilePath(host.path("b")), access: .readWrite)
        #expect(aggregate.children == [first, second])
        #expect(first.id != second.id)
        #expect(try aggregate.removeChild(named: "one", revoke: false) == first)
        #expect(refusal { try aggregate.removeChild(named: "one", revoke: false) } == .noSuchFileOrDirectory)
        let again = try aggregate.addChild(name: "one", hostPath: FilePath(host.path("a")), access: .readWrite)
        #expect(again.id > second.id)
        #expect(aggregate.children.map(\.name) == ["two", "one"])
    }

    // MARK: The synthetic root

    @Test func showsARootThatCountsItsShares() throws {
        let host = try HostDirectory()
        let aggregate = try Aggregate(access: .readWrite)
        let guest = try GuestClient(aggregate)
        #expect(try guest.getattr(.root).linkCount == 2)
        for name in ["a", "b", "c"] { try aggregate.addChild(name: name, hostPath: host.path, access: .readWrite) }
        let root = try guest.ask(guest.request(.getattr).adding(GetattrIn()), AttrOut.self)
        #expect(root.attributes.inode == 1)
        #expect(root.attributes.mode == UInt32(S_IFDIR) | 0o555)
        #expect(root.attributes.linkCount == 5)
        #expect(root.attributes.blockSize == 4096)
        // When it was asked.
        #expect(abs(time(nil) - Int(root.attributes.atime)) < 60)
        #expect(root.validSeconds == 0 && root.validNanoseconds <= 1_000_000)
        let statx = try guest.ask(guest.request(.statx).adding(StatxIn { $0.mask = 0xFFF }), StatxOut.self)
        #expect(statx.attributes.mask == 0x127)
        #expect(statx.attributes.linkCount == 5)
        let statfs = try guest.ask(guest.request(.statfs), StatfsOut.self)
        #expect(statfs.blocks == 0 && statfs.nameLength == 255)
    }

    @Test func findsAShareAsSoonAsItIsAdded() throws {
        let host = try HostDirectory()
        let aggregate = try Aggregate(access: .readWrite)
        let guest = try GuestClient(aggregate)
        #expect(refusal { _ = try guest.lookup("live") } == .noSuchFileOrDirectory)
        try aggregate.addChild(name: "live", hostPath: host.path, access: .readWrite)
        let entry = try guest.lookup("live")
        #expect(entry.node.rawValue > 1)
        #expect(entry.entrySeconds == 0 && entry.entryNanoseconds == 0)
        #expect(entry.attrSeconds == 1 && entry.attrNanoseconds == 0)
        #expect(entry.attributes.flags == 0)
    }

    @Test func givesAShareOneNodeForItsLife() throws {
        let (_, guest, root) = try makeShare()
        #expect(try guest.lookup("share").node == root)
        guest.forget(root, 2)
        #expect(try guest.lookup("share").node == root)
    }

    @Test func mapsInodeNumbersTheSameInEveryReply() throws {
        let host = try HostDirectory().directory("d").file("d/f")
        let aggregate = try Aggregate(access: .readWrite)
        for name in ["one", "two"] { try aggregate.addChild(name: name, hostPath: host.path, access: .readWrite) }
        let guest = try GuestClient(aggregate)
        let one = try guest.lookup("one")
        let two = try guest.lookup("two")
        #expect(one.attributes.inode != two.attributes.inode)
        #expect(one.attributes.inode != UInt64(try #require(host.status(".")).st_ino))
        #expect(try guest.getattr(one.node).inode == one.attributes.inode)

        let directory = try guest.lookup("d", in: one.node)
        let file = try guest.lookup("f", in: directory.node)
        for plus in [false, true] {
            let top = try guest.list(.root, plus: plus)
            #expect(top.first { $0.name == "one" }?.inode == one.attributes.inode)
            #expect(top.first { $0.name == ".." }?.inode == 1)
            let listed = try guest.list(directory.node, plus: plus)
            #expect(listed.first { $0.name == "f" }?.inode == file.attributes.inode)
            #expect(listed.first { $0.name == "." }?.inode == directory.attributes.inode)
            #expect(listed.first { $0.name == ".." }?.inode == one.attributes.inode)
            #expect(try guest.list(one.node, plus: plus).first { $0.name == ".." }?.inode == 1)
        }
        let otherFile = try guest.lookup("f", in: guest.lookup("d", in: two.node).node)
        #expect(otherFile.node != file.node)
        #expect(otherFile.attributes.inode != file.attributes.inode)
    }

    @Test func refusesEveryChangeOfTheRoot() throws {
        let (host, guest, root) = try makeShare { $0.file("f") }
        let file = try guest.lookup("f", in: root).node
        #expect(refusal { _ = try guest.mkdir("x", in: .root) } == .readOnlyFileSystem)
        #expect(refusal { _ = try guest.create("x", in: .root) } == .readOnlyFileSystem)
        #expect(refusal { _ = try guest.mknod("x", in: .root, mode: UInt32(S_IFREG)) } == .readOnlyFileSystem)
        #expect(refusal { _ = try guest.symlink("x", to: "y", in: .root) } == .readOnlyFileSystem)
        #expect(refusal { _ = try guest.link(file, to: "x", in: .root) } == .readOnlyFileSystem)
        #expect(refusal { try guest.unlink("share", in: .root) } == .readOnlyFileSystem)
        #expect(refusal { try guest.rmdir("share", in: .root) } == .readOnlyFileSystem)
        #expect(refusal { try guest.rename("share", in: .root, to: "x", in: .root) } == .readOnlyFileSystem)
        #expect(refusal { try guest.rename("f", in: root, to: "x", in: .root) } == .readOnlyFileSystem)
        #expect(refusal { try guest.rename("x", in: .root, to: "x", in: root) } == .readOnlyFileSystem)
        #expect(refusal { _ = try guest.setattr(.root) { $0.fields = .mode } } == .readOnlyFileSystem)
        #expect(refusal { try guest.setxattr(.root, "user.x", [1]) } == .readOnlyFileSystem)
        #expect(
            refusal { try guest.order(guest.request(.removexattr).adding(name: "user.x")) } == .readOnlyFileSystem)
        #expect(refusal { _ = try guest.getxattr(.root, "user.x") } == .noData)
        #expect(try guest.listxattr(.root).isEmpty)
        #expect(refusal { _ = try guest.open(.root) } == .isDirectory)
        #expect(host.exists("f"))
    }

    @Test func syncsTheRootDirectory() throws {
        let (_, guest, _) = try makeShare()
        let handle = try guest.opendir(.root)
        try guest.order(guest.request(.fsyncdir).adding(FsyncIn { $0.handle = handle }))
        #expect(refusal { _ = try guest.readdir(.root, HandleID(rawValue: 7)) } == .badFileDescriptor)
        try guest.release(.root, handle, directory: true)
    }

    // MARK: Listing the root

    @Test func listsManySharesThroughASmallBuffer() throws {
        let host = try HostDirectory()
        let aggregate = try Aggregate(access: .readWrite)
        let names = (0..<200).map { "share-\($0)" }
        for name in names { try aggregate.addChild(name: name, hostPath: host.path, access: .readWrite) }
        let guest = try GuestClient(aggregate)
        #expect(try guest.list(.root, size: 256).map(\.name) == [".", ".."] + names)
        #expect(try guest.list(.root, size: 1024, plus: true).map(\.name) == [".", ".."] + names)
        #expect(try guest.list(.root).allSatisfy { $0.type == UInt32(DT_DIR) })
    }

    @Test func skipsNoShareWhenOneIsRemovedDuringAListing() throws {
        let host = try HostDirectory()
        let aggregate = try Aggregate(access: .readWrite)
        for name in ["a", "b", "c", "d"] { try aggregate.addChild(name: name, hostPath: host.path, access: .readWrite) }
        let guest = try GuestClient(aggregate)
        let handle = try guest.opendir(.root)
        let first = try guest.readdir(.root, handle, size: 32 * 4)
        #expect(first.map(\.name) == [".", "..", "a", "b"])
        try aggregate.removeChild(named: "a", revoke: false)
        try aggregate.removeChild(named: "c", revoke: false)
        let cookie = try #require(first.last).cookie
        #expect(try guest.readdir(.root, handle, from: cookie).map(\.name) == ["d"])
        #expect(try guest.readdir(.root, handle, from: .max).isEmpty)
        #expect(try guest.readdir(.root, handle, from: .max - 1).isEmpty)
    }

    @Test func countsALookupForEachEntryOfREADDIRPLUSAndNoneOfREADDIR() throws {
        let host = try HostDirectory().file("f")
        let aggregate = try host.aggregate()
        let guest = try GuestClient(aggregate)
        for top in [true, false] {
            let directory = top ? NodeID.root : try guest.walk("share")
            let name = top ? "share" : "f"
            _ = try guest.list(directory)
            let listed = try guest.list(directory, plus: true)
            for dot in listed where dot.name.hasPrefix(".") { #expect(dot.found?.node == NodeID.none) }
            let node = try #require(listed.first { $0.name == name }?.found).node
            _ = try guest.getattr(node)
            if top { continue }
            // One reference from one READDIRPLUS: one FORGET ends it.
            guest.forget(node, 1)
            #expect(refusal { _ = try guest.getattr(node) } == .invalidArgument)
        }
    }

    @Test func countsNoLookupForWhatDoesNotFit() throws {
        let (_, guest, root) = try makeShare { $0.file("only") }
        let handle = try guest.opendir(root)
        // Room for "." and "..", which come in no certain place, and not for a third.
        var seen: [GuestClient.Listed] = []
        while true {
            let some = try guest.readdir(root, handle, from: seen.last?.cookie ?? 0, size: 160, plus: true)
            if some.isEmpty { break }
            #expect(some.count == 1)
            seen += some
        }
        #expect(seen.count == 3)
        let node = try #require(seen.first { $0.name == "only" }?.found).node
        guest.forget(node, 1)
        #expect(refusal { _ = try guest.getattr(node) } == .invalidArgument)
    }

    // MARK: Between shares

    @Test func refusesToRenameAndLinkBetweenShares() throws {
        let host = try HostDirectory().directory("a").directory("b").file("a/f")
        let aggregate = try Aggregate(access: .readWrite)
        for name in ["a", "b"] {
            try aggregate.addChild(name: name, hostPath: FilePath(host.path(name)), access: .readWrite)
        }
        let guest = try GuestClient(aggregate)
        let (a, b) = (try guest.walk("a"), try guest.walk("b"))
        #expect(refusal { try guest.rename("nothing", in: a, to: "x", in: b) } == .improperLink)
        #expect(refusal { try guest.rename("f", in: a, to: "f", in: b, flags: 1) } == .improperLink)
        let file = try guest.lookup("f", in: a).node
        #expect(refusal { _ = try guest.link(file, to: "f", in: b) } == .improperLink)
        #expect(!host.exists("b/f"))
    }

    // MARK: Removal

    @Test func keepsServingARemovedShareUntilItIsForgotten() throws {
        let (host, guest, root) = try makeShare { $0.file("f", "content") }
        let aggregate = guest.aggregate
        let node = try guest.lookup("f", in: root).node
        let handle = try guest.open(node).handle
        try aggregate.removeChild(named: "share", revoke: false)
        #expect(refusal { _ = try guest.lookup("share") } == .noSuchFileOrDirectory)
        #expect(try guest.read(node, handle) == Array("content".utf8))
        #expect(try guest.lookup("f", in: root).node == node)

        // The name is used again while the old share is still in use.
        try aggregate.addChild(name: "share", hostPath: host.path, access: .readWrite)
        let fresh = try guest.walk("share")
        #expect(fresh != root)
        #expect(try guest.lookup("f", in: fresh).node != node)
        guest.forget(root, 1)
        #expect(refusal { _ = try guest.getattr(root) } == .invalidArgument)
    }

    @Test func revokesARemovedShareAtOnce() throws {
        let (_, guest, root) = try makeShare { $0.file("f", "content") }
        let node = try guest.lookup("f", in: root).node
        let handle = try guest.open(node).handle
        try guest.aggregate.removeChild(named: "share", revoke: true)
        #expect(refusal { _ = try guest.read(node, handle) } == .staleNFSFileHandle)
        #expect(refusal { _ = try guest.getattr(root) } == .staleNFSFileHandle)
        guest.forget(node, 1)
        #expect(refusal { _ = try guest.getattr(node) } == .invalidArgument)
    }

    @Test func releasesWhatTheHostHoldsForARevokedShare() throws {
        let (host, guest, root) = try makeShare { $0.file("f").directory("d") }
        for name in ["f", "d"] { _ = try guest.lookup(name, in: root) }
        _ = try guest.open(guest.lookup("f", in: root).node)
        #expect(host.openDescriptors() >= 3)
        try guest.aggregate.removeChild(named: "share", revoke: true)
        #expect(host.openDescriptors() == 0)
    }

    @Test func keepsNothingOfARevokedShareThatTheGuestHasForgotten() throws {
        let (_, guest, root) = try makeShare()
        // As guests do as soon as they have unmounted it.
        guest.forget(root, 1)
        #expect(try guest.getattr(root).linkCount > 0)
        try guest.aggregate.removeChild(named: "share", revoke: true)
        // And not ESTALE, which is for what it still has to forget.
        #expect(refusal { _ = try guest.getattr(root) } == .invalidArgument)
    }

    // MARK: Sessions

    @Test func refusesRequestsOutsideASession() throws {
        let host = try HostDirectory()
        let guest = try GuestClient(host.aggregate(), begin: false)
        #expect(refusal { _ = try guest.lookup("share") } == .ioError)
        guest.forget(.root)
        try guest.initialize()
        _ = try guest.lookup("share")
        try guest.order(guest.request(.destroy))
        #expect(refusal { _ = try guest.lookup("share") } == .ioError)
        try guest.initialize()
        _ = try guest.lookup("share")
    }

    @Test func forgetsNodesAndHandlesAtINITAndKeepsShares() throws {
        let (host, guest, root) = try makeShare { $0.file("f") }
        let node = try guest.lookup("f", in: root).node
        let handle = try guest.open(node).handle
        try guest.initialize()
        #expect(refusal { _ = try guest.read(node, handle) } == .invalidArgument)
        // The share's own descriptor is all that is left.
        #expect(host.openDescriptors() == 1)
        #expect(try guest.walk("share") == NodeID(rawValue: 2))
    }

    @Test func answersANewerProtocolWithItsOwn() throws {
        let host = try HostDirectory()
        let guest = try GuestClient(host.aggregate(), begin: false)
        let newer = InitIn { $0.major = 8 }
        let reply = try guest.ask(guest.request(.initialize).adding(newer), InitOut.self)
        #expect(reply.major == 7)
        #expect(refusal { _ = try guest.lookup("share") } == .ioError)
        let old = InitIn {
            $0.major = 7
            $0.minor = 26
        }
        #expect(refusal { _ = try guest.ask(guest.request(.initialize).adding(old), InitOut.self) } == .protocolError)
    }

    @Test func letsSeveralQueuesShareASession() throws {
        let (_, guest, root) = try makeShare { $0.file("f", "content") }
        let other = try GuestClient(guest.aggregate, begin: false)
        let node = try guest.lookup("f", in: root).node
        let handle = try other.open(node).handle
        #expect(try guest.read(node, handle) == Array("content".utf8))
        try guest.initialize()
        #expect(refusal { _ = try other.getattr(node) } == .invalidArgument)
    }
}

/// A number that several threads add to.
private final class Counter: Sendable {
    let value = Atomic<Int>(0)
}
