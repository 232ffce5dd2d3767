internal import CLinux
internal import Glibc

/// A terminal in raw mode: what is typed comes byte by byte and is not shown, Ctrl-C included. Given back as it was when this
/// goes.
public final class RawTerminal {
    private let number: CInt
    private var saved: termios?

    /// Whether it is raw now: what is no terminal never is.
    public var isRaw: Bool { saved != nil }

    /// Makes a terminal raw; does nothing to what is none.
    public init(_ number: CInt) {
        self.number = number
        enter()
    }

    /// Makes it raw again after ``restore()``.
    public func enter() {
        guard saved == nil else { return }
        var settings = termios()
        if cl_make_raw(number, &settings) == 0 { saved = settings }
    }

    /// Gives it back as it was.
    public func restore() {
        guard var settings = saved else { return }
        saved = nil
        _ = cl_restore_terminal(number, &settings)
    }

    deinit {
        restore()
    }
}
