internal import CGLib

/// A handler on its way through GLib's user data.
private final class TimerHandler {
    let repeats: Bool
    let run: () -> Void

    init(repeats: Bool, run: @escaping () -> Void) {
        self.repeats = repeats
        self.run = run
    }
}

/// Answers whether the source stays: GLib has no constant for yes that Swift could import.
private let callTimer: GSourceFunc = { data in
    guard let data else { return 0 }
    let handler = Unmanaged<TimerHandler>.fromOpaque(data).takeUnretainedValue()
    handler.run()
    return handler.repeats ? 1 : 0
}

extension EventLoop {
    /// Runs `handler` once, when `delay` has passed on the monotonic clock, rounded up to milliseconds.
    public func after(_ delay: Duration, _ handler: @escaping () -> Void) -> EventSource {
        attach(g_timeout_source_new(delay.milliseconds), callTimer, TimerHandler(repeats: false, run: handler))
    }

    /// Runs `handler` each time that `interval` has passed on the monotonic clock, rounded up to milliseconds.
    public func every(_ interval: Duration, _ handler: @escaping () -> Void) -> EventSource {
        attach(g_timeout_source_new(interval.milliseconds), callTimer, TimerHandler(repeats: true, run: handler))
    }

    /// Runs `handler` once, when the handler that is running now has returned.
    public func soon(_ handler: @escaping () -> Void) -> EventSource {
        let source: UnsafeMutablePointer<GSource> = g_idle_source_new()
        g_source_set_priority(source, G_PRIORITY_DEFAULT)
        return attach(source, callTimer, TimerHandler(repeats: false, run: handler))
    }
}

extension Duration {
    /// Whole milliseconds, rounded up and kept within what GLib takes: 0 to about 49 days.
    fileprivate var milliseconds: UInt32 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        guard !overflow, whole < Int64(UInt32.max) - 1000 else { return UInt32.max }
        return UInt32(whole + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
