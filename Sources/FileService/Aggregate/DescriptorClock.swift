internal import Synchronization

/// What has a descriptor that can be taken away while it is not in use, and be opened again.
protocol DescriptorHolder: AnyObject, Sendable {
    /// Where a clock has it; -1 when none has. Guarded by the clock's lock.
    var slot: Int32 { get set }
}

/// Who has a descriptor at the moment, to be gone through again and again by a clock's hand: what was not used since the
/// hand came by last has not been used for longest.
///
/// The holders are not retained: each takes itself out before it goes.
final class DescriptorClock<Holder: DescriptorHolder>: Sendable {
    private struct Ring {
        var holders: UnsafeMutablePointer<Unmanaged<Holder>>
        var capacity: Int
        var count = 0
        var hand = 0
    }

    /// Recursive: the last reference to a holder may be let go of while the ring is looked through, and one that goes takes
    /// itself out.
    private let lock = Lock(isRecursive: true)
    /// Touched only while `lock` is held.
    nonisolated(unsafe) private let ring: UnsafeMutablePointer<Ring>
    private let number = Atomic<Int>(0)

    init() {
        ring = .allocate(capacity: 1)
        ring.initialize(to: Ring(holders: .allocate(capacity: 64), capacity: 64))
    }

    deinit {
        ring.pointee.holders.deallocate()
        ring.deallocate()
    }

    /// How many holders there are.
    var count: Int { number.load(ordering: .relaxed) }

    /// Adds a holder that is in use, so that nobody takes its descriptor away before it is there.
    ///
    /// - Returns: How many there are with it.
    @discardableResult
    func insert(_ holder: Holder) -> Int {
        lock.hold {
            guard holder.slot < 0 else { return ring.pointee.count }
            if ring.pointee.count == ring.pointee.capacity { grow() }
            let slot = ring.pointee.count
            (ring.pointee.holders + slot).initialize(to: .passUnretained(holder))
            holder.slot = Int32(truncatingIfNeeded: slot)
            ring.pointee.count = slot + 1
            number.store(slot + 1, ordering: .relaxed)
            return slot + 1
        }
    }

    private func grow() {
        let old = ring.pointee.holders
        let capacity = ring.pointee.capacity * 2
        let new = UnsafeMutablePointer<Unmanaged<Holder>>.allocate(capacity: capacity)
        new.moveInitialize(from: old, count: ring.pointee.count)
        old.deallocate()
        ring.pointee.holders = new
        ring.pointee.capacity = capacity
    }

    /// Takes a holder out. After this nobody but its deinit looks at it.
    func remove(_ holder: Holder) {
        lock.hold {
            guard holder.slot >= 0 else { return }
            let slot = Int(holder.slot)
            holder.slot = -1
            empty(slot)
        }
    }

    /// Takes the holder in a slot out, which has been told, and puts the last in its place.
    private func empty(_ slot: Int) {
        let last = ring.pointee.count - 1
        let moved = ring.pointee.holders[last]
        ring.pointee.holders[slot] = moved
        ring.pointee.count = last
        number.store(last, ordering: .relaxed)
        // At the end, because the holder may go at once.
        if slot != last { moved._withUnsafeGuaranteedRef { $0.slot = Int32(truncatingIfNeeded: slot) } }
    }

    /// Moves the hand on until `most` holders were taken, or it has gone round twice: the first time may only find out which
    /// have been used since the last.
    ///
    /// - Parameters:
    ///   - most: How many are enough.
    ///   - leaves: Whether those that are taken leave the clock.
    ///   - take: Says whether a holder is taken. It must not keep it: it may be about to go, and waits for the lock then.
    /// - Returns: How many were taken.
    @discardableResult
    func turn(most: Int, leaves: Bool, _ take: (Holder) -> Bool) -> Int {
        lock.hold {
            var taken = 0
            var steps = ring.pointee.count * 2
            while steps > 0, taken < most, ring.pointee.count > 0 {
                steps -= 1
                if ring.pointee.hand >= ring.pointee.count { ring.pointee.hand = 0 }
                let hand = ring.pointee.hand
                let (isTaken, isGone) = ring.pointee.holders[hand]._withUnsafeGuaranteedRef { holder in
                    guard take(holder) else { return (false, false) }
                    guard leaves else { return (true, false) }
                    holder.slot = -1
                    empty(hand)
                    return (true, true)
                }
                if isTaken { taken += 1 }
                if !isGone { ring.pointee.hand = hand + 1 }
            }
            return taken
        }
    }
}
