import CLinux
import EventLoop
import Linux
import SystemPackage
import Testing

@Suite struct PumpTests {
    private let loop = EventLoop()

    private func stream(_ descriptor: consuming Descriptor) throws -> ByteStream {
        try ByteStream(owning: descriptor, on: loop)
    }

    @Test func carriesAllAndPassesTheEndOn() throws {
        let inward = try Pipe()
        let outward = try Pipe()
        let writer = try stream(inward.writingEnd)
        let reader = try stream(outward.readingEnd)
        let payload = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let received = Notes<UInt8>()
        let pump = Pump(from: try stream(inward.readingEnd), to: try stream(outward.writingEnd), end: .pass)
        pump.begin()
        reader.read { [loop] input in
            if case .bytes(let bytes) = input { received.items += bytes } else { loop.stop() }
        }

        writer.write(payload)
        writer.endWriting()
        loop.runBounded()

        #expect(received.items == payload)
        #expect(pump.hasEnded)
        #expect(pump.failure == nil)
    }

    @Test func leavesTheSourceAloneWhileTheSinkTakesNothing() throws {
        let inward = try SocketPair()
        let outward = try Pipe()
        let writer = try stream(inward.near)
        let pump = Pump(from: try stream(inward.far), to: try stream(outward.writingEnd), end: .pass)
        pump.begin()

        writer.write([UInt8](repeating: 1, count: 8_000_000))
        let end = loop.after(.milliseconds(100)) { [loop] in loop.stop() }
        loop.runBounded()
        end.cancel()

        #expect(writer.pendingBytes > 6_000_000)
        withExtendedLifetime(outward.readingEnd.number) {}
    }

    @Test func closesTheSourceOfASinkThatTakesNoMore() throws {
        let inward = try Pipe()
        let outward = try Pipe()
        let writer = try stream(inward.writingEnd)
        let sink = try stream(outward.writingEnd)
        let pump = Pump(from: try stream(inward.readingEnd), to: sink, end: .leave)
        pump.onEnd = { writer.write([2]) }
        writer.onWriteFailure = { [loop] _ in loop.stop() }
        pump.begin()

        _ = cl_close(outward.readingEnd.release())
        writer.write([1])
        loop.runBounded()

        #expect(pump.failure == .brokenPipe)
        #expect(writer.writeFailure == .brokenPipe)
    }

    @Test func keepsBackWhatItIsToldTo() throws {
        let inward = try Pipe()
        let outward = try Pipe()
        let writer = try stream(inward.writingEnd)
        let reader = try stream(outward.readingEnd)
        let received = Notes<UInt8>()
        let pump = Pump(from: try stream(inward.readingEnd), to: try stream(outward.writingEnd), end: .pass)
        pump.passes = { $0 != [1] }
        pump.begin()
        reader.read { [loop] input in
            if case .bytes(let bytes) = input { received.items += bytes } else { loop.stop() }
        }

        writer.write([1])
        let later = loop.after(.milliseconds(50)) {
            writer.write([2])
            writer.endWriting()
        }
        loop.runBounded()
        later.cancel()

        #expect(received.items == [2])
    }
}
