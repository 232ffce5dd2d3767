import CLinux
import FUSE
import FileService
import Glibc
import Linux
import Synchronization
import SystemPackage
import Testing

/// The host's programs change what the guest knows: it gets the new or ESTALE, never something else under its name.
@Suite struct HostChangeTests {
    private func content(_ guest: GuestClient, _ node: NodeID) throws -> String {
        let handle = try guest.open(node).handle
        defer { try? guest.release(node, handle) }
        return String(decoding: try guest.read(node, handle), as: UTF8.self)
    }

    @Test func neverTakesANewFileForTheOldOneWhoseNumberItGot() throws {
        let (host, guest, root) = try makeShare { $0.file("x", "old") }
        let old = try guest.lookup("x", in: root).node
        let inode = try #require(host.status("x")).st_ino
        #expect(Glibc.unlink(host.path("x")) == 0)
        // Most file systems give the number out again at once.
        for index in 0..<50 where host.status("x") == nil {
            host.file("try-\(index)", "new")
            if host.status("try-\(index)")?.st_ino == inode { rename(host.path("try-\(index)"), host.path("x")) }
        }
        if host.status("x") == nil { host.file("x", "new") }

        #expect(refusal { _ = try content(guest, old) } == .staleNFSFileHandle)
        #expect(refusal { _ = try guest.getattr(old) } == .staleNFSFileHandle)
        let new = try guest.lookup("x", in: root).node
        #expect(new != old)
        #expect(try content(guest, new) == "new")
    }

    @Test func neverLeadsIntoAnotherDirectoryOfTheSameName() throws {
        let (host, guest, root) = try makeShare { $0.directory("d").directory("d/e").file("d/e/x", "old") }
        let (d, e) = (try guest.walk("share/d"), try guest.walk("share/d/e"))
        let x = try guest.lookup("x", in: e).node
        for name in ["d/e/x", "d/e", "d"] {
            #expect(name == "d/e/x" ? Glibc.unlink(host.path(name)) == 0 : Glibc.rmdir(host.path(name)) == 0)
        }
        host.directory("d").directory("d/e").file("d/e/x", "new").file("d/e/y", "new")

        #expect(refusal { _ = try content(guest, x) } == .staleNFSFileHandle)
        for gone in [d, e] {
            #expect(refusal { _ = try guest.lookup("e", in: gone) } == .staleNFSFileHandle)
            #expect(refusal { _ = try guest.lookup("absent", in: gone) } == .staleNFSFileHandle)
            #expect(refusal { _ = try guest.create("mine", in: gone) } == .staleNFSFileHandle)
            #expect(refusal { _ = try guest.opendir(gone) } == .staleNFSFileHandle)
            #expect(refusal { try guest.unlink("y", in: gone) } == .staleNFSFileHandle)
        }
        #expect(host.content("d/e/y") == "new")
        #expect(!host.exists("d/e/mine"))
        #expect(try content(guest, guest.walk("share/d/e/x")) == "new")
        #expect(try guest.lookup("d", in: root).node != d)
    }

    @Test func changesFromFileToDirectoryAndBack() throws {
        let (host, guest, root) = try makeShare { $0.file("x", "file") }
        let file = try guest.lookup("x", in: root).node
        Glibc.unlink(host.path("x"))
        host.directory("x").file("x/in", "inside")

        #expect(refusal { _ = try guest.open(file) } == .staleNFSFileHandle)
        let directory = try guest.lookup("x", in: root)
        #expect(directory.attributes.mode & 0o170000 == 0o040000)
        #expect(try content(guest, guest.lookup("in", in: directory.node).node) == "inside")
        Glibc.unlink(host.path("x/in"))
        Glibc.rmdir(host.path("x"))
        host.link("x", to: "elsewhere")
        #expect(refusal { _ = try guest.opendir(directory.node) } == .staleNFSFileHandle)
        #expect(try guest.readlink(guest.lookup("x", in: root).node) == "elsewhere")
    }

    /// Every answer is the content of one of the files that ever had the name, whole, or that there is none.
    @Test func readsOneOfTheFilesThatHadTheNameWhileItIsReplaced() throws {
        let (host, guest, root) = try makeShare { $0.file("x", String(repeating: "0", count: 100)) }
        let isDone = Flag()
        let path = (host.path("x"), host.path("x.new"))
        let replacer = try Linux.Thread(name: "replacer") {
            var round = 0
            while !isDone.value.load(ordering: .relaxed) {
                round += 1
                let file = Glibc.open(path.1, O_CREAT | O_WRONLY | O_TRUNC, 0o644)
                let text = String(repeating: "\(round % 10)", count: 100)
                _ = text.withCString { Glibc.write(file, $0, 100) }
                Glibc.close(file)
                rename(path.1, path.0)
            }
        }
        defer {
            isDone.value.store(true, ordering: .relaxed)
            replacer.join()
        }
        var (whole, stale) = (0, 0)
        for _ in 0..<3000 {
            do {
                let node = try guest.lookup("x", in: root).node
                let text = try content(guest, node)
                #expect(text.count == 100 && Set(text).count == 1, "\(text)")
                guest.forget(node)
                whole += 1
            } catch Errno.staleNFSFileHandle {
                stale += 1
            }
        }
        #expect(whole > 0, "\(stale) times ESTALE")
    }

    private final class Flag: Sendable {
        let value = Atomic<Bool>(false)
    }
}
