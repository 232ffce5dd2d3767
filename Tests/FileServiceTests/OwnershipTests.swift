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
        let host = try HostDirectory()
        let aggregate = try host.aggregate()
        let worker = try Thread(name: "worker") {
            do {
                _ = try WorkerConfinement.enter()
                let guest = try GuestClient(aggregate)
                guest.uid = 1234
                guest.gid = 2345
                try body(guest, guest.walk("share"))
            } catch {
                Issue.record(error)
            }
        }
        worker.join()
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
