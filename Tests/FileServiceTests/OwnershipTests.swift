import CLinux
import FUSE
import FileService
import Glibc
import Linux
import Sandbox
import SystemPackage
import Testing

/// What guests create belongs to their caller, with exactly the mode they ask for.
@Suite struct OwnershipTests {
    /// Runs a guest on a thread that is set up as workers are.
    private func onWorker(_ body: @escaping @Sendable (GuestClient, NodeID) throws -> Void) throws -> HostDirectory {
        let host = try HostDirectory().directory("shared")
        try FileServiceTests.onWorker(host, as: CallerIdentity(uid: 1234, gid: 2345)) { guest, root, _ in
            try body(guest, root)
        }
        return host
    }

    @Test func createsInTheNameOfTheCaller() throws {
        let host = try onWorker { guest, root in
            _ = try guest.create("file", in: root, mode: 0o666)
            let directory = try guest.mkdir("directory", in: root, mode: 0o777).node
            _ = try guest.symlink("link", to: "file", in: root)
            _ = try guest.mknod("fifo", in: root, mode: UInt32(S_IFIFO) | 0o622)
            // Where only the directory's owner may write, the caller's guest has already judged.
            guest.uid = 4321
            _ = try guest.create("deep", in: directory)
        }
        let expected: (uid_t, gid_t) = getuid() == 0 ? (1234, 2345) : (getuid(), getgid())
        for (name, mode) in [("file", 0o666), ("directory", 0o777), ("fifo", 0o622)] as [(String, mode_t)] {
            let found = try #require(host.status(name))
            #expect(found.st_uid == expected.0 && found.st_gid == expected.1, "\(name)")
            #expect(found.st_mode & 0o7777 == mode, "\(name)")
        }
        #expect(host.status("link").map(\.st_uid) == expected.0)
        #expect(host.exists("directory/deep"))
    }

    @Test func changesOwnersAsFarAsTheHostAllows() throws {
        _ = try onWorker { guest, root in
            let node = try guest.create("f", in: root).entry.node
            let change = {
                _ = try guest.setattr(node) {
                    $0.fields = [.uid, .gid, .mode]
                    $0.uid = 77
                    $0.gid = 88
                    $0.mode = 0o4755
                }
            }
            guard getuid() == 0 else {
                #expect(refusal(change) == .notPermitted)
                return
            }
            try change()
            let attributes = try guest.getattr(node)
            #expect(attributes.uid == 77 && attributes.gid == 88)
            #expect(attributes.mode & 0o7777 == 0o4755)
        }
    }
}

/// What a directory's mode and its group mean for what is made in it, and what a change by others than root clears.
extension OwnershipTests {
    @Test func givesADirectorysGroupOnWhereItIsSetGroupID() throws {
        let host = try onWorker { guest, root in
            guard let host = guest.host else { return }
            chmod(host.path("shared"), 0o2777)
            if getuid() == 0 { chown(host.path("shared"), 0, 777) }
            let shared = try guest.lookup("shared", in: root).node
            for (uid, name) in [(0, "root"), (1234, "user")] as [(UInt32, String)] {
                guest.uid = uid
                guest.gid = uid
                _ = try guest.create("\(name)-file", in: shared, mode: 0o664)
                _ = try guest.mkdir("\(name)-directory", in: shared, mode: 0o775)
                _ = try guest.mknod("\(name)-fifo", in: shared, mode: UInt32(S_IFIFO) | 0o600)
                _ = try guest.symlink("\(name)-link", to: "x", in: shared)
            }
        }
        let group = try #require(host.status("shared")).st_gid
        for name in ["root", "user"] {
            for kind in ["file", "directory", "fifo", "link"] {
                let found = try #require(host.status("shared/\(name)-\(kind)"), "\(name) \(kind)")
                #expect(found.st_gid == group, "\(name) \(kind)")
                #expect((found.st_mode & 0o2000 != 0) == (kind == "directory"), "\(name) \(kind)")
                if getuid() == 0 { #expect(found.st_uid == (name == "root" ? 0 : 1234)) }
            }
        }
    }

    @Test func clearsPrivilegesWhenAnybodyButRootChangesTheContent() throws {
        let host = try onWorker { guest, root in
            guard let host = guest.host else { return }
            for (user, expected) in [(1234, 0o755), (0, getuid() == 0 ? 0o6755 : 0o755)] as [(UInt32, mode_t)] {
                guest.uid = user
                let from = try guest.create("from-\(user)", in: root)
                try guest.write(from.entry.node, from.open.handle, [1, 2, 3])
                for way in ["fallocate", "copy"] {
                    let name = "\(way)-\(user)"
                    let made = try guest.create(name, in: root)
                    let (node, handle) = (made.entry.node, made.open.handle)
                    chmod(host.path(name), 0o6755)
                    if way == "copy" {
                        let body = CopyFileRangeIn {
                            $0.sourceHandle = from.open.handle
                            $0.target = node
                            $0.targetHandle = handle
                            $0.size = 3
                        }
                        _ = try guest.ask(
                            guest.request(.copyFileRange, from.entry.node).adding(body), WriteOut.self)
                    } else {
                        let body = FallocateIn {
                            $0.handle = handle
                            $0.size = 100
                        }
                        try guest.order(guest.request(.fallocate, node).adding(body))
                    }
                    #expect(host.status(name).map { $0.st_mode & 0o7777 } == expected, "\(name)")
                }
            }
        }
        #expect(host.exists("copy-0"))
    }

    @Test func takesTheCallersSupplementaryGroupForWhatItMakes() throws {
        let host = try onWorker { guest, root in
            let credentials = ThreadCredentials()
            let count = { getgroups(0, nil) }
            let (before, within) = try credentials.perform(as: 1234, 2345, group: 777) { () throws(Errno) in
                (getuid() == 0 ? 1 : count(), count())
            }
            #expect(within == before)
            if getuid() == 0 { #expect(count() == 0) }

            func mkdir(_ name: String, _ extensions: [UInt32]) throws -> Errno? {
                let head = guest.request(.mkdir, root).adding(MkdirIn { $0.mode = 0o755 }).adding(name: name)
                let bytes = extensions.withUnsafeBytes { Array($0) }
                var message = head.adding(bytes: bytes).bytes
                let padded = UInt16(bytes.count / 8)
                withUnsafeBytes(of: padded) { message[36...37] = ArraySlice($0) }
                let reply = guest.exchange(message, room: 512)
                return reply.withUnsafeBytes { OutHeader(copying: $0) }.flatMap { header in
                    header.error == 0 ? nil : Errno(rawValue: -header.error)
                }
            }
            #expect(try mkdir("group", [16, 32, 1, 777]) == nil)
            // Labels of nothing come first where there are any.
            #expect(try mkdir("labels", [8, 0, 16, 32, 1, 777]) == nil)
            #expect(try mkdir("many", [16, 32, 2, 777]) == .invalidArgument)
            #expect(try mkdir("long", [24, 32, 1, 777]) == .invalidArgument)
            #expect(try mkdir("short", [4, 32, 1, 777]) == .invalidArgument)
        }
        #expect(host.exists("group") && host.exists("labels") && !host.exists("many") && !host.exists("long"))
    }
}
