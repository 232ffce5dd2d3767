/// Whether a ring is worth watching for a while before its worker sleeps until the next kick.
///
/// A watched ring costs its driver no kick, which is an exit of the guest, and the next request no wake-up. Watched in vain it
/// costs a core. So it is done where requests have lately come soon after each other, one by one or some together: with 16 in
/// flight it is a sixth more requests a second, for a seventh less CPU time each, than to sleep between them. And it is done on
/// a core that nobody else has a use for: a guest's processor that waits for the core of whoever watches loses more than a kick
/// costs. After a watch in vain, and where a core is wanted, none is tried for a while, each time longer.
///
/// Times are in nanoseconds of CLOCK_MONOTONIC.
struct AdaptivePoll {
    /// The longest watch.
    static let longest: UInt64 = 50_000
    /// The longest pause between two requests that is expected to be worth watching through.
    static let worthwhile: UInt64 = 25_000
    /// What of a pause that was slept through may have been the wake-up, up to which the next request waited already.
    static let wakeUp: UInt64 = 40_000
    /// Looks that lie further apart than this had another thread between them.
    static let interruption: UInt64 = 20_000
    /// How often it is found out, of one who watches all the time or rests for it, whether a core is wanted.
    static let crowdInterval: UInt64 = 500_000

    /// How long nobody watches after something that speaks against it.
    struct Rest {
        /// The first time, and at most.
        static let shortest: UInt64 = 1_000_000
        static let longest: UInt64 = 1_000_000_000

        private(set) var next = shortest

        mutating func lengthen() { next = min(next &* 2, Self.longest) }
        mutating func shorten(by part: UInt64) { next = max(Self.shortest, next &- part) }
    }

    /// A moving average of the pauses between requests.
    private var expected = 4 * longest
    /// After a watch in vain. Who sends requests in bursts ends each with one: many hits make it short again.
    private var vain = Rest()
    /// Where a core is wanted. No number of hits speaks against that.
    private var crowd = Rest()
    /// Whether one was wanted when that was found out last.
    private(set) var isCrowded = false
    private var restsUntil: UInt64 = 0
    private var looksForCrowdAt: UInt64 = 0

    /// Whether to watch.
    @inline(__always)
    func isWorthwhile(now: UInt64) -> Bool { expected <= Self.worthwhile && now >= restsUntil }

    /// Whether it is time to find out if a core is wanted.
    @inline(__always)
    func shouldLookForCrowd(now: UInt64) -> Bool { now >= looksForCrowdAt }

    /// Takes note of a pause that was slept through.
    mutating func noteSleep(_ pause: UInt64) { note(pause: pause &- min(pause, Self.wakeUp)) }

    private mutating func note(pause: UInt64) {
        // A long one says no more than that it was too long.
        expected = expected &- expected / 4 &+ min(pause, 4 * Self.longest) / 4
    }

    /// Takes note of a watch that brought a request.
    mutating func noteHit(pause: UInt64) {
        note(pause: pause)
        vain.shorten(by: vain.next / 64)
    }

    /// Takes note of a watch in vain.
    mutating func noteMiss(now: UInt64) {
        rest(for: vain.next, from: now)
        vain.lengthen()
    }

    /// Takes note of whether a core is wanted: threads wait for one, or another one ran where the watch was.
    mutating func noteCrowd(_ isCrowded: Bool, now: UInt64) {
        noteCrowdAtRest(isCrowded, now: now)
        guard isCrowded else { return crowd.shorten(by: crowd.next / 4) }
        rest(for: crowd.next, from: now)
        crowd.lengthen()
    }

    /// Takes note of the same while nobody watches anyway, which is then no reason to rest for longer.
    mutating func noteCrowdAtRest(_ isCrowded: Bool, now: UInt64) {
        looksForCrowdAt = now &+ Self.crowdInterval
        self.isCrowded = isCrowded
    }

    private mutating func rest(for length: UInt64, from now: UInt64) {
        restsUntil = max(restsUntil, now &+ length)
    }
}
