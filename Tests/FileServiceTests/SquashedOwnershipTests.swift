import CLinux
import FUSE
import FileService
import Glibc
import Linux
import Sandbox
import SystemPackage
import Testing

/// `owner=UID:GID`: all of a share is one user's in the guest.
@Suite struct SquashedOwnershipTests {
    private func onWorker(
        _ host: HostDirectory, _ body: @escaping @Sendable (GuestClient, NodeID, HostDirectory) throws -> Void
    ) throws {
        try FileServiceTests.onWorker(
            host, options: ChildOptions(ownership: .squashed(uid: 1000, gid: 100)),
            as: CallerIdentity(uid: 0, gid: 0), body)
    }

    @Test func showsAllAsOneUsers() throws {
        let host = try HostDirectory().file("f").directory("d").link("l", to: "f")
        try onWorker(host) { guest, root, _ in
            for node in [root] + (try ["f", "d", "l"].map { try guest.lookup($0, in: root).node }) {
                let found = try guest.getattr(node)
                #expect(found.uid == 1000 && found.gid == 100)
                let seen = try guest.ask(guest.request(.statx, node).adding(StatxIn()), StatxOut.self).attributes
                #expect(seen.uid == 1000 && seen.gid == 100)
            }
            for entry in try guest.list(root, plus: true) where !entry.name.hasPrefix(".") {
                #expect(entry.found?.attributes.uid == 1000 && entry.found?.attributes.gid == 100)
            }
            let made = try guest.create("made", in: root)
            #expect(made.entry.attributes.uid == 1000)
            #expect(try guest.link(made.entry.node, to: "again", in: root).attributes.gid == 100)
        }
    }

    /// With a launcher that is root, and whoever asks in the guest.
    @Test func givesWhatIsMadeToTheSharesOwnerOnTheHost() throws {
        let host = try HostDirectory()
        if getuid() == 0 { chown(host.path.string, 4321, 5432) }
        let expected: (uid_t, gid_t) = getuid() == 0 ? (4321, 5432) : (getuid(), getgid())
        try onWorker(host) { guest, root, host in
            for uid: UInt32 in [0, 1000, 77] {
                guest.uid = uid
                _ = try guest.create("file-\(uid)", in: root, mode: 0o600)
                let inner = try guest.mkdir("directory-\(uid)", in: root, mode: 0o700).node
                _ = try guest.mknod("fifo-\(uid)", in: inner, mode: UInt32(S_IFIFO) | 0o600)
                _ = try guest.symlink("link-\(uid)", to: "x", in: inner)
                for name in [
                    "file-\(uid)", "directory-\(uid)", "directory-\(uid)/fifo-\(uid)", "directory-\(uid)/link-\(uid)",
                ] {
                    let found = try #require(host.status(name))
                    #expect(found.st_uid == expected.0 && found.st_gid == expected.1, "\(name)")
                }
            }
        }
    }

    @Test func takesAChangeOfOwnerForNoneAndRefusesAnyOther() throws {
        let host = try HostDirectory().file("f")
        try onWorker(host) { guest, root, _ in
            let node = try guest.lookup("f", in: root).node
            _ = try guest.setattr(node) { ($0.fields, $0.mode) = ([.mode], 0o4755) }
            for fields: SetattrFields in [[.uid], [.gid], [.uid, .gid]] {
                let same = try guest.setattr(node) { ($0.fields, $0.uid, $0.gid) = (fields, 1000, 100) }
                // As chown(2) does.
                #expect(same.uid == 1000 && same.gid == 100 && same.mode == 0o100755)
                let other = refusal {
                    _ = try guest.setattr(node) { ($0.fields, $0.uid, $0.gid) = (fields, 1001, 101) }
                }
                #expect(other == .notPermitted)
            }
        }
        #expect(host.status("f").map(\.st_uid) == getuid())
    }
}
