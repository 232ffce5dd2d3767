import CLinux
import FUSE
import FileService
import Glibc
import SystemPackage
import TestSupport
import Testing

/// What the host cannot give: room, sizes, a disk that works. The guest is told by the host's own errno, nothing is left
/// half done, and all goes on once there is room again.
@Suite struct HostLimitTests {
    // MARK: Sizes

    /// The largest size that the host's file system takes.
    private func largestSize(_ path: String) -> Int64 {
        let file = Glibc.open(path, O_RDWR)
        defer { Glibc.close(file) }
        var (fits, fails) = (Int64(0), Int64.max)
        if ftruncate(file, Int.max) == 0 { return .max }
        while fails - fits > 1 {
            let middle = fits + (fails - fits) / 2
            if ftruncate(file, Int(middle)) == 0 { fits = middle } else { fails = middle }
        }
        ftruncate(file, 0)
        return fits
    }

    @Test func growsAFileToWhatTheHostTakesAndNotFurther() throws {
        let (host, guest, root) = try makeShare { $0.file("x") }
        let largest = largestSize(host.path("x"))
        #expect(largest > 4 << 40)
        let node = try guest.lookup("x", in: root).node
        let handle = try guest.open(node, O_RDWR).handle
        func resize(_ size: UInt64) throws -> UInt64 {
            try guest.setattr(node) {
                $0.fields = .size
                $0.size = size
            }.size
        }

        let sizes: [UInt64] = [1 << 32, (1 << 42) + 1, 5 << 40, UInt64(largest)]
        for size in sizes where size <= UInt64(largest) {
            #expect(try resize(size) == size)
            #expect(host.status("x").map { UInt64($0.st_size) } == size)
        }
        if largest < .max { #expect(refusal { _ = try resize(UInt64(largest) + 1) } == .fileTooLarge) }
        #expect(refusal { _ = try resize(1 << 63) } == .fileTooLarge)
        #expect(try guest.getattr(node).size == UInt64(largest))
        // Written and read at the far end, which has room for a byte.
        let last = UInt64(largest) - 1
        #expect(try guest.write(node, handle, [42], offset: last) == 1)
        #expect(try guest.read(node, handle, offset: last, size: 10) == [42])
        #expect(refusal { try guest.write(node, handle, [1], offset: UInt64(largest)) } == .fileTooLarge)
        #expect(refusal { try guest.write(node, handle, [1], offset: 1 << 63) } == .fileTooLarge)
        #expect(try guest.read(node, handle, offset: 1 << 40, size: 4) == [0, 0, 0, 0])
    }

    @Test func keepsTheHolesOfAFileOfTebibytes() throws {
        let (host, guest, root) = try makeShare { $0.file("x") }
        let node = try guest.lookup("x", in: root).node
        let handle = try guest.open(node, O_RDWR).handle
        let page = [UInt8](repeating: 9, count: 4096)
        let places: [UInt64] = [1 << 20, 1 << 33, 9 << 40]
        for place in places { #expect(try guest.write(node, handle, page, offset: place) == 4096) }

        func seek(_ whence: UInt32, from offset: UInt64) throws -> UInt64 {
            let body = LseekIn {
                $0.handle = handle
                $0.offset = offset
                $0.whence = whence
            }
            return try guest.ask(guest.request(.lseek, node).adding(body), LseekOut.self).offset
        }
        var (found, offset) = ([UInt64](), UInt64(0))
        while let data = try? seek(3, from: offset) {
            found.append(data)
            offset = try seek(4, from: data)
        }

        #expect(found == places)
        #expect(try guest.getattr(node).size == 9 << 40 + 4096)
        // Three pages, and what it takes to find them.
        #expect(try guest.getattr(node).blocks < 1000)
        #expect(try #require(host.status("x")).st_blocks < 1000)
    }

    // MARK: Room

    /// A small file system as the one share.
    private func makeSmall(_ options: String) throws -> (HostDirectory, TestMount, GuestClient, NodeID) {
        let host = try HostDirectory().directory("fs")
        let mount = try TestMount("tmpfs", at: host.path("fs"), options: options)
        let aggregate = try Aggregate(access: .readWrite)
        try aggregate.addChild(name: "share", hostPath: FilePath(mount.path), access: .readWrite)
        let guest = try GuestClient(aggregate)
        return (host, mount, guest, try guest.walk("share"))
    }

    @Test(.enabled(if: TestMount.isAllowed, "needs to mount"))
    func saysWhenTheDiskIsFullAndGoesOnAfter() throws {
        let (host, mount, guest, root) = try makeSmall("size=1m")
        let made = try guest.create("x", in: root)
        let (node, handle) = (made.entry.node, made.open.handle)
        let block = [UInt8](repeating: 7, count: 192 << 10)
        // More than fits: the last block in part.
        var (offset, failure) = (0, Errno?.none)
        while failure == nil, offset < 4 << 20 {
            failure = refusal { offset += try guest.write(node, handle, block, offset: UInt64(offset)) }
        }
        #expect(failure == .noSpace)
        #expect(offset == 1 << 20)
        #expect(try guest.getattr(node).size == 1 << 20)
        #expect(host.status("fs/x")?.st_size == 1 << 20)
        let more = FallocateIn {
            $0.handle = handle
            $0.offset = 1 << 20
            $0.size = 1 << 20
        }
        #expect(refusal { try guest.order(guest.request(.fallocate, node).adding(more)) } == .noSpace)
        #expect(try guest.getattr(node).size == 1 << 20)
        let free: StatfsOut = try guest.ask(guest.request(.statfs, root))
        #expect(free.availableBlocks == 0)

        // Half of it is given back.
        _ = try guest.setattr(node) {
            $0.fields = .size
            $0.size = 512 << 10
        }
        #expect(try guest.write(node, handle, block, offset: 512 << 10) == block.count)
        #expect(try guest.read(node, handle, offset: UInt64(512 << 10) + UInt64(block.count) - 2, size: 9) == [7, 7])
        try guest.release(node, handle)
        try guest.aggregate.removeChild(named: "share", revoke: true)
        withExtendedLifetime(mount) {}
    }

    @Test(.enabled(if: TestMount.isAllowed, "needs to mount"))
    func makesNothingByHalvesWhereThereIsNoInodeLeft() throws {
        let (host, mount, guest, root) = try makeSmall("size=1m,nr_inodes=10")
        var made: [String] = []
        var failure: Errno?
        while failure == nil, made.count < 20 {
            let name = "f\(made.count)"
            failure = refusal {
                let file = try guest.create(name, in: root)
                try guest.release(file.entry.node, file.open.handle)
                made.append(name)
            }
        }
        #expect(failure == .noSpace)
        let before = guest.aggregate.activity

        #expect(refusal { _ = try guest.create("more", in: root) } == .noSpace)
        #expect(refusal { _ = try guest.mkdir("more", in: root) } == .noSpace)
        #expect(refusal { _ = try guest.symlink("more", to: "x", in: root) } == .noSpace)
        #expect(refusal { _ = try guest.mknod("more", in: root, mode: 0o010644) } == .noSpace)
        let temporary = guest.request(.tmpfile, root).adding(
            CreateIn {
                $0.flags = UInt32(O_RDWR)
                $0.mode = 0o100600
            }
        ).adding(name: "/")
        #expect(refusal { _ = try guest.ask(temporary, CreateOut.self) } == .noSpace)

        #expect(refusal { _ = try guest.lookup("more", in: root) } == .noSuchFileOrDirectory)
        #expect(try guest.list(root).count == made.count + 2)
        #expect(guest.aggregate.activity.openHandles == before.openHandles)
        #expect(guest.aggregate.activity.liveInodes == before.liveInodes)
        let gone = made.removeLast()
        let node = try guest.lookup(gone, in: root).node
        try guest.unlink(gone, in: root)
        guest.forget(node, 2)
        #expect(refusal { _ = try guest.mkdir("more", in: root) } == nil)
        #expect(host.exists("fs/more"))
        try guest.aggregate.removeChild(named: "share", revoke: true)
        withExtendedLifetime(mount) {}
    }

    // MARK: A disk that fails

    @Test(.enabled(if: TestMount.isAllowed, "needs to mount"))
    func saysThatTheDiskFailsAndGoesOnAfter() throws {
        let host = try HostDirectory().directory("bad").directory("good").file("good/x", "good")
        let disk = try #require(try HostMount(at: host.path("bad")))
        let aggregate = try Aggregate(access: .readWrite)
        for name in ["bad", "good"] {
            try aggregate.addChild(name: name, hostPath: FilePath(host.path(name)), access: .readWrite)
        }
        let guest = try GuestClient(aggregate)
        let file = try guest.walk("bad/file")
        let handle = try guest.open(file, O_RDWR).handle

        let opcodes: [Opcode] = [.lookup, .open, .write, .setattr, .fsync]
        for opcode in opcodes { disk.refuse(opcode, with: .ioError) }

        #expect(refusal { _ = try guest.lookup("other", in: guest.walk("bad")) } == .ioError)
        #expect(refusal { _ = try guest.open(file, O_RDWR) } == .ioError)
        #expect(refusal { try guest.write(file, handle, [1]) } == .ioError)
        #expect(refusal { _ = try guest.setattr(file) { $0.fields = .size } } == .ioError)
        let sync = FsyncIn { $0.handle = handle }
        #expect(refusal { try guest.order(guest.request(.fsync, file).adding(sync)) } == .ioError)
        #expect(aggregate.activity(of: "bad")?.lastError?.errno == .ioError)
        #expect(aggregate.activity(of: "good")?.errors == 0)
        // Nothing of the others, and nothing once it works again.
        let good = try guest.walk("good/x")
        let other = try guest.open(good).handle
        #expect(try guest.read(good, other) == Array("good".utf8))
        disk.release()
        #expect(try guest.lookup("file", in: guest.walk("bad")).node == file)
        let again = try guest.open(file, O_RDWR).handle
        try guest.release(file, again)
        try guest.release(file, handle)
        try aggregate.removeChild(named: "bad", revoke: true)
    }
}
