internal import CLinux

/// When a driver that sleeps is shown what is finished while there is more to do. One that is awake sees each at once.
///
/// Shown at the end of a batch alone, both sides sleep by turns: half the requests/s at 16 and 32 in flight, and more CPU time
/// for each. Shown one by one, the driver is woken for each, which takes as long as five requests. So it is shown a quarter of
/// what it has in flight, or half of it if that is little: it wakes up while the others are served, and has more when they are
/// done.
struct Batch {
    /// The fewest that are shown together.
    private static let fewest = 4
    /// How long a finished request may wait for the others, in nanoseconds.
    private static let patience: UInt64 = 30_000

    /// How many were finished since the ring was empty last.
    private(set) var finished = 0
    /// How many of them the driver has not been shown.
    private(set) var unshown = 0
    /// About how many requests the driver has in flight, when it has many.
    private var inFlight = 0
    /// How many more are to be finished until they are shown.
    private var left = 0
    /// When the oldest of those that are not shown was looked at first; 0 before that.
    private var oldest: UInt64 = 0

    private var together: Int { max(Batch.fewest, inFlight / 4) }

    /// One more is finished.
    @inline(__always)
    mutating func finish() {
        if finished == 0 { left = min(together, max(1, inFlight / 2)) }
        finished &+= 1
        unshown &+= 1
        left &-= 1
    }

    /// Whether the driver is to be shown now what is finished, although there is more to do.
    @inline(__always)
    mutating func isDue() -> Bool { left <= 0 || isLate() }

    /// The same, for a driver that does not wait: FORGET has no reply.
    @inline(__always)
    mutating func isLate() -> Bool {
        // The clock is read only when another request would make this one wait.
        let now = cl_monotonic_time()
        if oldest == 0 { oldest = now }
        return now &- oldest > Batch.patience
    }

    /// The driver was shown all that is finished, and `waiting` requests are known to be there.
    @inline(__always)
    mutating func show(waiting: Int) {
        // Quickly more, and slowly fewer: what the driver is just now putting into the ring is not seen.
        inFlight = max(waiting &+ unshown, inFlight &- 1)
        left = together
        unshown = 0
        oldest = 0
    }

    /// The ring is empty, and the driver was shown all.
    @inline(__always)
    mutating func end() {
        finished = 0
        unshown = 0
        oldest = 0
    }
}
