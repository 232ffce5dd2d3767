internal import CLinux
internal import EventLoop
internal import Glibc
internal import GuestLink
internal import SystemPackage

/// This process's standard streams, joined to a session in the guest: three streams kept apart, or a terminal in raw mode.
final class StandardStreams {
    /// Whether the guest's command gets a terminal, because standard input and output are one here.
    let hasTerminal: Bool

    /// Called when the user has typed the escape, three times Ctrl-] within a second.
    var onEscape: () -> Void = {}

    private let loop: EventLoop
    private let input: ByteStream
    private let outputs: [GuestSession.Stream: ByteStream]
    private weak var session: GuestSession?
    private var unsent: [UInt8] = []
    private var inputHasEnded = false
    private var owed: [GuestSession.Stream: Int] = [:]
    private var windowChange: EventSource?
    private var savedTerminal: termios?
    private var escapes: [UInt64] = []
    private var whenFlushed: (() -> Void)?
    /// The first output that could not be written although somebody wants it: a full disk, say, and not a reader that left.
    private(set) var failure: (name: String, error: Errno)?

    init(on loop: EventLoop) throws(Errno) {
        self.loop = loop
        hasTerminal = cl_is_terminal(STDIN_FILENO) && cl_is_terminal(STDOUT_FILENO)
        input = try ByteStream(sharing: STDIN_FILENO, on: loop)
        outputs = [
            .output: try ByteStream(sharing: STDOUT_FILENO, on: loop),
            .errorOutput: try ByteStream(sharing: STDERR_FILENO, on: loop),
        ]
    }

    /// Rows and columns of the terminal; zero where there is none.
    var windowSize: (rows: UInt16, columns: UInt16) {
        var rows: UInt16 = 0
        var columns: UInt16 = 0
        guard hasTerminal, cl_window_size(STDOUT_FILENO, &rows, &columns) == 0 else { return (0, 0) }
        return (rows, columns)
    }

    /// Takes what the session writes, and sends it what comes in once it has started.
    func join(_ session: GuestSession) {
        self.session = session
        session.events.written = { [weak self] stream, bytes in self?.write(bytes, to: stream) }
        session.events.inputRoomGrew = { [weak self] in self?.sendUnsent() }
        for (name, stream) in outputs {
            stream.onDrained = { [weak self] in self?.drained(name) }
            stream.onWriteFailure = { [weak self] in self?.writingFailed(name, $0) }
        }
    }

    /// Begins to read standard input; the terminal becomes raw.
    func beginInput() {
        if hasTerminal {
            var saved = termios()
            if cl_make_raw(STDIN_FILENO, &saved) == 0 { savedTerminal = saved }
            windowChange = loop.onSignal(.windowChange) { [weak self] in
                guard let self else { return }
                let size = windowSize
                session?.resize(rows: size.rows, columns: size.columns)
            }
            // It may have changed since the session was asked for.
            let size = windowSize
            session?.resize(rows: size.rows, columns: size.columns)
        }
        input.read { [weak self] in self?.receive($0) }
    }

    /// Gives the terminal back as it was and reads no more.
    func endInput() {
        windowChange = nil
        input.close()
        restoreTerminal()
    }

    /// Calls `then` when all output is written, or cannot be any more.
    func flush(then: @escaping () -> Void) {
        if outputs.values.allSatisfy({ $0.pendingBytes == 0 }) { return then() }
        whenFlushed = then
    }

    /// Writes text of the launcher's own to standard error, in its turn among the guest's.
    func say(_ text: String) {
        let ending = savedTerminal == nil ? "\n" : "\r\n"
        outputs[.errorOutput]?.write((text + ending).utf8)
    }

    private func restoreTerminal() {
        guard var saved = savedTerminal else { return }
        savedTerminal = nil
        _ = cl_restore_terminal(STDIN_FILENO, &saved)
    }

    private func receive(_ event: ByteStream.Input) {
        switch event {
        case .bytes(let bytes):
            if hasTerminal, isEscape(bytes) { return onEscape() }
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

    private func isEscape(_ bytes: [UInt8]) -> Bool {
        guard bytes.allSatisfy({ $0 == 0x1d }) else {
            escapes = []
            return false
        }
        let now = cl_monotonic_time()
        escapes.append(contentsOf: bytes.map { _ in now })
        escapes.removeAll { now &- $0 > 1_000_000_000 }
        return escapes.count >= 3
    }

    private func write(_ bytes: [UInt8], to stream: GuestSession.Stream) {
        guard let output = outputs[stream] else { return }
        output.write(bytes)
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
        if error != .brokenPipe, failure == nil {
            failure = (stream == .output ? "standard output" : "standard error", error)
        }
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

    deinit {
        restoreTerminal()
    }
}
