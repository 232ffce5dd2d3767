import CLinux
import EventLoop
import GuestLink
import Linux
import SystemPackage
import Testing

@testable import Machine

@Suite struct RelayedCommandTests {
    /// A command, the streams that its client holds, and the agent's end of the link.
    private final class Relay {
        let loop = EventLoop()
        let command: RelayedCommand
        let input: ByteStream
        let output: ByteStream
        let errorOutput: ByteStream
        private var sent = FrameReader()
        private let link: AgentLink
        private let number: UInt16 = 1

        init(hasTerminal: Bool = false) throws {
            let request = ExecRequest(
                hasTerminal: hasTerminal, rows: 0, columns: 0, arguments: [], environment: [], directory: [])
            let (input, output, errorOutput) = (try Relay.pipe(), try Relay.pipe(), try Relay.pipe())
            final class Wire {
                var receive: ([UInt8]) -> Void = { _ in }
            }
            let wire = Wire()
            link = AgentLink { wire.receive($0) }
            let streams = SessionStreams(
                input: try ByteStream(owning: Descriptor(owning: input.reading), on: loop),
                output: try ByteStream(owning: Descriptor(owning: output.writing), on: loop),
                errorOutput: try ByteStream(owning: Descriptor(owning: errorOutput.writing), on: loop))
            self.input = try ByteStream(owning: Descriptor(owning: input.writing), on: loop)
            self.output = try ByteStream(owning: Descriptor(owning: output.reading), on: loop)
            self.errorOutput = try ByteStream(owning: Descriptor(owning: errorOutput.reading), on: loop)
            command = try RelayedCommand(request, over: link, streams, on: loop)
            wire.receive = { [unowned self] bytes in bytes.withUnsafeBytes { sent.append($0) } }
        }

        private static func pipe() throws -> (reading: CInt, writing: CInt) {
            let pipe = try Pipe()
            return (pipe.readingEnd.release(), pipe.writingEnd.release())
        }

        /// Frames as the agent sends them.
        func receive(_ kind: FrameKind, _ payload: [UInt8] = []) {
            var bytes: [UInt8] = []
            FrameHeader(kind: kind, session: number, length: payload.count).append(to: &bytes)
            bytes.append(contentsOf: payload)
            bytes.withUnsafeBytes { link.receive($0) }
        }

        /// What the agent has been sent since it was last asked.
        func frames() -> [(kind: FrameKind?, payload: [UInt8])] {
            var frames: [(FrameKind?, [UInt8])] = []
            while let (header, payload) = sent.next() { frames.append((FrameKind(rawValue: header.kind), payload)) }
            return frames
        }

        func run(for milliseconds: Int = 50) {
            let end = loop.after(.milliseconds(milliseconds)) { [loop] in loop.stop() }
            loop.run()
            end.cancel()
        }
    }

    @Test func readsInputOnceTheCommandRuns() throws {
        let relay = try Relay()
        relay.input.write([1, 2])
        relay.input.endWriting()
        relay.run()
        #expect(relay.frames().isEmpty)

        relay.receive(.started, [1, 0, 0, 0])
        relay.run()

        let frames = relay.frames()
        #expect(frames.map(\.kind) == [.input, .inputEnd])
        #expect(frames.first?.payload == [1, 2])
    }

    @Test func endsWhenAllOutputIsTakenAndNotBefore() throws {
        let relay = try Relay()
        var end: GuestSession.Status?
        var taken = 0
        var hasEnded = false
        relay.command.onEnd = { end = $0 }
        for _ in 0..<4 { relay.receive(.output, [UInt8](repeating: 7, count: frameMaximumPayload)) }

        relay.receive(.ended, [0, 3])
        relay.run()
        #expect(end == nil)
        relay.output.read { input in
            if case .bytes(let bytes) = input { taken += bytes.count } else { hasEnded = true }
        }
        relay.run()

        #expect(end == .exited(code: 3))
        #expect(taken == 4 * frameMaximumPayload)
        #expect(hasEnded)
    }

    @Test func grantsAGuestNoMoreThanTheClientTakes() throws {
        let relay = try Relay()
        for _ in 0..<4 { relay.receive(.output, [UInt8](repeating: 7, count: frameMaximumPayload)) }
        relay.receive(.errorOutput, [1])
        relay.run()

        // As much as a pipe holds is taken at once: 64 KiB, of a window of 256.
        #expect(relay.frames().filter { $0.kind == .credit }.isEmpty)

        relay.output.read { _ in }
        relay.run()

        #expect(relay.frames().filter { $0.kind == .credit }.map(\.payload) == [[1, 0, 0, 4, 0]])
    }

    @Test func tellsTheGuestThatItsClientReadsNoMore() throws {
        let relay = try Relay()
        relay.output.close()

        relay.receive(.output, [1])
        relay.run()

        #expect(relay.frames().filter { $0.kind == .outputEnd }.map(\.payload) == [[1]])
    }

    @Test func hangsUpByASignalAndLetsTheCommandSpeakItsLast() throws {
        let relay = try Relay()
        relay.command.onEnd = { _ in Issue.record("nobody is there to be told") }
        relay.receive(.started, [1, 0, 0, 0])

        relay.command.hangUp()
        relay.receive(.output, [1, 2, 3])
        for _ in 0..<2 { relay.receive(.output, [UInt8](repeating: 1, count: frameMaximumPayload)) }
        let frames = relay.frames()
        relay.run(for: 3500)
        let later = relay.frames()
        relay.receive(.ended, [1, 1])

        #expect(frames.map(\.kind) == [.signal, .inputEnd, .credit])
        #expect(frames.first?.payload == [1])
        #expect(later.map(\.kind) == [.outputEnd, .outputEnd])
    }

    @Test func hangsATerminalUpByTakingItAway() throws {
        let relay = try Relay(hasTerminal: true)
        relay.receive(.started, [1, 0, 0, 0])

        relay.command.hangUp()
        relay.command.hangUp()

        #expect(relay.frames().map(\.kind) == [.outputEnd, .outputEnd])
    }
}
