import CLinux
import FUSE
import FileService
import Glibc
import Linux
import Sandbox
import SystemPackage
import Testing

/// `owner=mapped`: the guest's root changes owners, modes and kinds of files that stay the launcher's on the host.
@Suite struct MappedOwnershipTests {
    static let record = "user.containers.override_stat"

    /// Runs a guest of a mapped share, as its root, on a thread that is set up as workers are.
    static func onWorker(
        _ host: HostDirectory, _ access: Access = .readWrite, acl: Bool = false,
        _ body: @escaping @Sendable (GuestClient, NodeID, HostDirectory) throws -> Void
    ) throws {
        try FileServiceTests.onWorker(
            host, access, options: ChildOptions(enforcesAccessLists: acl, ownership: .mapped),
            as: CallerIdentity(uid: 0, gid: 0), body)
    }

    private static func mode(_ host: HostDirectory, _ name: String) -> mode_t? {
        host.status(name).map { $0.st_mode & 0o7777 }
    }

    @Test func keepsWhatTheGuestsRootSaysOfAFile() throws {
        let host = try HostDirectory()
        try Self.onWorker(host) { guest, root, host in
            let made = try guest.create("f", in: root)
            let (node, handle) = (made.entry.node, made.open.handle)
            #expect(made.entry.attributes.uid == 0 && made.entry.attributes.gid == 0)
            let changed = try guest.setattr(node) {
                $0.fields = [.uid, .gid, .mode]
                ($0.uid, $0.gid, $0.mode) = (77, 88, 0o4751)
            }
            #expect(changed.uid == 77 && changed.gid == 88 && changed.mode == 0o104751)
            #expect(try guest.getattr(node, handle: handle).mode == 0o104751)
            let seen = try guest.ask(guest.request(.statx, node).adding(StatxIn()), StatxOut.self).attributes
            #expect(seen.uid == 77 && seen.gid == 88 && seen.mode == 0o104751)
            let linked = try guest.link(node, to: "g", in: root).attributes
            #expect(linked.uid == 77 && linked.mode == 0o104751)
            #expect(host.xattr("f", Self.record) == "77:88:4751:file")
        }
        let found = try #require(host.status("f"))
        #expect(found.st_uid == getuid() && found.st_gid == getgid() && found.st_mode == 0o100751)
        // And in another session, found by a lookup and by a listing.
        try Self.onWorker(host) { guest, root, _ in
            let found = try guest.lookup("g", in: root).attributes
            #expect(found.uid == 77 && found.gid == 88 && found.mode == 0o104751)
            for entry in try guest.list(root, plus: true) where entry.name == "f" {
                #expect(entry.found?.attributes.uid == 77 && entry.found?.attributes.mode == 0o104751)
            }
        }
    }

    @Test func hasNoRecordOfWhatTheHostSaysItself() throws {
        let host = try HostDirectory().file("old").directory("dir")
        try Self.onWorker(host) { guest, root, host in
            #expect(try guest.getattr(root).uid == 0)
            let node = try guest.create("f", in: root, mode: 0o640).entry.node
            _ = try guest.mkdir("d", in: root, mode: 0o1777)
            for name in ["f", "d", "old", "dir"] {
                #expect(try guest.lookup(name, in: root).attributes.gid == 0)
                #expect(host.xattr(name, Self.record) == nil, "\(name)")
            }
            _ = try guest.setattr(node) { ($0.fields, $0.uid) = ([.uid], 5) }
            #expect(host.xattr("f", Self.record) == "5:0:0640:file")
            _ = try guest.setattr(node) { ($0.fields, $0.uid) = ([.uid], 0) }
            #expect(host.xattr("f", Self.record) == nil)
            #expect(Self.mode(host, "f") == 0o640 && Self.mode(host, "d") == 0o1777)
        }
    }

    @Test func givesWhatIsMadeToItsCallerAndWithAllOfItsMode() throws {
        let host = try HostDirectory().directory("open")
        try Self.onWorker(host) { guest, root, _ in
            (guest.uid, guest.gid) = (1000, 1001)
            let made = try guest.create("f", in: root, mode: 0o6444).entry.attributes
            #expect(made.uid == 1000 && made.gid == 1001 && made.mode == 0o106444)
            let directory = try guest.mkdir("d", in: root, mode: 0o555).attributes
            #expect(directory.uid == 1000 && directory.gid == 1001 && directory.mode == 0o040555)
            let file = try guest.mknod("m", in: root, mode: 0o100200).attributes
            #expect(file.uid == 1000 && file.gid == 1001 && file.mode == 0o100200)
            let body = CreateIn { ($0.flags, $0.mode) = (UInt32(bitPattern: O_RDWR), 0o100400) }
            let unnamed = try guest.ask(
                guest.request(.tmpfile, root).adding(body).adding(name: "/"), CreateOut.self)
            #expect(unnamed.entry.attributes.uid == 1000 && unnamed.entry.attributes.mode == 0o100400)
            // A link is its directory's owner's, whoever asks for another.
            let owned = try guest.mkdir("owned", in: root).node
            for (directory, uid) in [(root, 0), (owned, 1000)] as [(NodeID, UInt32)] {
                let link = try guest.symlink("l", to: "f", in: directory)
                #expect(link.attributes.uid == uid && link.attributes.gid == (uid == 0 ? 0 : 1001))
                _ = try guest.setattr(link.node) { ($0.fields, $0.uid) = ([.uid], 5) }
                #expect(try guest.getattr(link.node).uid == uid)
                #expect(try guest.lookup("l", in: directory).attributes.uid == uid)
            }
        }
        #expect(Self.mode(host, "f") == 0o644 && Self.mode(host, "d") == 0o755 && Self.mode(host, "m") == 0o600)
        for name in ["f", "d", "m", "l"] { #expect(host.status(name)?.st_uid == getuid(), "\(name)") }
    }

    @Test func keepsDevicesFIFOsAndSocketsAsEmptyFiles() throws {
        let host = try HostDirectory()
        let kinds: [(String, mode_t, UInt32)] = [
            ("null", S_IFCHR, 0x0103), ("disk", S_IFBLK, 0xABC0_08FF), ("fifo", S_IFIFO, 0), ("socket", S_IFSOCK, 0),
            ("whiteout", S_IFCHR, 0),
        ]
        try Self.onWorker(host) { guest, root, _ in
            for (name, type, device) in kinds {
                let made = try guest.mknod(name, in: root, mode: type | 0o666, device: device)
                #expect(made.attributes.mode == type | 0o666 && made.attributes.device == device, "\(name)")
                #expect(refusal { _ = try guest.open(made.node, O_RDWR) } == .noSuchAddressOrDevice)
                #expect(refusal { _ = try guest.create(name, in: root) } == .staleNFSFileHandle)
                let cut = refusal { _ = try guest.setattr(made.node) { $0.fields = [.size] } }
                #expect(cut == .invalidArgument)
                let changed = try guest.setattr(made.node) { ($0.fields, $0.gid, $0.mode) = ([.gid, .mode], 6, 0o640) }
                #expect(changed.mode == type | 0o640 && changed.device == device && changed.gid == 6, "\(name)")
            }
            #expect(refusal { _ = try guest.mknod("d", in: root, mode: 0o40755) } == .notPermitted)
            #expect(refusal { _ = try guest.mknod("l", in: root, mode: 0o120777) } == .invalidArgument)
        }
        #expect(host.xattr("null", Self.record) == "0:6:0640:char-1-3")
        #expect(host.xattr("disk", Self.record) == "0:6:0640:block-8-\(0xABCFF)")
        for (name, _, _) in kinds {
            let found = try #require(host.status(name))
            #expect(found.st_mode == 0o100640 && found.st_size == 0 && found.st_uid == getuid(), "\(name)")
        }
        try Self.onWorker(host) { guest, root, _ in
            for plus in [false, true] {
                let listed = try guest.list(root, plus: plus)
                for (name, type, _) in kinds {
                    let entry = try #require(listed.first { $0.name == name })
                    #expect(entry.type == type >> 12, "\(name)")
                    #expect((entry.found?.attributes.mode ?? (type | 0o640)) == type | 0o640, "\(name)")
                }
            }
        }
    }

    @Test func showsAndTakesNoRecordAsAnAttribute() throws {
        let host = try HostDirectory()
        try Self.onWorker(host) { guest, root, _ in
            (guest.uid, guest.gid) = (7, 7)
            let node = try guest.create("f", in: root).entry.node
            try guest.setxattr(node, "user.other", [1])
            #expect(try guest.listxattr(node) == Array("user.other\0".utf8))
            #expect(try guest.ask(guest.request(.listxattr, node).adding(GetxattrIn()), GetxattrOut.self).size == 11)
            #expect(refusal { _ = try guest.getxattr(node, Self.record) } == .noData)
            #expect(refusal { _ = try guest.getxattr(node, Self.record, size: 0) } == .noData)
            #expect(refusal { try guest.setxattr(node, Self.record, Array("0:0:04755:file".utf8)) } == .notPermitted)
            let remove = { try guest.order(guest.request(.removexattr, node).adding(name: Self.record)) }
            #expect(refusal(remove) == .noData)
            #expect(try guest.getattr(node).uid == 7)
        }
    }

    @Test func handsAMappedDirectorysGroupOn() throws {
        let host = try HostDirectory()
        try Self.onWorker(host) { guest, root, _ in
            let shared = try guest.mkdir("shared", in: root).node
            _ = try guest.setattr(shared) { ($0.fields, $0.gid, $0.mode) = ([.gid, .mode], 50, 0o2775) }
            (guest.uid, guest.gid) = (1000, 1000)
            let file = try guest.create("f", in: shared, mode: 0o664).entry.attributes
            #expect(file.uid == 1000 && file.gid == 50 && file.mode == 0o100664)
            let directory = try guest.mkdir("d", in: shared, mode: 0o775).attributes
            #expect(directory.gid == 50 && directory.mode == 0o042775)
            #expect(try guest.mknod("p", in: shared, mode: 0o10600).attributes.gid == 50)
        }
        for name in ["shared", "shared/d"] { #expect(Self.mode(host, name) == 0o775) }
    }

    @Test func takesPrivilegesAwayWithAChangeOfOwnerOrContent() throws {
        let host = try HostDirectory()
        try Self.onWorker(host) { guest, root, _ in
            func withPrivileges(_ name: String, _ change: (NodeID, HandleID) throws -> Void) throws {
                guest.uid = 0
                let made = try guest.create(name, in: root)
                _ = try guest.setattr(made.entry.node) { ($0.fields, $0.uid, $0.gid) = ([.uid, .gid], 9, 9) }
                _ = try guest.setattr(made.entry.node) { ($0.fields, $0.mode) = ([.mode], 0o6755) }
                guest.uid = 1234
                try change(made.entry.node, made.open.handle)
                let left = try guest.getattr(made.entry.node)
                #expect(left.mode == 0o100755 && left.uid == 9, "\(name)")
            }
            try withPrivileges("chown") { node, _ in
                _ = try guest.setattr(node) { ($0.fields, $0.uid) = ([.uid], 9) }
            }
            try withPrivileges("write") { node, handle in
                try guest.write(node, handle, [1], writeFlags: .killPrivileges)
            }
            try withPrivileges("truncate") { node, _ in
                _ = try guest.setattr(node) { $0.fields = [.size, .killPrivileges] }
            }
            try withPrivileges("fallocate") { node, handle in
                let body = FallocateIn { ($0.handle, $0.size) = (handle, 10) }
                try guest.order(guest.request(.fallocate, node).adding(body))
            }
            try withPrivileges("open") { node, _ in
                let body = OpenIn { ($0.flags, $0.openFlags) = (UInt32(bitPattern: O_WRONLY | O_TRUNC), 1) }
                _ = try guest.ask(guest.request(.open, node).adding(body), OpenOut.self)
            }
        }
    }

    @Test func worksWithFilesThatTheirModeForbidsTheirOwner() throws {
        let host = try HostDirectory().file("sealed", "text").directory("closed").file("closed/f").directory("to")
        chmod(host.path("sealed"), 0o444)
        chmod(host.path("closed"), 0o555)
        try Self.onWorker(host) { guest, root, host in
            // What the host's user has forbidden itself keeps its record.
            let shut = try guest.create("shut", in: root).entry.node
            _ = try guest.setattr(shut) { ($0.fields, $0.uid) = ([.uid], 8) }
            chmod(host.path("shut"), 0)
            _ = try guest.open(shut, O_RDWR)
            #expect(try guest.getattr(shut).uid == 8)

            let mine = try guest.create("mine", in: root, mode: 0).entry.node
            let opened = try guest.open(mine, O_RDWR)
            try guest.write(mine, opened.handle, [1, 2])
            #expect(try guest.getattr(mine).mode == 0o100000)

            let sealed = try guest.lookup("sealed", in: root).node
            let handle = try guest.open(sealed, O_RDWR).handle
            try guest.write(sealed, handle, [1, 2, 3])
            let closed = try guest.lookup("closed", in: root).node
            _ = try guest.create("made", in: closed)
            try guest.unlink("f", in: closed)
            _ = try guest.setattr(closed) { ($0.fields, $0.mode) = ([.mode], 0o511) }
            try guest.rename("closed", in: root, to: "moved", in: guest.lookup("to", in: root).node)
            #expect(try guest.getattr(sealed).mode == 0o100444)
            #expect(try guest.getattr(closed).mode == 0o040511)
        }
        #expect(host.exists("to/moved/made") && !host.exists("to/moved/f"))
        #expect(host.content("sealed").map { $0.utf8.count } == 4)
        // Root needs no mode.
        if getuid() != 0 { #expect(Self.mode(host, "sealed") == 0o644) }
        #expect(Self.mode(host, "mine") == 0o600 && Self.mode(host, "to/moved") == 0o711)
    }

    @Test func showsRecordsOfAReadOnlyShareAndChangesNone() throws {
        let host = try HostDirectory().file("f")
        host.setXattr("f", Self.record, "12:34:0600:file")
        try Self.onWorker(host, .readOnly) { guest, root, _ in
            let found = try guest.lookup("f", in: root)
            #expect(found.attributes.uid == 12 && found.attributes.gid == 34 && found.attributes.mode == 0o100600)
            #expect(refusal { _ = try guest.setattr(found.node) { $0.fields = [.uid] } } == .readOnlyFileSystem)
        }
        #expect(Self.mode(host, "f") == 0o644)
    }

    @Test(
        arguments: [
            ("1:2:0644", 1, 0o100644), ("1:2:0100644", 1, 0o100644), ("1:2:0644:file", 1, 0o100644),
            ("1:2:04755:file", 1, 0o104755), ("1:2:010600", 1, 0o010600), ("1:2:600:pipe", 1, 0o010600),
            ("1:2:0600:socket", 1, 0o140600), ("1:2:0600:char-1-3", 1, 0o020600),
            // What is no record says nothing.
            ("", 0, 0o100644), ("1", 0, 0o100644), ("1:2", 0, 0o100644), ("1:2:", 0, 0o100644),
            (":2:0644", 0, 0o100644),
            ("1:2:0688", 0, 0o100644), ("-1:2:0644", 0, 0o100644), ("4294967295:2:0644", 0, 0o100644),
            ("4294967296:2:0644", 0, 0o100644), ("1:4294967295:0644", 0, 0o100644), ("1:2:7777777", 0, 0o100644),
            ("1:2:0644:dir", 0, 0o100644), ("1:2:040755", 0, 0o100644), ("1:2:0120777", 0, 0o100644),
            ("1:2:0644:symlink", 0, 0o100644), ("1:2:0644:char", 0, 0o100644), ("1:2:0644:char-1", 0, 0o100644),
            ("1:2:0644:char-4096-1", 0, 0o100644), ("1:2:0644:char-1-1048576", 0, 0o100644),
            ("1:2:0644:file:", 0, 0o100644), ("1:2:0644:file ", 0, 0o100644), ("1:2:0644:\0", 0, 0o100644),
            (String(repeating: "1", count: 100), 0, 0o100644),
            ("1:2:0644:file-" + String(repeating: "0", count: 40), 0, 0o100644),
        ] as [(String, UInt32, UInt32)])
    func readsRecordsOfOthersWithCare(text: String, uid: UInt32, mode: UInt32) throws {
        let host = try HostDirectory().file("f").directory("d")
        host.setXattr("f", Self.record, text)
        host.setXattr("d", Self.record, "5:5:0644:file")
        try Self.onWorker(host) { guest, root, _ in
            let found = try guest.lookup("f", in: root).attributes
            #expect(found.uid == uid && found.mode == mode)
            #expect(try guest.lookup("d", in: root).attributes.mode == 0o040755)
        }
    }

    /// The guest meets it anew.
    @Test func takesAFileThatBecameADeviceForStale() throws {
        let host = try HostDirectory().file("f")
        try Self.onWorker(host) { guest, root, host in
            let node = try guest.lookup("f", in: root).node
            host.setXattr("f", Self.record, "0:0:0600:char-1-1")
            #expect(refusal { _ = try guest.getattr(node) } == .staleNFSFileHandle)
            #expect(refusal { _ = try guest.lookup("f", in: root) } == .staleNFSFileHandle)
            guest.forget(node)
            #expect(try guest.lookup("f", in: root).attributes.mode == 0o020600)
        }
    }

    @Test func isRefusedWhereTheHostHasNoRoomForRecords() throws {
        let aggregate = try Aggregate(access: .readWrite)
        let error = #expect(throws: AddChildError.self) {
            try aggregate.addChild(
                name: "share", hostPath: "/proc", access: .readWrite, options: ChildOptions(ownership: .mapped))
        }
        #expect(error?.reason == .ownership && error?.errno == .notSupported)
        #expect(aggregate.childCount == 0)
    }

    @Test func leavesNothingBehindWhereARecordCannotBeKept() throws {
        let host = try HostDirectory().directory("plain")
        guard mount("none", host.path("plain"), "ramfs", 0, nil) == 0 else { return }
        defer { umount(host.path("plain")) }
        try Self.onWorker(host) { guest, root, _ in
            let plain = try guest.lookup("plain", in: root).node
            (guest.uid, guest.gid) = (5, 5)
            #expect(refusal { _ = try guest.create("f", in: plain) } == .notSupported)
            #expect(refusal { _ = try guest.mkdir("d", in: plain) } == .notSupported)
            #expect(refusal { _ = try guest.mknod("p", in: plain, mode: 0o10600) } == .notSupported)
            #expect(try guest.list(plain).map(\.name).sorted() == [".", ".."])
            // What needs no record is all right.
            (guest.uid, guest.gid) = (0, 0)
            let node = try guest.create("f", in: plain).entry.node
            #expect(
                refusal { _ = try guest.setattr(node) { ($0.fields, $0.mode) = ([.mode], 0o4700) } } == .notSupported)
            #expect(try guest.getattr(node).mode == 0o100644)
        }
    }

    @Test func goesByTheUmaskAndByAListThatIsSet() throws {
        let host = try HostDirectory()
        try Self.onWorker(host, acl: true) { guest, root, host in
            (guest.uid, guest.gid) = (5, 5)
            let body = CreateIn { ($0.flags, $0.mode, $0.umask) = (UInt32(bitPattern: O_RDWR), 0o100666, 0o277) }
            let node = try guest.ask(guest.request(.create, root).adding(body).adding(name: "f"), CreateOut.self).entry
                .node
            #expect(try guest.getattr(node).mode == 0o100400)
            #expect(Self.mode(host, "f") == 0o600)
            var list: [UInt8] = withUnsafeBytes(of: UInt32(2)) { Array($0) }
            for (tag, permissions, id) in [(1, 0, .max), (2, 6, 77), (4, 4, .max), (16, 6, .max), (32, 0, .max)]
                as [(UInt16, UInt16, UInt32)]
            {
                list += withUnsafeBytes(of: tag) { Array($0) } + withUnsafeBytes(of: permissions) { Array($0) }
                list += withUnsafeBytes(of: id) { Array($0) }
            }
            let set = SetxattrIn { $0.size = UInt32(list.count) }
            let message = guest.request(.setxattr, node).adding(set).adding(SetxattrExtension())
                .adding(name: "system.posix_acl_access").adding(bytes: list)
            if refusal({ try guest.order(message) }) == .notSupported { return }
            let after = try guest.getattr(node)
            #expect(after.mode == 0o100060 && after.uid == 5)
            #expect(Self.mode(host, "f") == 0o660)
        }
    }
}

extension HostDirectory {
    /// The text of an attribute of something in here; nil when it has none.
    func xattr(_ name: String, _ attribute: String) -> String? {
        let directory = cl_openat(CL_AT_FDCWD, path.string, CL_O_PATH, 0)
        defer { _ = cl_close(directory) }
        var value = [UInt8](repeating: 0, count: 256)
        let count = cl_getxattr_at(directory, name, attribute, &value, value.count)
        return count < 0 ? nil : String(decoding: value.prefix(count), as: UTF8.self)
    }

    func setXattr(_ name: String, _ attribute: String, _ text: String) {
        let file = cl_openat(CL_AT_FDCWD, path(name), CL_O_PATH | O_NOFOLLOW, 0)
        defer { _ = cl_close(file) }
        let value = Array(text.utf8)
        _ = cl_setxattr_held(file, attribute, value, value.count, 0)
    }
}
