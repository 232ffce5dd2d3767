internal import CLinux
internal import Logging
internal import Synchronization

/// The log lines about a guest or frontend that misbehaves: it decides how often that is, and must not fill the log by it.
///
/// A few lines are written at once; after that one every ten seconds, which says how many were left out.
final class Complaints: Sendable {
    private static let burst = 5
    /// In nanoseconds.
    private static let interval: UInt64 = 10_000_000_000

    private struct State {
        /// Lines that may be written at once.
        var credit = Complaints.burst
        /// When the last line that took the credit's rest was written.
        var last: UInt64 = 0
        var omitted = 0
    }

    private let log: Logger
    private let clock: @Sendable () -> UInt64
    private let state = Mutex(State())

    /// - Parameters:
    ///   - log: Takes the lines.
    ///   - clock: Nanoseconds since some moment.
    init(to log: Logger, clock: @escaping @Sendable () -> UInt64 = { cl_monotonic_time() }) {
        self.log = log
        self.clock = clock
    }

    /// Writes a line, or counts it.
    func note(_ message: String, _ metadata: Logger.Metadata) {
        let now = clock()
        let omitted: Int? = state.withLock { state in
            let earned = (now &- state.last) / Self.interval
            if earned > 0, state.credit < Self.burst {
                state.credit = min(Self.burst, state.credit + Int(clamping: earned))
                state.last = now
            }
            guard state.credit > 0 else {
                state.omitted += 1
                return nil
            }
            if state.credit == Self.burst { state.last = now }
            state.credit -= 1
            return exchange(&state.omitted, with: 0)
        }
        guard let omitted else { return }
        var metadata = metadata
        if omitted > 0 { metadata["omitted"] = "\(omitted)" }
        log.error("\(message)", metadata: metadata)
    }
}
