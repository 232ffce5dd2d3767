internal import CGLib
internal import CLinux
internal import Glibc

/// The signals a loop can be told of: those that GLib knows how to catch.
public enum ObservableSignal: Sendable, CaseIterable {
    /// SIGHUP: the terminal is gone.
    case hangup
    /// SIGINT: Ctrl-C.
    case interrupt
    /// SIGTERM: asked to end.
    case terminate
    /// SIGUSR1.
    case user1
    /// SIGUSR2.
    case user2
    /// SIGWINCH: the terminal's size changed.
    case windowChange

    /// The signal's number, signal(7).
    public var number: CInt {
        switch self {
        case .hangup: SIGHUP
        case .interrupt: SIGINT
        case .terminate: SIGTERM
        case .user1: SIGUSR1
        case .user2: SIGUSR2
        case .windowChange: SIGWINCH
        }
    }
}

private final class SignalHandler {
    let run: () -> Void

    init(run: @escaping () -> Void) {
        self.run = run
    }
}

private final class ChildHandler {
    let run: (CInt) -> Void

    init(run: @escaping (CInt) -> Void) {
        self.run = run
    }
}

private let callSignalHandler: GSourceFunc = { data in
    guard let data else { return 0 }
    Unmanaged<SignalHandler>.fromOpaque(data).takeUnretainedValue().run()
    return 1
}

private let callChildHandler: GChildWatchFunc = { _, status, data in
    guard let data else { return }
    Unmanaged<ChildHandler>.fromOpaque(data).takeUnretainedValue().run(status)
}

extension EventLoop {
    /// Runs `handler` whenever the process gets `signal`, instead of what the signal does by default.
    ///
    /// Every loop that asked for the signal is told. When the last source for it goes, the default comes back. Signals that
    /// arrive together are told once.
    public func onSignal(_ signal: ObservableSignal, _ handler: @escaping () -> Void) -> EventSource {
        attach(g_unix_signal_source_new(signal.number), callSignalHandler, SignalHandler(run: handler))
    }

    /// Runs `handler` whenever somebody asks the process to end: by SIGINT, SIGTERM or SIGHUP. What the parent has it ignore, as
    /// nohup(1) does a hangup, stays ignored.
    ///
    /// - Parameter handler: Gets the signal.
    /// - Returns: What keeps it registered.
    public func onRequestToEnd(_ handler: @escaping (ObservableSignal) -> Void) -> [EventSource] {
        let signals: [ObservableSignal] = [.interrupt, .terminate, .hangup]
        return signals.filter { !cl_is_ignored($0.number) }.map { signal in onSignal(signal) { handler(signal) } }
    }

    /// Runs `handler` once, with the raw wait status, when the child `pid` has ended; the child is reaped by then.
    ///
    /// It must be a child of this process that nobody else waits for.
    public func onChildExit(_ pid: CInt, _ handler: @escaping (_ rawStatus: CInt) -> Void) -> EventSource {
        // SAFETY: GLib calls the function of a child watch as a GChildWatchFunc (g_child_watch_source_new).
        let callback = unsafeBitCast(callChildHandler, to: GSourceFunc.self)
        return attach(g_child_watch_source_new(pid), callback, ChildHandler(run: handler))
    }
}
