import CLinux
import EventLoop
import Glibc
import Linux
import SystemPackage
import Testing

@Suite struct ByteStreamTests {
    /// Reads `stream` to its end or failure, which it returns with the bytes before.
    private func readAll(_ stream: ByteStream, on loop: EventLoop) -> ([UInt8], ByteStream.Input?) {
        let bytes = Notes<UInt8>()
        let last = Notes<ByteStream.Input>()
        stream.read { input in
            if case .bytes(let chunk) = input {
                bytes.items += chunk
            } else {
                last.items.append(input)
                loop.stop()
            }
        }
        loop.runBounded()
        return (bytes.items, last.items.first)
    }

    private func makePipe() throws -> (read: CInt, write: CInt) {
        var (read, write): (CInt, CInt) = (-1, -1)
        try checked(cl_pipe(&read, &write))
        return (read, write)
    }

    @Test func largeWriteGoesThroughASocketInParts() throws {
        let loop = EventLoop()
        let pair = try SocketPair()
        let near = try ByteStream(owning: pair.near, on: loop)
        let far = try ByteStream(owning: pair.far, on: loop)
        let payload = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let drained = Notes<Int>()
        near.onDrained = { drained.items.append(near.pendingBytes) }
        near.write(payload[...1_000_000])
        near.write(payload[1_000_001...])
        near.endWriting()
        #expect(near.pendingBytes > 0)
        let (bytes, last) = readAll(far, on: loop)
        #expect(bytes == payload)
        #expect(last == .end)
        #expect(drained.items == [0])
    }

    @Test func pausedStreamLeavesThePeerWaiting() throws {
        let loop = EventLoop()
        let pair = try SocketPair()
        let near = try ByteStream(owning: pair.near, on: loop)
        let far = try ByteStream(owning: pair.far, on: loop)
        let chunks = Notes<Int>()
        far.read { input in
            if case .bytes(let bytes) = input { chunks.items.append(bytes.count) }
            far.pauseReading()
        }
        near.write([UInt8](repeating: 7, count: 4_000_000))
        let first = loop.after(.milliseconds(20)) { loop.stop() }
        loop.runBounded()
        #expect(chunks.items.count == 1)
        #expect(near.pendingBytes > 0)
        far.resumeReading()
        let second = loop.after(.milliseconds(20)) { loop.stop() }
        loop.runBounded()
        #expect(chunks.items.count == 2)
        _ = (first, second)
    }

    @Test func peerThatLeftIsAWriteFailureAndNoSignal() throws {
        let loop = EventLoop()
        let pipe = try makePipe()
        let stream = try ByteStream(owning: Descriptor(owning: pipe.write), on: loop)
        cl_close(pipe.read)
        let failures = Notes<Errno>()
        stream.onWriteFailure = {
            failures.items.append($0)
            loop.stop()
        }
        stream.write("lost".utf8)
        #expect(failures.items.isEmpty)
        loop.runBounded()
        #expect(failures.items == [.brokenPipe])
        #expect(stream.pendingBytes == 0)
    }

    @Test func sharedPipeKeepsItsFlagsAndStaysOpen() throws {
        let loop = EventLoop()
        let pipe = try makePipe()
        let flags = fcntl(pipe.write, F_GETFL)
        let writer = try ByteStream(sharing: pipe.write, on: loop)
        let reader = try ByteStream(sharing: pipe.read, on: loop)
        writer.write([UInt8](repeating: 1, count: 1_000_000))
        #expect(writer.pendingBytes > 0)
        #expect(fcntl(pipe.write, F_GETFL) == flags)
        #expect(fcntl(pipe.read, F_GETFL) & O_NONBLOCK == 0)
        writer.endWriting()
        // The stream has closed its own copy only, so the end comes with the last descriptor.
        writer.onDrained = { cl_close(pipe.write) }
        let (bytes, last) = readAll(reader, on: loop)
        #expect(bytes.count == 1_000_000)
        #expect(last == .end)
        reader.close()
        #expect(fcntl(pipe.read, F_GETFD) >= 0)
        cl_close(pipe.read)
    }

    @Test(arguments: ["/dev/null", "/proc/self/status", "/etc/passwd"])
    func filesAreReadToTheirEnd(path: String) throws {
        let loop = EventLoop()
        let file = try Descriptor(result: cl_openat(CL_AT_FDCWD, path, O_RDONLY, 0))
        let stream = try ByteStream(sharing: file.number, on: loop)
        let (bytes, last) = readAll(stream, on: loop)
        #expect(bytes.isEmpty == (path == "/dev/null"))
        #expect(last == .end)
    }

    @Test func closedDescriptorIsRefused() {
        #expect(throws: Errno.badFileDescriptor) { try ByteStream(sharing: 987_654, on: EventLoop()) }
    }

    @Test func terminalIsReadAndItsHangUpIsTheEnd() throws {
        let loop = EventLoop()
        var path = [CChar](repeating: 0, count: 64)
        let controller = try Descriptor(result: cl_open_pty(&path, 64))
        let name = path.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        let terminal = try Descriptor(result: cl_openat(CL_AT_FDCWD, name, O_RDWR | O_NOCTTY, 0))
        let stream = try ByteStream(sharing: terminal.number, on: loop)
        #expect(fcntl(terminal.number, F_GETFL) & O_NONBLOCK == 0)
        let screen = try ByteStream(owning: controller, on: loop)
        let inputs = Notes<ByteStream.Input>()
        stream.read { input in
            inputs.items.append(input)
            if case .bytes = input { screen.close() } else { loop.stop() }
        }
        screen.write("typed\n".utf8)
        loop.runBounded()
        #expect(inputs.items == [.bytes(Array("typed\n".utf8)), .end])
    }

    @Test func streamMayBeClosedInItsOwnHandler() throws {
        let loop = EventLoop()
        let pair = try SocketPair()
        let near = try ByteStream(owning: pair.near, on: loop)
        let far = try ByteStream(owning: pair.far, on: loop)
        far.read { _ in
            far.close()
            loop.stop()
        }
        near.write([1])
        loop.runBounded()
        #expect(far.isClosed)
        far.write([2])
        #expect(far.pendingBytes == 0)
    }

    @Test func streamThatIsLetGoIsFreedAndClosesItsDescriptor() throws {
        let loop = EventLoop()
        let pair = try SocketPair()
        let peer = try ByteStream(owning: pair.far, on: loop)
        weak var freed: ByteStream?
        do {
            let stream = try ByteStream(owning: pair.near, on: loop)
            stream.read { _ in }
            stream.write([UInt8](repeating: 1, count: 4_000_000))
            freed = stream
        }
        #expect(freed == nil)
        let (_, last) = readAll(peer, on: loop)
        #expect(last == .end)
    }
}
