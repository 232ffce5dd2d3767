internal import EventLoop
internal import SystemPackage

/// Three byte streams joined to a session in the guest. The session's credit is the back-pressure: a stream that takes
/// nothing holds up its own writer in the guest, and nobody else.
final class SessionStreams {
    /// Looks at input before it is sent, and may keep it by answering false.
    var passes: ([UInt8]) -> Bool = { _ in true }
    /// The first output that could not be written although somebody wants it: a full disk, say, and not a reader that left.
    private(set) var failure: (stream: GuestSession.Stream, error: Errno)?

    /// How much is written; nil where that is the reader's to say.
    var allowance: LogAllowance?

    private let input: ByteStream
    private let outputs: [GuestSession.Stream: ByteStream]
    private weak var session: GuestSession?
    private var unsent: [UInt8] = []
    private var inputHasEnded = false
    private var owed: [GuestSession.Stream: Int] = [:]
    private var whenFlushed: (() -> Void)?
    /// What the session has written while the outputs were held back; nil when they are not.
    private var held: Held?

    /// Bytes of both outputs in their order. What a single one takes is small, for a guest may send them one by one.
    private struct Held {
        var bytes: [UInt8] = []
        var runs: [(stream: GuestSession.Stream, count: Int)] = []

        mutating func append(_ more: [UInt8], of stream: GuestSession.Stream) {
            bytes += more
            if let last = runs.indices.last, runs[last].stream == stream {
                runs[last].count += more.count
            } else {
                runs.append((stream, more.count))
            }
        }
    }

    /// The streams that the command in the guest is to read, and to write.
    init(input: ByteStream, output: ByteStream, errorOutput: ByteStream) {
        self.input = input
        outputs = [.output: output, .errorOutput: errorOutput]
    }

    /// Takes what the session writes, and sends it what comes in after ``beginInput()``.
    func join(_ session: GuestSession) {
        self.session = session
        session.events.written = { [weak self] stream, bytes in self?.write(bytes, to: stream) }
        session.events.inputRoomGrew = { [weak self] in self?.sendUnsent() }
        for (name, stream) in outputs {
            stream.onDrained = { [weak self] in self?.drained(name) }
            stream.onWriteFailure = { [weak self] in self?.writingFailed(name, $0) }
        }
    }

    /// Begins to read input.
    func beginInput() {
        input.read { [weak self] in self?.receive($0) }
    }

    /// Sends the session what nobody has typed.
    func send(_ bytes: [UInt8]) {
        unsent.append(contentsOf: bytes)
        sendUnsent()
    }

    /// Writes nothing of the session's until ``release()``. Its credit keeps what is held back small.
    func hold() {
        if held == nil { held = Held() }
    }

    /// Writes what was held back, and goes on.
    func release() {
        guard let released = held else { return }
        held = nil
        var rest = released.bytes[...]
        for (stream, count) in released.runs {
            write(Array(rest.prefix(count)), to: stream)
            rest = rest.dropFirst(count)
        }
    }

    /// Writes bytes of the launcher's own, held back or not.
    func show(_ bytes: [UInt8]) {
        outputs[.output]?.write(bytes)
    }

    /// Reads no more.
    func endInput() {
        input.close()
    }

    /// Calls `then` when all output is written, or cannot be any more.
    func flush(then: @escaping () -> Void) {
        if outputs.values.allSatisfy({ $0.pendingBytes == 0 }) { return then() }
        whenFlushed = then
    }

    /// Writes text to standard error, in its turn among the guest's.
    func say(_ text: String) {
        let bytes = Array(text.utf8)
        outputs[.errorOutput]?.write(allowance?.take(bytes) ?? bytes)
    }

    /// Closes all three at once; what is still to be written is lost.
    func close() {
        input.close()
        outputs.values.forEach { $0.close() }
        whenFlushed = nil
    }

    private func receive(_ event: ByteStream.Input) {
        switch event {
        case .bytes(let bytes):
            guard passes(bytes) else { return }
            unsent.append(contentsOf: bytes)
        case .end, .failed:
            inputHasEnded = true
        }
        sendUnsent()
    }

    private func sendUnsent() {
        guard let session else { return }
        let sent = unsent.withUnsafeBytes { session.send(input: $0) }
        unsent.removeFirst(sent)
        if !unsent.isEmpty {
            input.pauseReading()
        } else if inputHasEnded {
            inputHasEnded = false
            session.endInput()
        } else {
            input.resumeReading()
        }
    }

    private func write(_ bytes: [UInt8], to stream: GuestSession.Stream) {
        guard held == nil else {
            held?.append(bytes, of: stream)
            return
        }
        guard let output = outputs[stream] else { return }
        output.write(allowance?.take(bytes) ?? bytes)
        owed[stream, default: 0] += bytes.count
        if output.pendingBytes == 0 { payCredit(of: stream) }
    }

    private func drained(_ stream: GuestSession.Stream) {
        payCredit(of: stream)
        flushed()
    }

    private func payCredit(of stream: GuestSession.Stream) {
        guard let bytes = owed.removeValue(forKey: stream), bytes > 0 else { return }
        session?.grant(bytes, of: stream)
    }

    private func writingFailed(_ stream: GuestSession.Stream, _ error: Errno) {
        if error != .brokenPipe, failure == nil { failure = (stream, error) }
        // Its writer learns it from the guest's kernel, as it would on the host.
        session?.endOutput(stream)
        payCredit(of: stream)
        flushed()
    }

    private func flushed() {
        guard let then = whenFlushed, outputs.values.allSatisfy({ $0.pendingBytes == 0 }) else { return }
        whenFlushed = nil
        then()
    }
}
