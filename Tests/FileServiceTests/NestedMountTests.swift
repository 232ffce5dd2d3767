import FUSE
import FileService
import Glibc
import SystemPackage
import TestSupport
import Testing

/// File systems that are mounted on the host below a share: shown as they are there, each inode as what it is.
@Suite(.enabled(if: TestMount.isAllowed, "needs to mount")) struct NestedMountTests {
    private func content(_ guest: GuestClient, _ node: NodeID) throws -> String {
        let handle = try guest.open(node).handle
        defer { try? guest.release(node, handle) }
        return String(decoding: try guest.read(node, handle), as: UTF8.self)
    }

    @Test func showsAFileSystemMountedBelowAndKeepsItsNumbersApart() throws {
        let (host, guest, root) = try makeShare { $0.directory("one").directory("two") }
        let mounts = try ["one", "two"].map { try TestMount("tmpfs", at: host.path($0)) }
        // Made in the same order in both: the same numbers.
        for name in ["one", "two"] { host.file("\(name)/x", "in \(name)") }
        #expect(host.status("one/x")?.st_ino == host.status("two/x")?.st_ino)

        let nodes = try ["one", "two"].map { try guest.walk("share/\($0)/x") }

        #expect(nodes[0] != nodes[1])
        #expect(try guest.getattr(nodes[0]).inode != guest.getattr(nodes[1]).inode)
        #expect(try content(guest, nodes[0]) == "in one")
        #expect(try content(guest, nodes[1]) == "in two")
        let listed = try guest.list(guest.walk("share/one"), plus: true).first { $0.name == "x" }
        #expect(try listed?.inode == guest.getattr(nodes[0]).inode)
        // Not from one to the other, as on the host.
        let (one, two) = (try guest.walk("share/one"), try guest.walk("share/two"))
        #expect(refusal { try guest.rename("x", in: one, to: "y", in: two) } == .improperLink)
        #expect(refusal { _ = try guest.link(nodes[0], to: "y", in: two) } == .improperLink)
        #expect(refusal { try guest.rmdir("one", in: root) } == .resourceBusy)
        withExtendedLifetime(mounts) {}
    }

    @Test func takesADirectoryThatIsMountedTwiceForTwo() throws {
        let (host, guest, _) = try makeShare { $0.directory("here").directory("there").file("here/x", "text") }
        let bind = try TestMount.bind(host.path("here"), at: host.path("there"))

        let (here, there) = (try guest.walk("share/here/x"), try guest.walk("share/there/x"))

        // One inode, but each is found by a path of its own: a file may only be written by one of them.
        #expect(here != there)
        #expect(try guest.getattr(here).inode == guest.getattr(there).inode)
        let handle = try guest.open(there, O_RDWR).handle
        try guest.write(there, handle, Array("new!".utf8))
        try guest.release(there, handle)
        #expect(try content(guest, here) == "new!")
        try bind.remount(CInt(MS_RDONLY))
        #expect(refusal { _ = try guest.open(there, O_RDWR) } == .readOnlyFileSystem)
        #expect(refusal { _ = try guest.open(here, O_RDWR) } == nil)
    }

    @Test func findsWhatIsUnderAMountOnceThatHasGone() throws {
        let (host, guest, _) = try makeShare { $0.directory("place").file("place/x", "under") }
        let under = try guest.walk("share/place/x")
        var mount: TestMount? = try TestMount("tmpfs", at: host.path("place"))
        host.file("place/x", "over")

        // Whom it knows is still itself, or gone: never the other.
        let seen = refusal {
            let text = try content(guest, under)
            #expect(text == "under")
        }
        #expect(seen == nil || seen == .staleNFSFileHandle)
        let over = try guest.walk("share/place/x")
        #expect(over != under)
        #expect(try content(guest, over) == "over")
        withExtendedLifetime(mount) {}
        mount = nil

        let left = refusal {
            let text = try content(guest, over)
            #expect(text == "over")
        }
        #expect(left == nil || left == .staleNFSFileHandle)
        let again = try guest.walk("share/place/x")
        #expect(try content(guest, again) == "under")
    }

    @Test func refusesEveryChangeBelowAMountThatMayOnlyBeRead() throws {
        let (host, guest, root) = try makeShare { $0.directory("ro") }
        let mount = try TestMount("tmpfs", at: host.path("ro"))
        host.file("ro/x", "text")
        try mount.remount(CInt(MS_RDONLY))
        let (ro, x) = (try guest.walk("share/ro"), try guest.walk("share/ro/x"))

        #expect(refusal { _ = try guest.create("new", in: ro) } == .readOnlyFileSystem)
        #expect(refusal { _ = try guest.mkdir("new", in: ro) } == .readOnlyFileSystem)
        #expect(refusal { _ = try guest.open(x, O_RDWR) } == .readOnlyFileSystem)
        #expect(refusal { _ = try guest.open(x, O_RDONLY | O_TRUNC) } == .readOnlyFileSystem)
        #expect(refusal { try guest.unlink("x", in: ro) } == .readOnlyFileSystem)
        #expect(refusal { try guest.rename("x", in: ro, to: "y", in: ro) } == .readOnlyFileSystem)
        #expect(
            refusal {
                _ = try guest.setattr(x) {
                    $0.fields = .mode
                    $0.mode = 0o600
                }
            } == .readOnlyFileSystem)
        #expect(refusal { try guest.setxattr(x, "user.a", [1]) } == .readOnlyFileSystem)
        #expect(try content(guest, x) == "text")
        #expect(refusal { _ = try guest.create("new", in: root) } == nil)
    }

    @Test func servesAShareThatIsMountedToBeReadOnly() throws {
        let host = try HostDirectory().directory("fs")
        let mount = try TestMount("tmpfs", at: host.path("fs"))
        host.file("fs/x", "text")
        try mount.remount(CInt(MS_RDONLY))
        let aggregate = try Aggregate(access: .readWrite)
        try aggregate.addChild(name: "share", hostPath: FilePath(host.path("fs")), access: .readWrite)
        let guest = try GuestClient(aggregate)

        #expect(try content(guest, guest.walk("share/x")) == "text")
        #expect(refusal { _ = try guest.create("y", in: guest.walk("share")) } == .readOnlyFileSystem)
        try aggregate.removeChild(named: "share", revoke: true)
    }

    @Test func followsAnOverlayThatCopiesUp() throws {
        let host = try HostDirectory()
        // On one file system of its own: not every one can be an upper directory.
        host.directory("base").directory("merged")
        let base = try TestMount("tmpfs", at: host.path("base"))
        for name in ["lower", "upper", "work"] { host.directory("base/\(name)") }
        host.file("base/lower/x", "lower").file("base/lower/y", "stays")
        let options = ["lower", "upper", "work"].map { "\($0)dir=\(host.path("base/\($0)"))" }.joined(separator: ",")
        let overlay = try TestMount("overlay", at: host.path("merged"), options: options)
        let aggregate = try Aggregate(access: .readWrite)
        try aggregate.addChild(name: "share", hostPath: FilePath(overlay.path), access: .readWrite)
        let guest = try GuestClient(aggregate)
        let (root, x) = (try guest.walk("share"), try guest.walk("share/x"))
        let inode = try guest.getattr(x).inode

        // Copied up by being opened to be written; the same file for the guest.
        let handle = try guest.open(x, O_RDWR).handle
        try guest.write(x, handle, Array("upper".utf8))
        try guest.release(x, handle)

        #expect(host.content("base/upper/x") == "upper")
        #expect(host.content("base/lower/x") == "lower")
        #expect(try guest.lookup("x", in: root).node == x)
        #expect(try guest.getattr(x).inode == inode)
        #expect(try content(guest, x) == "upper")
        try guest.unlink("y", in: root)
        #expect(refusal { _ = try guest.lookup("y", in: root) } == .noSuchFileOrDirectory)
        #expect(host.content("base/lower/y") == "stays")
        try aggregate.removeChild(named: "share", revoke: true)
        withExtendedLifetime((base, overlay)) {}
    }
}

private let canMountSubvolumes = TestMount.canMountImages("mkfs.btrfs -q")

/// A file system with subvolumes: file systems of their own within one mount, whose roots all have the same number.
@Suite(.enabled(if: canMountSubvolumes, "needs to mount a btrfs")) struct SubvolumeTests {
    private func makeVolume(_ megabytes: Int = 128) throws -> (HostDirectory, TestMount) {
        let host = try HostDirectory().directory("fs")
        return (host, try TestMount(image: "mkfs.btrfs -q", megabytes: megabytes, at: host.path("fs")))
    }

    private func run(_ command: String) throws {
        try #require(system("btrfs \(command) > /dev/null 2>&1") == 0, "btrfs \(command)")
    }

    @Test func keepsSubvolumesAndSnapshotsApart() throws {
        let (host, volume) = try makeVolume()
        try run("subvolume create \(volume.path)/one")
        host.file("fs/one/x", "before").directory("fs/one/d")
        try run("subvolume snapshot \(volume.path)/one \(volume.path)/two")
        host.file("fs/one/x", "after")
        let aggregate = try Aggregate(access: .readWrite)
        try aggregate.addChild(name: "share", hostPath: FilePath(volume.path), access: .readWrite)
        let guest = try GuestClient(aggregate)

        let (one, two) = (try guest.walk("share/one"), try guest.walk("share/two"))
        let files = try [one, two].map { try guest.lookup("x", in: $0).node }

        #expect(host.status("fs/one/x")?.st_ino == host.status("fs/two/x")?.st_ino)
        #expect(Set([try guest.walk("share"), one, two]).count == 3)
        #expect(Set(try [guest.walk("share"), one, two].map { try guest.getattr($0).inode }).count == 3)
        #expect(files[0] != files[1])
        for (file, text) in zip(files, ["after", "before"]) {
            let handle = try guest.open(file).handle
            #expect(String(decoding: try guest.read(file, handle), as: UTF8.self) == text)
            try guest.release(file, handle)
        }
        #expect(refusal { try guest.rename("x", in: one, to: "y", in: two) } == .improperLink)
        try aggregate.removeChild(named: "share", revoke: true)
    }

    @Test func saysWhenAQuotaIsUsedUpAndGoesOnAfter() throws {
        let (host, volume) = try makeVolume(256)
        try run("subvolume create \(volume.path)/one")
        try run("quota enable \(volume.path)")
        try run("qgroup limit 4M \(volume.path)/one")
        let aggregate = try Aggregate(access: .readWrite)
        try aggregate.addChild(name: "share", hostPath: FilePath(volume.path + "/one"), access: .readWrite)
        let guest = try GuestClient(aggregate)
        let root = try guest.walk("share")
        let made = try guest.create("x", in: root)
        let (node, handle) = (made.entry.node, made.open.handle)
        let block = [UInt8](repeating: 7, count: 256 << 10)

        // 16 MiB into 4.
        var failure: Errno?
        var offset = 0
        while failure == nil, offset < 16 << 20 {
            failure = refusal { offset += try guest.write(node, handle, block, offset: UInt64(offset)) }
        }

        let exceeded = Errno(rawValue: EDQUOT)
        #expect(failure == exceeded)
        let kept = try guest.getattr(node).size
        #expect(kept == UInt64(offset))
        #expect(try guest.read(node, handle, offset: kept - 4, size: 4) == [7, 7, 7, 7])
        let more = FallocateIn {
            $0.handle = handle
            $0.offset = kept
            $0.size = 8 << 20
        }
        #expect(refusal { try guest.order(guest.request(.fallocate, node).adding(more)) } == exceeded)
        #expect(try guest.getattr(node).size == kept)
        #expect(host.status("fs/one/x")?.st_size == Int(kept))
        try aggregate.removeChild(named: "share", revoke: true)
    }
}
