import CLinux
internal import FUSE
internal import Synchronization
internal import SystemPackage

/// The descriptors that a session's nodes hold for the time being, closed again when they run short: the ones that were not
/// used for longest first, as a clock's hand finds them.
///
/// Not on the path of a request whose nodes have their descriptors.
final class DescriptorPool: Sendable {
    private struct Ring {
        /// Nodes with a descriptor, not retained: a node takes itself out before it goes.
        var nodes: UnsafeMutablePointer<Unmanaged<Node>>
        var capacity: Int
        var count = 0
        var hand = 0
    }

    /// The most descriptors that nodes keep between requests. Each holds a file, a dentry and an inode in the host's
    /// kernel, 1 to 2 KiB; with lookups that open nothing, those in use are few.
    private static var mostIdle: Int { 16_384 }
    private static var placeLockCount: Int { 16 }

    private let budget: DescriptorBudget
    private let limit: Int
    private let batch: Int
    /// Recursive: the last reference to a node may be let go of while the ring is looked through, and a node that goes
    /// takes itself out.
    private let lock = Lock(isRecursive: true)
    /// Touched only while `lock` is held.
    nonisolated(unsafe) private let ring: UnsafeMutablePointer<Ring>
    /// How many nodes the ring has.
    private let count = Atomic<Int>(0)
    /// One for every sixteenth node: they guard `Node.place`.
    nonisolated(unsafe) private let placeLocks: UnsafeMutablePointer<Lock>
    /// Held while a known directory gets another place.
    private let hierarchy = Lock()

    init(budget: DescriptorBudget) {
        self.budget = budget
        limit = min(budget.limit, DescriptorPool.mostIdle)
        batch = max(1, min(64, limit / 8))
        ring = .allocate(capacity: 1)
        ring.initialize(to: Ring(nodes: .allocate(capacity: 64), capacity: 64))
        placeLocks = .allocate(capacity: DescriptorPool.placeLockCount)
        for index in 0..<DescriptorPool.placeLockCount { (placeLocks + index).initialize(to: Lock()) }
    }

    deinit {
        ring.pointee.nodes.deallocate()
        ring.deallocate()
        placeLocks.deinitialize(count: DescriptorPool.placeLockCount)
        placeLocks.deallocate()
    }

    // MARK: Units of the budget

    /// Takes a unit of the budget, closing what is not in use where there is none left.
    ///
    /// - Throws: ENFILE when all are in use.
    func take() throws(Errno) {
        while !budget.take() {
            guard reclaim() > 0 else { throw .tooManyOpenFilesInSystem }
        }
    }

    func giveBack() { budget.giveBack() }

    // MARK: Nodes with a descriptor

    /// Whether a descriptor more would not soon cost another node its own.
    var isRoomy: Bool { count.load(ordering: .relaxed) < limit / 2 }

    /// Counts a node that has just got its descriptor and is in use.
    func insert(_ node: Node) {
        let isFull = lock.hold {
            if ring.pointee.count == ring.pointee.capacity { grow() }
            let slot = ring.pointee.count
            (ring.pointee.nodes + slot).initialize(to: .passUnretained(node))
            node.slot = Int32(truncatingIfNeeded: slot)
            ring.pointee.count = slot + 1
            count.store(slot + 1, ordering: .relaxed)
            return slot >= limit
        }
        if isFull { _ = reclaim() }
    }

    private func grow() {
        let old = ring.pointee.nodes
        let capacity = ring.pointee.capacity * 2
        let new = UnsafeMutablePointer<Unmanaged<Node>>.allocate(capacity: capacity)
        new.moveInitialize(from: old, count: ring.pointee.count)
        old.deallocate()
        ring.pointee.nodes = new
        ring.pointee.capacity = capacity
    }

    /// Takes a node out that is about to go. After this nobody but its deinit looks at it.
    func remove(_ node: Node) {
        lock.hold {
            guard node.slot >= 0 else { return }
            let slot = Int(node.slot)
            node.slot = -1
            empty(slot)
        }
    }

    /// Takes the node in a slot out, which has been told, and puts the last in its place.
    private func empty(_ slot: Int) {
        let last = ring.pointee.count - 1
        let moved = ring.pointee.nodes[last]
        ring.pointee.nodes[slot] = moved
        ring.pointee.count = last
        count.store(last, ordering: .relaxed)
        // At the end, because the node may go at once.
        if slot != last { moved._withUnsafeGuaranteedRef { $0.slot = Int32(truncatingIfNeeded: slot) } }
    }

    /// Closes some descriptors that no request uses.
    ///
    /// - Returns: How many.
    private func reclaim() -> Int {
        withUnsafeTemporaryAllocation(of: CInt.self, capacity: batch) { closing in
            var closed = 0
            lock.hold {
                // Twice round: the first may only find out which have been used since the last.
                var steps = ring.pointee.count * 2
                while steps > 0, closed < batch, ring.pointee.count > 0 {
                    steps -= 1
                    if ring.pointee.hand >= ring.pointee.count { ring.pointee.hand = 0 }
                    let hand = ring.pointee.hand
                    // A node that is going waits for the lock in `remove`, so it is still there.
                    let descriptor = ring.pointee.nodes[hand]._withUnsafeGuaranteedRef { node in
                        let descriptor = node.cool()
                        if descriptor >= 0 {
                            node.slot = -1
                            empty(hand)
                        }
                        return descriptor
                    }
                    if descriptor >= 0 {
                        closing[closed] = descriptor
                        closed += 1
                    } else {
                        ring.pointee.hand = hand + 1
                    }
                }
            }
            for index in 0..<closed {
                _ = cl_close(closing[index])
                budget.giveBack()
            }
            return closed
        }
    }

    // MARK: Places

    @inline(__always)
    private func withPlace<R>(of node: Node, _ body: (inout Place?) -> R) -> R {
        let index = Int(truncatingIfNeeded: node.id.rawValue) & (DescriptorPool.placeLockCount - 1)
        return placeLocks[index].hold { body(&node.place) }
    }

    func place(of node: Node) -> Place? {
        withPlace(of: node) { $0 }
    }

    /// Remembers that a node which is known already is found at another place now.
    ///
    /// - Returns: Whether the node keeps its descriptor for want of a place: if it really is there, it need not any more.
    func move(_ node: Node, to place: Place, tag: UInt64) -> Bool {
        // What was there before is let go of after the locks.
        var old: Place? = place
        var stray: Place?
        defer { withExtendedLifetime((old, stray)) {} }
        guard node.isDirectory else { return exchange(node, &old, tag) }
        return hierarchy.hold {
            // Directories that the host has moved may have left places that lead round in a circle: cut it open.
            var above = place.parent
            while let directory = above {
                if directory === node { return false }
                let next = self.place(of: directory)?.parent
                if next === node {
                    _ = exchange(directory, &stray, 0)
                    break
                }
                above = next
            }
            return exchange(node, &old, tag)
        }
    }

    private func exchange(_ node: Node, _ place: inout Place?, _ tag: UInt64) -> Bool {
        withPlace(of: node) { current in
            swap(&current, &place)
            node.placeTag.store(tag, ordering: .relaxed)
            return node.keepsItself
        }
    }

    /// A node that kept its descriptor for want of a place has been seen at this one.
    func settle(_ node: Node, at place: Place) {
        let isSettled = withPlace(of: node) { current in
            guard current === place, node.keepsItself else { return false }
            node.keepsItself = false
            return true
        }
        if isSettled { node.giveBack() }
    }

    /// A name of a node is gone. The node's descriptor is in use by the caller, and from now on by itself where it would
    /// not be found again.
    func removed(_ name: UnsafeRawBufferPointer, in parent: Node, of node: Node, wasLast: Bool) {
        var old: Place?
        let isKept = withPlace(of: node) { current in
            guard wasLast || current?.matches(name, in: parent) == true else { return false }
            swap(&current, &old)
            node.placeTag.store(0, ordering: .relaxed)
            guard !node.keepsItself else { return false }
            node.keepsItself = true
            return true
        }
        withExtendedLifetime(old) {}
        if !isKept { node.giveBack() }
    }
}
