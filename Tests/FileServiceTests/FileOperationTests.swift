import CLinux
import FUSE
import FileService
import Glibc
import SystemPackage
import Testing

@Suite struct FileOperationTests {
    @Test func readsWhatTheHostWrote() throws {
        let (_, guest, root) = try makeShare { $0.file("x", "hello") }
        let node = try guest.lookup("x", in: root).node
        let handle = try guest.open(node).handle
        #expect(try guest.read(node, handle) == Array("hello".utf8))
        #expect(try guest.read(node, handle, offset: 3) == Array("lo".utf8))
        #expect(try guest.read(node, handle, offset: 5).isEmpty)
    }

    @Test func writesWhatTheHostReads() throws {
        let (host, guest, root) = try makeShare()
        let made = try guest.create("y", in: root)
        #expect(try guest.write(made.entry.node, made.open.handle, Array("abcdef".utf8)) == 6)
        #expect(try guest.write(made.entry.node, made.open.handle, Array("XY".utf8), offset: 2) == 2)
        #expect(host.content("y") == "abXYef")
        #expect(host.status("y")?.st_uid == getuid())
    }

    @Test func appendsWhereTheFileEndsOnTheHost() throws {
        let (host, guest, root) = try makeShare { $0.file("log", "one ") }
        let node = try guest.lookup("log", in: root).node
        let handle = try guest.open(node, O_WRONLY | O_APPEND).handle
        host.file("log", "host wrote more ")
        try guest.write(node, handle, Array("guest".utf8), offset: 4, flags: O_WRONLY | O_APPEND)
        #expect(host.content("log") == "host wrote more guest")
        // Pages written back have their place.
        try guest.write(node, handle, Array("HOST".utf8), offset: 0, flags: O_WRONLY | O_APPEND, writeFlags: .cache)
        #expect(host.content("log") == "HOST wrote more guest")
    }

    /// Linux's own access mode, 3: what ioctl(2) is to be asked of, and nothing read or written.
    @Test func opensAFileNeitherToReadNorToWrite() throws {
        let (_, guest, root) = try makeShare { $0.file("x", "hello") }
        let node = try guest.lookup("x", in: root).node
        let handle = try guest.open(node, O_ACCMODE).handle
        #expect(refusal { _ = try guest.read(node, handle) } == .badFileDescriptor)
        #expect(refusal { try guest.write(node, handle, [1]) } == .badFileDescriptor)
    }

    @Test func leavesTheTimeOfAccessAsItIsWhereAsked() throws {
        let (host, guest, root) = try makeShare { $0.file("x", "hello") }
        let old = [timeval(tv_sec: 1000, tv_usec: 0), timeval(tv_sec: 2000, tv_usec: 0)]
        #expect(utimes(host.path("x"), old) == 0)
        let node = try guest.lookup("x", in: root).node
        let handle = try guest.open(node, CL_O_NOATIME).handle
        #expect(try guest.read(node, handle) == Array("hello".utf8))
        #expect(host.status("x")?.st_atim.tv_sec == 1000)
    }

    @Test func movesDataThroughMemoryInAnyPieces() throws {
        let (host, guest, root) = try makeShare()
        let made = try guest.create("pieces", in: root)
        let data = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        // More than 1024 pieces: more than one preadv and pwritev can take.
        guest.pieces = [1]
        #expect(try guest.write(made.entry.node, made.open.handle, data) == data.count)
        #expect(try guest.read(made.entry.node, made.open.handle, size: 5000) == data)
        guest.pieces = [39, 2, 15, 1, 4096]
        #expect(try guest.read(made.entry.node, made.open.handle, size: 5000) == data)
        #expect(host.status("pieces")?.st_size == 5000)
    }

    @Test func readsAnUnlinkedFileThroughItsHandle() throws {
        let (host, guest, root) = try makeShare { $0.file("gone", "still here") }
        let node = try guest.lookup("gone", in: root).node
        let handle = try guest.open(node).handle
        try guest.unlink("gone", in: root)
        #expect(!host.exists("gone"))
        #expect(try guest.read(node, handle) == Array("still here".utf8))
        #expect(try guest.getattr(node, handle: handle).linkCount == 0)
        // And again, as /proc/self/fd/N in the guest would.
        #expect(try guest.open(node).handle != handle)
    }

    @Test func answersESTALEWhenTheHostHasDeletedWhatIsOpened() throws {
        let (host, guest, root) = try makeShare { $0.file("f", "old") }
        let node = try guest.lookup("f", in: root).node
        host.file("new", "new")
        Glibc.rename(host.path("new"), host.path("f"))
        #expect(refusal { _ = try guest.open(node) } == .staleNFSFileHandle)
        let fresh = try guest.lookup("f", in: root).node
        #expect(fresh != node)
        #expect(try guest.read(fresh, guest.open(fresh).handle) == Array("new".utf8))
    }

    @Test func showsHardLinksAsOneInode() throws {
        let (_, guest, root) = try makeShare { $0.file("a") }
        let first = try guest.lookup("a", in: root)
        let linked = try guest.link(first.node, to: "b", in: root)
        let second = try guest.lookup("b", in: root)
        #expect(linked.node == first.node)
        #expect(second.node == first.node)
        #expect(second.attributes.inode == first.attributes.inode)
        #expect(linked.attributes.linkCount == 2)
        // Three references: two lookups and the link.
        guest.forget(first.node, 2)
        #expect(try guest.getattr(first.node).linkCount == 2)
        guest.forget(first.node, 1)
        #expect(refusal { _ = try guest.getattr(first.node) } == .invalidArgument)
    }

    @Test func makesAndRemovesNamesOfAllKinds() throws {
        let (host, guest, root) = try makeShare()
        let directory = try guest.mkdir("d", in: root)
        #expect(directory.attributes.mode == UInt32(S_IFDIR) | 0o755)
        let link = try guest.symlink("l", to: "../../etc/passwd", in: directory.node)
        #expect(try guest.readlink(link.node) == "../../etc/passwd")
        let fifo = try guest.mknod("p", in: directory.node, mode: UInt32(S_IFIFO) | 0o600)
        #expect(fifo.attributes.mode == UInt32(S_IFIFO) | 0o600)
        #expect(refusal { try guest.rmdir("d", in: root) } == .directoryNotEmpty)
        #expect(refusal { try guest.unlink("d", in: root) } == .isDirectory)
        try guest.unlink("l", in: directory.node)
        try guest.unlink("p", in: directory.node)
        try guest.rmdir("d", in: root)
        #expect(!host.exists("d"))
    }

    @Test func renamesWithAndWithoutFlags() throws {
        let (host, guest, root) = try makeShare { $0.file("a", "A").file("b", "B").directory("d") }
        let directory = try guest.lookup("d", in: root).node
        #expect(refusal { try guest.rename("a", in: root, to: "b", in: root, flags: 1) } == .fileExists)
        try guest.rename("a", in: root, to: "b", in: root, flags: 2)
        #expect(host.content("a") == "B")
        #expect(refusal { try guest.rename("a", in: root, to: "b", in: root, flags: 8) } == .invalidArgument)
        try guest.rename("a", in: root, to: "c", in: directory)
        #expect(host.content("d/c") == "B")
        try guest.rename("c", in: directory, to: "b", in: root)
        #expect(host.content("b") == "B")
    }

    @Test func opensAnExistingFileWhereCreateFindsOne() throws {
        let (host, guest, root) = try makeShare { $0.file("f", "content").link("l", to: "f").directory("d") }
        let opened = try guest.create("f", in: root)
        #expect(try guest.read(opened.entry.node, opened.open.handle) == Array("content".utf8))
        #expect(refusal { _ = try guest.create("f", in: root, flags: O_RDWR | O_EXCL) } == .fileExists)
        #expect(refusal { _ = try guest.create("l", in: root) } == .staleNFSFileHandle)
        #expect(refusal { _ = try guest.create("d", in: root) } == .isDirectory)
        _ = try guest.create("f", in: root, flags: O_RDWR | O_TRUNC)
        #expect(host.content("f") == "")
    }

    @Test func changesAttributes() throws {
        let (host, guest, root) = try makeShare { $0.file("f", "0123456789") }
        let node = try guest.lookup("f", in: root).node
        let changed = try guest.setattr(node) {
            $0.fields = [.mode, .size, .mtime, .atimeNow]
            $0.mode = 0o600
            $0.size = 4
            $0.mtime = 1_000_000_000
            $0.mtimeNanoseconds = 5
        }
        #expect(changed.mode == UInt32(S_IFREG) | 0o600)
        #expect(changed.size == 4)
        #expect(changed.mtime == 1_000_000_000)
        #expect(changed.mtimeNanoseconds == 5)
        #expect(changed.atime > 1_700_000_000)
        #expect(host.content("f") == "0123")
        let handle = try guest.open(node, O_RDWR).handle
        let grown = try guest.setattr(node) {
            $0.fields = [.size, .handle]
            $0.handle = handle
            $0.size = 8
        }
        #expect(grown.size == 8)
    }

    @Test func clearsPrivilegesWhenAskedTo() throws {
        let (host, guest, root) = try makeShare { $0.file("suid", "x") }
        let node = try guest.lookup("suid", in: root).node
        let handle = try guest.open(node, O_RDWR).handle
        chmod(host.path("suid"), 0o6755)
        try guest.write(node, handle, [1], writeFlags: .killPrivileges)
        #expect(host.status("suid").map { $0.st_mode & 0o7777 } == 0o755)
        chmod(host.path("suid"), 0o4755)
        _ = try guest.setattr(node) {
            $0.fields = [.size, .killPrivileges]
            $0.size = 0
        }
        #expect(host.status("suid").map { $0.st_mode & 0o7777 } == 0o755)
    }

    @Test func findsDataAndHoles() throws {
        let (_, guest, root) = try makeShare()
        let made = try guest.create("sparse", in: root)
        try guest.write(made.entry.node, made.open.handle, [1], offset: 1 << 20)
        func seek(_ offset: UInt64, _ whence: UInt32) throws -> UInt64 {
            let body = LseekIn {
                $0.handle = made.open.handle
                $0.offset = offset
                $0.whence = whence
            }
            return try guest.ask(guest.request(.lseek, made.entry.node).adding(body), LseekOut.self).offset
        }
        #expect(try seek(0, 3) > 0)
        #expect(try seek(0, 4) == 0)
        #expect(refusal { _ = try seek(1 << 30, 3) } == .noSuchAddressOrDevice)
        #expect(refusal { _ = try seek(0, 1) } == .invalidArgument)
    }

    @Test func allocatesAndCopiesRanges() throws {
        let (host, guest, root) = try makeShare()
        let from = try guest.create("from", in: root)
        let to = try guest.create("to", in: root)
        try guest.write(from.entry.node, from.open.handle, Array("0123456789".utf8))
        let copied = try guest.ask(
            guest.request(.copyFileRange, from.entry.node).adding(
                CopyFileRangeIn {
                    $0.sourceHandle = from.open.handle
                    $0.sourceOffset = 2
                    $0.target = to.entry.node
                    $0.targetHandle = to.open.handle
                    $0.size = 5
                }), WriteOut.self)
        #expect(copied.size == 5)
        #expect(host.content("to") == "23456")
        try guest.order(
            guest.request(.fallocate, to.entry.node).adding(
                FallocateIn {
                    $0.handle = to.open.handle
                    $0.size = 100
                }))
        #expect(host.status("to")?.st_size == 100)
    }

    @Test func makesFilesWithoutAName() throws {
        let (host, guest, root) = try makeShare()
        let body = CreateIn {
            $0.flags = UInt32(bitPattern: O_RDWR)
            $0.mode = 0o600
        }
        let made = try guest.ask(guest.request(.tmpfile, root).adding(body).adding(name: "/"), CreateOut.self)
        try guest.write(made.entry.node, made.open.handle, Array("nameless".utf8))
        #expect(try guest.list(root).count == 2)
        _ = try guest.link(made.entry.node, to: "named", in: root)
        #expect(host.content("named") == "nameless")
    }

    @Test func flushesSyncsAndReleases() throws {
        let (_, guest, root) = try makeShare()
        let made = try guest.create("f", in: root)
        let (node, handle) = (made.entry.node, made.open.handle)
        try guest.order(guest.request(.flush, node).adding(FlushIn { $0.handle = handle }))
        try guest.order(guest.request(.fsync, node).adding(FsyncIn { $0.handle = handle }))
        let directory = try guest.opendir(root)
        try guest.order(guest.request(.fsyncdir, root).adding(FsyncIn { $0.handle = directory }))
        try guest.order(guest.request(.syncfs).adding(bytes: [UInt8](repeating: 0, count: 8)))
        try guest.release(node, handle)
        #expect(refusal { _ = try guest.read(node, handle) } == .badFileDescriptor)
        #expect(refusal { try guest.release(node, handle) } == .badFileDescriptor)
    }

    @Test func tellsTheBirthTime() throws {
        let (_, guest, root) = try makeShare { $0.file("f", "abc") }
        let node = try guest.lookup("f", in: root).node
        let told = try guest.ask(guest.request(.statx, node).adding(StatxIn { $0.mask = 0xFFF }), StatxOut.self)
        #expect(told.attributes.mask & 0x7FF == 0x7FF)
        #expect(told.attributes.size == 3)
        #expect(told.attributes.inode == (try guest.getattr(node).inode))
        if told.attributes.mask & 0x800 != 0 { #expect(told.attributes.btime.seconds > 1_700_000_000) }
    }

    @Test func answersSizesOfTheHostsFileSystem() throws {
        let (_, guest, root) = try makeShare()
        let told = try guest.ask(guest.request(.statfs, root), StatfsOut.self)
        #expect(told.blocks > 0)
        #expect(told.nameLength == 255)
    }

    @Test func refusesWhatItDoesNotKnow() throws {
        let (_, guest, root) = try makeShare()
        #expect(try guest.send(guest.request(Opcode(rawValue: 999), root)).errno == .noFunction)
        #expect(try guest.send(guest.request(.access, root).adding(AccessIn())).errno == .noFunction)
        #expect(try guest.send(guest.request(.ioctl, root).adding(IoctlIn())).errno == .inappropriateIOCTLForDevice)
    }

    @Test func keepsCachedPagesOnlyWhileTheFileIsAsTheGuestKnowsIt() throws {
        let (host, guest, root) = try makeShare { $0.file("f", "one") }
        // Older than a tick of the file clock, or nothing is believed.
        var times = [timespec(tv_sec: 1_500_000_000, tv_nsec: 0), timespec(tv_sec: 1_500_000_000, tv_nsec: 0)]
        utimensat(AT_FDCWD, host.path("f"), &times, 0)
        let changed = try #require(host.status("f")).st_ctim
        while cl_file_clock() - (Int64(changed.tv_sec) * 1_000_000_000 + Int64(changed.tv_nsec)) < 50_000_000 {
            sched_yield()
        }
        let node = try guest.lookup("f", in: root).node
        #expect(try guest.open(node).flags.contains(.keepCache))
        #expect(try guest.open(node, O_WRONLY | O_TRUNC).flags.contains(.keepCache) == false)
        #expect(try guest.open(node).flags.contains(.keepCache) == false)
    }

    @Test func servesWhatIsHandedOverInTheSessionInWhichItCame() throws {
        let (host, guest, root) = try makeShare { $0.file("a", "content").file("b", "content") }
        let first = try guest.lookup("a", in: root).node
        let handle = try guest.open(first, O_RDWR).handle
        let ticket = guest.dispatcher.ticket()
        let punch = FallocateIn {
            $0.handle = handle
            $0.size = 7
            $0.mode = 3
        }
        let late = guest.request(.fallocate, first).adding(punch)
        try guest.initialize()
        // The same numbers stand for another file now.
        let second = try guest.lookup("b", in: guest.walk("share")).node
        #expect(try guest.open(second, O_RDWR).handle == handle)

        #expect(try guest.send(late, ticket: ticket).errno == .invalidArgument)
        #expect(try guest.send(guest.request(.getattr, second).adding(GetattrIn())).errno == nil)
        #expect(host.content("b") == "content")
    }
}
