internal import GuestLink
internal import Linux
public import SystemPackage

/// One command in the guest: its streams, its window of credit on each, its end.
public final class GuestSession {
    /// How a command in the guest ended.
    public enum Status: Equatable, Sendable {
        /// By itself, with this code.
        case exited(code: UInt8)
        /// By this signal.
        case signaled(number: UInt8)
        /// It was never run: the errno, and what was tried.
        case failed(error: UInt32, text: String)
        /// With the guest, which has begun anew.
        case lost

        /// Why it was never run: the reason and a sentence on it; nil where it was.
        public var failure: (error: Errno, sentence: String)? {
            guard case .failed(let number, let text) = self else { return nil }
            let error = Errno(rawValue: CInt(truncatingIfNeeded: number))
            return (error, "the guest cannot \(text): \(error.explained)")
        }

        /// Whether there is no such command. A directory that is not there (`enter …`) is none.
        public var isNotFound: Bool {
            guard case .failed(_, let text) = self else { return false }
            return failure?.error == .noSuchFileOrDirectory && text.hasPrefix("run ")
        }
    }

    /// A stream of the session, as `credit` frames number it.
    public enum Stream: UInt8, Sendable {
        /// Standard input.
        case input = 0
        /// Standard output.
        case output = 1
        /// Standard error.
        case errorOutput = 2
    }

    /// What the session reports.
    public struct Events {
        /// The command runs; its pid in the guest.
        public var started: (_ pid: UInt32) -> Void = { _ in }
        /// The command has written; call `grant` once the bytes are taken.
        public var written: (_ stream: Stream, _ bytes: [UInt8]) -> Void = { _, _ in }
        /// `inputRoom` has grown.
        public var inputRoomGrew: () -> Void = {}
        /// The command has ended, and nothing follows.
        public var ended: (_ status: Status) -> Void = { _ in }

        /// Events that nobody hears.
        public init() {}
    }

    /// The session's number on the link.
    public let number: UInt16
    /// Whether the command has a terminal.
    let hasTerminal: Bool
    /// Who hears of what.
    public var events = Events()
    /// How many bytes of input the guest has room for.
    public private(set) var inputRoom = streamWindow
    /// How many bytes of each output the guest may still send.
    private var outputRoom: [Stream: Int] = [.output: streamWindow, .errorOutput: streamWindow]

    /// What was granted of each and the guest has not been told of.
    private var untold: [Stream: Int] = [:]

    private weak var link: AgentLink?

    init(number: UInt16, hasTerminal: Bool, link: AgentLink) {
        self.number = number
        self.hasTerminal = hasTerminal
        self.link = link
    }

    /// Sends input, at most `inputRoom` bytes of it.
    ///
    /// - Returns: How many of the bytes were sent.
    public func send(input bytes: UnsafeRawBufferPointer) -> Int {
        let count = min(bytes.count, inputRoom)
        var sent = 0
        while sent < count {
            let end = min(count, sent + frameMaximumPayload)
            link?.send(.input, session: number, Array(bytes[sent..<end]))
            sent = end
        }
        inputRoom -= count
        return count
    }

    /// Says that no more input comes.
    public func endInput() {
        link?.send(.inputEnd, session: number, [])
    }

    /// Lets the guest send that many bytes more of an output stream.
    ///
    /// It is told once they are half a window, and has the other half until then: or else one that sends single bytes would be
    /// owed a frame for each.
    public func grant(_ bytes: Int, of stream: Stream) {
        let bytes = untold[stream, default: 0] + bytes
        guard bytes >= streamWindow / 2 else {
            untold[stream] = bytes
            return
        }
        untold[stream] = 0
        outputRoom[stream, default: 0] += bytes
        var payload = PayloadWriter()
        payload.append(stream.rawValue)
        payload.append(UInt32(clamping: bytes))
        link?.send(.credit, session: number, payload.bytes)
    }

    /// Says that nobody reads an output stream any more: the command is told as it would be on the host, by SIGPIPE where
    /// the stream is a pipe and by SIGHUP where it is a terminal. What is under way may still come.
    public func endOutput(_ stream: Stream) {
        link?.send(.outputEnd, session: number, [stream.rawValue])
    }

    /// Sends a signal to the command's process group.
    public func signal(_ signal: UInt8) {
        link?.send(.signal, session: number, [signal])
    }

    /// Tells the command's terminal its new size.
    public func resize(rows: UInt16, columns: UInt16) {
        var payload = PayloadWriter()
        payload.append(rows)
        payload.append(columns)
        link?.send(.windowSize, session: number, payload.bytes)
    }

    /// Takes a frame of this session.
    ///
    /// - Returns: False when it was the last.
    func handle(_ kind: FrameKind, _ payload: [UInt8]) -> Bool {
        switch kind {
        case .output: return take(payload, of: .output)
        case .errorOutput: return take(payload, of: .errorOutput)
        case .started:
            var reader = PayloadReader(payload)
            events.started(reader.word() ?? 0)
        case .credit:
            var reader = PayloadReader(payload)
            guard reader.byte() == Stream.input.rawValue, let bytes = reader.word() else { break }
            // The window never exceeds what both sides agreed on, whatever a broken guest says.
            inputRoom = min(streamWindow, inputRoom + Int(bytes))
            events.inputRoomGrew()
        case .failed:
            var reader = PayloadReader(payload)
            let error = reader.word() ?? 0
            events.ended(.failed(error: error, text: text(reader.remainder())))
            return false
        case .ended:
            var reader = PayloadReader(payload)
            let isSignal = reader.byte() == 1
            let value = reader.byte() ?? 0
            events.ended(isSignal ? .signaled(number: value) : .exited(code: value))
            return false
        default:
            break
        }
        return true
    }

    /// Takes output, but no more than was granted: what we keep for a slow reader is bounded, whatever the guest does.
    private func take(_ bytes: [UInt8], of stream: Stream) -> Bool {
        let room = outputRoom[stream, default: 0] - bytes.count
        guard room >= 0 else {
            link?.breakLink("the guest sends more output than it may")
            return false
        }
        guard !bytes.isEmpty else { return true }
        outputRoom[stream] = room
        events.written(stream, bytes)
        return true
    }
}
