internal import CLinux

/// When a driver that sleeps is woken for what is finished while there is more to do. One that is awake sees each at once.
///
/// Woken at the end of a batch alone, both sides sleep by turns: half the requests/s at 16 and 32 in flight, and more CPU time
/// for each. Waking it takes as long as serving five requests, and woken for one, it finds but a few and sleeps again. Where it
/// has no core of its own, it is woken at the end: before, it would take the core away from what serves it.
struct Batch {
    /// The fewest finished requests that are to wait for it, if as many are still to be served.
    private static let fewest = 3
    /// The most: with many in flight it is a quarter of those that are still to be served.
    private static let most = 8
    /// The most where requests are slow and the ring has not been empty for long, and half of those that are still to be served:
    /// there is time to wake it, and to do so less often leaves more of it for them.
    private static let mostSlow = 16
    /// What a request takes that is slow, in nanoseconds: as long as a driver that is awake may take for several.
    private static let slow: UInt64 = 2_500
    /// After how many without an empty ring it is the driver that waits, and not who serves it.
    private static let long = 64
    /// How long a finished request may wait for the others, in nanoseconds: looked at between two requests.
    private static let patience: UInt64 = 60_000
    /// The same for FORGET. Its ring is left alone for a while once it is empty (`QueueWorker.hiprioNap`): a driver that has more
    /// of them than the ring takes is to be awake before that.
    private static let patienceOfForget: UInt64 = 30_000

    /// How many were finished since the ring was empty last.
    private(set) var finished = 0
    /// When the oldest of those that wait was looked at first; 0 before that.
    private var oldest: UInt64 = 0

    /// One more is finished.
    @inline(__always)
    mutating func finish() { finished &+= 1 }

    /// Asks whether the driver is to be woken now, although there is more to do.
    ///
    /// - Parameters:
    ///   - waiting: How many finished requests it has not seen; 0 while it is awake (``SplitQueue/waitingCount``).
    ///   - left: How many are still to be served.
    ///   - isCrowded: Whether more threads want to run than there are cores.
    /// - Returns: False for a driver that is awake.
    @inline(__always)
    mutating func isDue(waiting: Int, left: @autoclosure () -> Int, isCrowded: Bool) -> Bool {
        if waiting == 0 {
            oldest = 0
            return false
        }
        let age = age()
        if age > Batch.patience { return true }
        if isCrowded { return false }
        let left = left()
        guard waiting >= min(max(Batch.fewest, left / 4), Batch.most, left) else { return false }
        // The oldest was looked at when it was finished: what took this long are those after it.
        let mayWait = finished >= Batch.long && age > UInt64(truncatingIfNeeded: waiting &- 1) &* Batch.slow
        return !mayWait || waiting >= min(left / 2, Batch.mostSlow)
    }

    /// Asks the same for a driver that does not wait: FORGET has no reply.
    @inline(__always)
    mutating func isForgetLate() -> Bool { age() > Batch.patienceOfForget }

    /// For how long the oldest of those that wait has, in nanoseconds.
    @inline(__always)
    private mutating func age() -> UInt64 {
        // The clock is read only while a driver sleeps and there is more to do.
        let now = cl_monotonic_time()
        if oldest == 0 { oldest = now }
        return now &- oldest
    }

    /// The driver was woken if it slept.
    @inline(__always)
    mutating func show() { oldest = 0 }

    /// The ring is empty, and the driver was shown all.
    @inline(__always)
    mutating func end() {
        finished = 0
        show()
    }
}
