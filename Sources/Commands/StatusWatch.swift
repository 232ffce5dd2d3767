internal import CLinux
internal import Control
internal import EventLoop
internal import Glibc
internal import Linux
internal import SystemPackage

/// A VM's status on a terminal, drawn anew in place as it changes.
///
/// The VM is asked by a thread of its own, so that keys and a new size are answered while the VM is silent. The terminal has
/// its own screen back, its cursor and its settings, however the watch ends but by SIGKILL.
final class StatusWatch {
    /// How a watch ends.
    enum End {
        /// The user has had enough.
        case quit
        /// The VM has ended.
        case ended
        /// It cannot be asked: why.
        case failed(ControlClientError)
        /// This signal was sent.
        case signal(ObservableSignal)
    }

    private static let enterScreen = "\u{1b}[?1049h\u{1b}[?25l"
    private static let leaveScreen = "\u{1b}[0m\u{1b}[?25h\u{1b}[?1049l"

    private let loop = EventLoop()
    private let isStyled: Bool
    private let terminal: RawTerminal
    private let input: ByteStream
    private let output: ByteStream
    private var sources: [EventSource] = []
    private var keys = KeyDecoder()
    private var poll: (receiver: MailboxReceiver, thread: Thread)?

    /// What was shown last.
    private(set) var sample: RatedStatus?
    /// Why there is no newer sample.
    private var trouble: String?
    private var firstRow = 0
    private var rowCount = 0
    private var end: End?
    /// Whether what the terminal was last given is not the newest.
    private var isOutdated = false

    /// A watch on standard input and output, which are to be a terminal.
    ///
    /// - Parameter isStyled: Whether some of it may stand out.
    /// - Throws: That a stream is not open.
    init(isStyled: Bool) throws(Errno) {
        self.isStyled = isStyled
        input = try ByteStream(sharing: STDIN_FILENO, on: loop)
        output = try ByteStream(sharing: STDOUT_FILENO, on: loop)
        terminal = RawTerminal(STDIN_FILENO)
    }

    /// Shows what a poller finds, until the user or the VM ends it.
    ///
    /// - Throws: That no thread could be started.
    func run(_ poller: StatusPoller) throws(Errno) -> End {
        for signal in [ObservableSignal.terminate, .hangup] {
            sources.append(loop.onSignal(signal) { [weak self] in self?.stop(.signal(signal)) })
        }
        sources.append(loop.onSignal(.interrupt) { [weak self] in self?.stop(.quit) })
        sources.append(loop.onSignal(.windowChange) { [weak self] in self?.draw() })
        let (mailbox, receiver) = loop.mailbox { [weak self] finding in self?.take(finding) }
        let thread = try Thread(name: "status") {
            poller.run { finding in
                mailbox.post(finding)
                return true
            }
        }
        // Not joined: it may be waiting for a VM that does not answer, and ends with the process.
        poll = (receiver, thread)
        // There need be no keys: a signal ends it too.
        if cl_is_terminal(STDIN_FILENO) { input.read { [weak self] in self?.receive($0) } }
        output.onDrained = { [weak self] in
            guard let self, isOutdated else { return }
            draw()
        }
        output.write(Self.enterScreen.utf8)
        // An answer comes sooner than anybody could read that it is waited for.
        sources.append(loop.after(.milliseconds(500)) { [weak self] in self?.draw() })
        loop.run()
        leave()
        return end ?? .quit
    }

    private func stop(_ end: End) {
        if self.end == nil { self.end = end }
        loop.stop()
    }

    /// Gives the terminal back. A terminal that takes nothing any more is not waited for.
    private func leave() {
        poll = nil
        sources = []
        let isStuck = output.pendingBytes > 0
        input.close()
        output.close()
        var entry = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
        if cl_poll(&entry, 1, 500) > 0 {
            // What was cut off in the midst of a sequence is ended first (CAN).
            FileDescriptor.standardOutput.write(text: (isStuck ? "\u{18}" : "") + Self.leaveScreen)
        }
        terminal.restore()
    }

    // MARK: - What comes

    private func take(_ finding: StatusPoller.Finding) {
        switch finding {
        case .status(let status):
            sample = RatedStatus(status, after: sample?.status, at: secondsSince1970())
            trouble = nil
            draw()
        case .silent(let reason):
            trouble = reason
            draw()
        case .ended: stop(.ended)
        case .failed(let error): stop(.failed(error))
        }
    }

    private func receive(_ event: ByteStream.Input) {
        guard case .bytes(let bytes) = event else {
            // The terminal is gone, or its user has no more to say.
            return stop(.quit)
        }
        for key in keys.decode(bytes) {
            switch key {
            case .character("q"), .control("c"): return stop(.quit)
            case .control("z"): suspend()
            case .control("l"): draw()
            case .up, .character("k"): scroll(to: firstRow - 1)
            case .down, .character("j"): scroll(to: firstRow + 1)
            case .pageUp: scroll(to: firstRow - max(1, rowCount - 1))
            case .pageDown, .character(" "): scroll(to: firstRow + max(1, rowCount - 1))
            case .home: scroll(to: 0)
            case .end: scroll(to: Int.max / 2)
            default: break
            }
        }
    }

    /// Stops the process, as Ctrl-Z does to others, and goes on when it is continued.
    private func suspend() {
        FileDescriptor.standardOutput.write(text: Self.leaveScreen)
        terminal.restore()
        // To this thread, which so stops here and not a little later.
        raise(SIGTSTP)
        terminal.enter()
        output.write(Self.enterScreen.utf8)
        draw()
    }

    private func scroll(to row: Int) {
        firstRow = row
        draw()
    }

    // MARK: - What is shown

    private func draw() {
        // A slow terminal gets the newest when it has taken what it was given.
        isOutdated = output.pendingBytes > 0
        guard !isOutdated, let size = WindowSize(of: STDOUT_FILENO) else { return }
        var lines: [StyledLine] = []
        if let sample {
            let screen = StatusView(sample, columns: size.columns)
                .screen(height: size.rows, firstRow: firstRow, trouble: trouble)
            (firstRow, rowCount) = (screen.firstRow, screen.rowCount)
            lines = screen.lines
        } else {
            lines = [StyledLine(trouble ?? "asking the VM").fitted(to: size.columns)]
        }
        output.write(Self.frame(lines, on: size, isStyled: isStyled).utf8)
    }

    /// A whole screen, over the one before without a moment of emptiness.
    static func frame(_ lines: [StyledLine], on size: WindowSize, isStyled: Bool) -> String {
        let rows = lines.map { line in
            // At a line's very end the cursor is still on its last character, which this would erase.
            line.rendered(isStyled: isStyled) + (line.text.terminalColumns < size.columns ? "\u{1b}[K" : "")
        }
        return "\u{1b}[H" + rows.joined(separator: "\r\n") + (lines.count < size.rows ? "\r\n\u{1b}[J" : "")
    }
}

/// The host's clock.
func secondsSince1970() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}

extension FileDescriptor {
    /// Writes all of a text; what cannot be written has nobody to read it.
    fileprivate func write(text: String) {
        _ = try? writeAll(text.utf8)
    }
}
