internal import EventLoop
internal import Glibc
internal import Linux
internal import SystemPackage

/// This process's standard streams, joined to a session in the guest: three streams kept apart, or a terminal in raw mode.
final class StandardStreams {
    /// Called when the user has typed the escape, Ctrl-]; what it opens takes what is typed next.
    var onEscape: () -> Void = {}
    /// Takes what is typed in place of the guest.
    private var menu: ((_ typed: [UInt8]) -> Void)?

    private let terminal: Terminal?
    private let streams: SessionStreams

    /// Joins them: of what comes from the guest, and of what is said, so much is written, or all where there is no `allowance`.
    init(on loop: EventLoop, _ allowance: LogAllowance? = nil) throws(Errno) {
        terminal = Terminal(on: loop)
        streams = SessionStreams(
            input: try ByteStream(sharing: STDIN_FILENO, on: loop),
            output: try ByteStream(sharing: STDOUT_FILENO, on: loop),
            errorOutput: try ByteStream(sharing: STDERR_FILENO, on: loop))
        streams.allowance = allowance
        if terminal != nil { streams.passes = { [weak self] in self?.passes($0) ?? true } }
    }

    private func passes(_ typed: [UInt8]) -> Bool {
        if let menu {
            menu(typed)
            return false
        }
        // A paste that has the byte in it is no escape.
        guard typed.allSatisfy({ $0 == Terminal.escape }) else { return true }
        onEscape()
        if typed.count > 1 { menu?(Array(typed.dropFirst())) }
        return false
    }

    // MARK: - A menu

    /// Holds the guest's output back and gives what is typed to `feed`, until ``closeMenu()``.
    func openMenu(feed: @escaping (_ typed: [UInt8]) -> Void) {
        streams.hold()
        menu = feed
    }

    /// Gives the terminal back to the guest.
    func closeMenu() {
        menu = nil
        streams.release()
    }

    /// Writes to the terminal, menu or not.
    func show(_ bytes: [UInt8]) { streams.show(bytes) }

    /// Sends the guest the byte that opens the menu.
    func sendEscape() { streams.send([Terminal.escape]) }

    // MARK: - The session

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
        closeMenu()
        streams.endInput()
        terminal?.restore()
    }

    /// Calls `then` when all output is written, or cannot be any more.
    func flush(then: @escaping () -> Void) {
        streams.flush(then: then)
    }

    /// Writes text of the launcher's own to standard error, in its turn among the guest's. What is in it of others is nothing but
    /// text to a terminal.
    func say(_ text: String) {
        streams.say(printable(lines: text) + (terminal?.lineEnd ?? "\n"))
    }
}
