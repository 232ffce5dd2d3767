internal import CLinux
internal import Glibc

/// The terminal that a person sits at: standard input and output, where both are one. Raw mode, the window's size, and the
/// escape that is typed to leave what is on the other side.
public final class Terminal {
    /// The size of a terminal's window.
    public struct Size: Equatable, Sendable {
        /// Its rows; 0 where that is not known.
        public var rows: UInt16
        /// Its columns; 0 where that is not known.
        public var columns: UInt16

        /// A size; that of no terminal without arguments.
        public init(rows: UInt16 = 0, columns: UInt16 = 0) {
            self.rows = rows
            self.columns = columns
        }
    }

    /// What is typed for the escape: Ctrl-].
    public static let escape: UInt8 = 0x1d

    /// Called when the window has another size, and when raw mode begins: it may have changed before that.
    public var onResize: (Size) -> Void = { _ in }

    private let loop: EventLoop
    /// Nil while the terminal is as it was.
    private var raw: RawTerminal?
    private var windowChange: EventSource?
    /// When the escape's byte was typed of late.
    private var escapes: [UInt64] = []

    /// The terminal of this process; nil where standard input or output is none.
    public init?(on loop: EventLoop) {
        guard cl_is_terminal(STDIN_FILENO), cl_is_terminal(STDOUT_FILENO) else { return nil }
        self.loop = loop
    }

    /// The window's size now.
    public var size: Size {
        var size = Size()
        guard cl_window_size(STDOUT_FILENO, &size.rows, &size.columns) == 0 else { return Size() }
        return size
    }

    /// What kind of terminal it is, as a variable for the environment of a command that gets one like it.
    public static var kind: String? {
        getenv("TERM").map { "TERM=\(String(cString: $0))" }
    }

    private var isRaw: Bool { raw?.isRaw ?? false }

    /// How a line ends that is written to the terminal now.
    public var lineEnd: String { isRaw ? "\r\n" : "\n" }

    /// Makes the terminal raw: all that is typed is for the other side, and this process is told of the window's size.
    public func makeRaw() {
        guard !isRaw else { return }
        raw = RawTerminal(STDIN_FILENO)
        windowChange = loop.onSignal(.windowChange) { [weak self] in
            guard let self else { return }
            onResize(size)
        }
        onResize(size)
    }

    /// Gives the terminal back as it was.
    public func restore() {
        windowChange = nil
        raw = nil
    }

    /// Whether what was typed now completes the escape: three times Ctrl-] within a second. To be asked of all that is typed.
    public func isEscape(_ typed: [UInt8]) -> Bool {
        // What is typed fast comes together, and only its end may be the escape.
        let ending = typed.reversed().prefix { $0 == Self.escape }.count
        if ending < typed.count { escapes = [] }
        let now = cl_monotonic_time()
        escapes += [UInt64](repeating: now, count: ending)
        escapes.removeAll { now &- $0 > 1_000_000_000 }
        return escapes.count >= 3
    }
}
