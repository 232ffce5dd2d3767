import CLinux
import EventLoop
import Glibc
import Linux
import SystemPackage
import Testing

/// Descriptors that go along with a stream's bytes.
@Suite struct DescriptorPassingTests {
    /// Two streams that are joined.
    private struct Scene {
        let loop = EventLoop()
        let near: ByteStream
        let far: ByteStream

        init() throws {
            let pair = try SocketPair()
            near = try ByteStream(owning: pair.near, on: loop)
            far = try ByteStream(owning: pair.far, on: loop)
            far.acceptsDescriptors = true
        }

        /// Reads until `count` bytes have come: them, and after how many of them each descriptor was there, with what it is.
        func read(_ count: Int) -> (bytes: [UInt8], passed: [(after: Int, inode: UInt64)]) {
            let bytes = Notes<UInt8>()
            let passed = Notes<(after: Int, inode: UInt64)>()
            far.read { input in
                guard case .bytes(let chunk) = input else { return loop.stop() }
                for descriptor in far.takeDescriptors() {
                    passed.items.append((bytes.items.count, inode(descriptor.number)))
                }
                bytes.items += chunk
                if bytes.items.count >= count { loop.stop() }
            }
            loop.runBounded()
            return (bytes.items, passed.items)
        }
    }

    private static func eventfd() throws -> SharedDescriptor {
        SharedDescriptor(try Descriptor(result: cl_eventfd(0, false)))
    }

    private static func pipe() throws -> (reading: SharedDescriptor, writing: SharedDescriptor) {
        let pipe = try Pipe()
        return (SharedDescriptor(pipe.readingEnd), SharedDescriptor(pipe.writingEnd))
    }

    @Test func passesADescriptorWithItsBytes() throws {
        let scene = try Scene()
        let file = SharedDescriptor(try Descriptor(result: cl_openat(CL_AT_FDCWD, "/etc/passwd", O_RDONLY, 0)))

        scene.near.write("one".utf8)
        scene.near.write("two".utf8, passing: [file])
        scene.near.write("three".utf8)
        let (bytes, passed) = scene.read(11)

        #expect(bytes == Array("onetwothree".utf8))
        #expect(passed.map(\.inode) == [inode(file.number)])
        #expect(passed.allSatisfy { $0.after <= 3 })
        #expect(scene.far.takeDescriptors().isEmpty)
    }

    @Test func keepsDescriptorsInTheirPlacesAmidAFullQueue() throws {
        let scene = try Scene()
        var ends: [(reading: CInt, inode: UInt64, after: Int)] = []
        let block = [UInt8](repeating: 7, count: 300_000)
        var written = 0

        for number in 0..<20 {
            let pair = try SocketPair()
            let far = SharedDescriptor(pair.far)
            ends.append((pair.near.release(), inode(far.number), written))
            scene.near.write([UInt8(number)] + block, passing: [far])
            written += block.count + 1
            if number % 3 == 0 {
                scene.near.write(block)
                written += block.count
            }
        }
        #expect(scene.near.pendingBytes > 1_000_000)
        let (bytes, passed) = scene.read(written)

        #expect(bytes.count == written)
        #expect(passed.map(\.inode) == ends.map(\.inode))
        // A read ends with the bytes that a descriptor came along with, so each is there by its first byte and not before.
        for (descriptor, end) in zip(passed, ends) { #expect(descriptor.after <= end.after) }
        #expect(bytes.indices.filter { bytes[$0] != 7 }.count >= 19)
        for end in ends { _ = cl_close(end.reading) }
    }

    @Test func passesSeveralAtOnce() throws {
        let scene = try Scene()
        let descriptors = try (0..<32).map { _ in try Self.pipe().writing }

        scene.near.write([1], passing: descriptors)
        let (_, passed) = scene.read(1)

        #expect(passed.map(\.inode) == descriptors.map { inode($0.number) })
    }

    @Test func closesWhatNobodyTakes() throws {
        let scene = try Scene()
        let reading: SharedDescriptor
        scene.far.acceptsDescriptors = false
        do {
            let pipe = try Self.pipe()
            reading = pipe.reading
            scene.near.write([1], passing: [pipe.writing])
        }
        #expect(!hasEnded(reading.number))

        _ = scene.read(1)

        #expect(hasEnded(reading.number))
    }

    @Test func closesWhatWasNotTakenWithTheStream() throws {
        let scene = try Scene()
        let reading: SharedDescriptor
        do {
            let pipe = try Self.pipe()
            reading = pipe.reading
            scene.near.write([1], passing: [pipe.writing])
        }
        scene.far.read { _ in scene.loop.stop() }
        scene.loop.runBounded()
        #expect(!hasEnded(reading.number))

        scene.far.close()

        #expect(hasEnded(reading.number))
    }

    @Test func closesWhatCouldNotBeSentWithTheStream() throws {
        let scene = try Scene()
        let reading: SharedDescriptor
        do {
            let pipe = try Self.pipe()
            reading = pipe.reading
            scene.near.write([UInt8](repeating: 0, count: 4_000_000))
            scene.near.write([1], passing: [pipe.writing])
        }
        #expect(!hasEnded(reading.number))

        scene.near.close()

        #expect(hasEnded(reading.number))
    }

    @Test func tellsOfAPeerThatHasGone() throws {
        let scene = try Scene()
        let failures = Notes<Errno>()
        scene.near.onWriteFailure = {
            failures.items.append($0)
            scene.loop.stop()
        }
        scene.far.close()

        scene.near.write([1], passing: [try Self.eventfd()])
        scene.loop.runBounded()

        #expect(failures.items == [.brokenPipe])
    }
}

/// What a descriptor is open on.
private func inode(_ descriptor: CInt) -> UInt64 {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? UInt64(status.st_ino) : 0
}

/// Whether a pipe has no writer any more.
private func hasEnded(_ pipe: CInt) -> Bool {
    var entry = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
    _ = cl_poll(&entry, 1, 0)
    return entry.revents & Int16(POLLHUP) != 0
}
