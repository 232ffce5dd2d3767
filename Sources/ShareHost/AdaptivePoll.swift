/// Whether a ring is worth watching for a while before its worker sleeps until the next kick.
///
/// A watched ring costs its driver no kick, which is an exit of the guest, and the next request no wake-up. Watched in vain it
/// costs a core. So it is done where requests have lately come one by one and soon after each other: who has many in flight
/// gains by their being served together instead. After a watch in vain, and where somebody else wants the core, none is tried
/// for a while, each time longer.
///
/// Times are in nanoseconds of CLOCK_MONOTONIC.
struct AdaptivePoll {
    /// The longest watch.
    static let longest: UInt64 = 50_000
    /// The longest pause between two requests that is expected to be worth watching through.
    static let worthwhile: UInt64 = 25_000
    /// The most requests that were served together: with more the driver has others in flight.
    static let mostTogether = 2
    /// Looks that lie further apart than this had another thread between them.
    static let interruption: UInt64 = 20_000
    /// How long nobody watches after that, or after a watch in vain, the first time and at most.
    static let shortestRest: UInt64 = 1_000_000
    static let longestRest: UInt64 = 1_000_000_000

    /// A moving average of the pauses between requests.
    private var expected = 4 * longest
    private var rest = shortestRest
    private var restsUntil: UInt64 = 0

    /// Whether to watch after so many requests were served together.
    @inline(__always)
    func isWorthwhile(after count: Int, now: UInt64) -> Bool {
        expected <= Self.worthwhile && count <= Self.mostTogether && now >= restsUntil
    }

    /// Takes note of a pause, watched or slept through.
    mutating func note(pause: UInt64) {
        // A long one says no more than that it was too long.
        expected = expected &- expected / 4 &+ min(pause, 4 * Self.longest) / 4
    }

    /// Takes note of a watch that brought a request.
    mutating func noteHit(pause: UInt64) {
        note(pause: pause)
        rest = max(Self.shortestRest, rest &- rest / 64)
    }

    /// Takes note of a watch in vain, or of another thread on the core. The one is often the other: whoever was to send the
    /// next request may wait for this very core.
    mutating func noteMiss(now: UInt64) {
        restsUntil = now &+ rest
        rest = min(rest &* 2, Self.longestRest)
    }
}
