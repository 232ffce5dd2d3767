internal import EventLoop
internal import Glibc
internal import SystemPackage

/// This process's standard streams, joined to a session in the guest: three streams kept apart, or a terminal in raw mode.
final class StandardStreams {
    /// Called when the user has typed the escape, three times Ctrl-] within a second.
    var onEscape: () -> Void = {}

    private let terminal: Terminal?
    private let streams: SessionStreams

    init(on loop: EventLoop) throws(Errno) {
        terminal = Terminal(on: loop)
        streams = SessionStreams(
            input: try ByteStream(sharing: STDIN_FILENO, on: loop),
            output: try ByteStream(sharing: STDOUT_FILENO, on: loop),
            errorOutput: try ByteStream(sharing: STDERR_FILENO, on: loop))
        if let terminal {
            streams.passes = { [weak self] bytes in
                guard terminal.isEscape(bytes) else { return true }
                self?.onEscape()
                return false
            }
        }
    }

    /// Whether the guest's command gets a terminal, because standard input and output are one here.
    var hasTerminal: Bool { terminal != nil }

    /// Rows and columns of the terminal; zero where there is none.
    var windowSize: Terminal.Size { terminal?.size ?? Terminal.Size() }

    /// The first output that could not be written although somebody wants it.
    var failure: (name: String, error: Errno)? {
        streams.failure.map { ($0.stream == .output ? "standard output" : "standard error", $0.error) }
    }

    /// Takes what the session writes, and sends it what comes in after ``beginInput()``.
    func join(_ session: GuestSession) {
        streams.join(session)
        terminal?.onResize = { [weak session] in session?.resize(rows: $0.rows, columns: $0.columns) }
    }

    /// Begins to read standard input; the terminal becomes raw.
    func beginInput() {
        terminal?.makeRaw()
        streams.beginInput()
    }

    /// Gives the terminal back as it was and reads no more.
    func endInput() {
        streams.endInput()
        terminal?.restore()
    }

    /// Calls `then` when all output is written, or cannot be any more.
    func flush(then: @escaping () -> Void) {
        streams.flush(then: then)
    }

    /// Writes text of the launcher's own to standard error, in its turn among the guest's.
    func say(_ text: String) {
        streams.say(text + (terminal?.lineEnd ?? "\n"))
    }
}
