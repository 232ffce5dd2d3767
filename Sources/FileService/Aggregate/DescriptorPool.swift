import CLinux
internal import FUSE
import Glibc
internal import Synchronization
internal import SystemPackage

/// The descriptors that a session's nodes and open files hold for the time being, closed again when they run short: the ones
/// that were not used for longest first, as a clock's hand finds them.
///
/// Not on the path of a request whose nodes have their descriptors.
final class DescriptorPool: Sendable {
    /// The most descriptors that nodes keep between requests. Each holds a file, a dentry and an inode in the host's
    /// kernel, 1 to 2 KiB; with lookups that open nothing, those in use are few.
    private static var mostIdle: Int { 16_384 }
    private static var placeLockCount: Int { 16 }

    private let budget: DescriptorBudget
    private let limit: Int
    private let batch: Int
    private let nodes = DescriptorClock<Node>()
    /// The session's open files, which can do without descriptors too.
    let handles = HandleTable()
    /// Of /proc/self/fd.
    private let processDescriptors: CInt
    /// Held by who makes room: what is just being closed looks to anybody else as if there were nothing to close. Unlike
    /// with every other lock the host is asked meanwhile, so nobody waits for it for ever.
    private let makingRoom = Lock()
    /// How long; on a busy machine who makes room may not run for a while.
    private static var mostMilliseconds: Int { 5000 }
    /// One for every sixteenth node: they guard `Node.place`.
    nonisolated(unsafe) private let placeLocks: UnsafeMutablePointer<Lock>
    /// Held while a known directory gets another place.
    private let hierarchy = Lock()

    /// A pool that takes from a budget. `processDescriptors` is a descriptor of /proc/self/fd, open for as long as requests
    /// are served.
    init(budget: DescriptorBudget, processDescriptors: CInt) {
        self.budget = budget
        self.processDescriptors = processDescriptors
        limit = min(budget.limit, DescriptorPool.mostIdle)
        batch = max(1, min(64, limit / 8))
        placeLocks = .allocate(capacity: DescriptorPool.placeLockCount)
        for index in 0..<DescriptorPool.placeLockCount { (placeLocks + index).initialize(to: Lock()) }
    }

    deinit {
        placeLocks.deinitialize(count: DescriptorPool.placeLockCount)
        placeLocks.deallocate()
    }

    // MARK: Units of the budget

    /// Takes a unit of the budget. Where there is none left, closes what nodes do not need, and then what open files that
    /// are not used can do without.
    ///
    /// - Throws: ENFILE when all are in use.
    func take() throws(Errno) {
        while !budget.take() {
            // Who has waited may find what somebody else has made.
            let isRoom = makingRoom.hold(waitingAtMost: DescriptorPool.mostMilliseconds) {
                budget.hasLeft || reclaim() > 0 || handles.putToSleep() > 0
            }
            guard isRoom == true else { throw .tooManyOpenFilesInSystem }
        }
    }

    func giveBack() { budget.giveBack() }

    /// Opens what a descriptor holds anew; the descriptor, or -errno.
    func reopen(_ held: CInt, _ flags: CInt) -> CInt {
        let opened = cl_reopen(processDescriptors, held, flags)
        // The host grants O_NOATIME to a file's owner; who is that in the guest need not be the launcher's user.
        guard opened == 0 - EPERM, flags & CL_O_NOATIME != 0 else { return opened }
        return cl_reopen(processDescriptors, held, flags & ~CL_O_NOATIME)
    }

    // MARK: Nodes with a descriptor

    /// Whether a descriptor more would not soon cost another node its own.
    var isRoomy: Bool { nodes.count < limit / 2 }

    /// Counts a node that has just got its descriptor and is in use.
    func insert(_ node: Node) {
        guard nodes.insert(node) > limit else { return }
        _ = makingRoom.hold(waitingAtMost: 0) { reclaim() }
    }

    /// Takes a node out that is about to go. After this nobody but its deinit looks at it.
    func remove(_ node: Node) { nodes.remove(node) }

    /// Closes some descriptors that no request uses.
    ///
    /// - Returns: How many.
    private func reclaim() -> Int {
        withUnsafeTemporaryAllocation(of: CInt.self, capacity: batch) { closing in
            var closed = 0
            nodes.turn(most: batch, leaves: true) { node in
                let descriptor = node.cool()
                guard descriptor >= 0 else { return false }
                closing[closed] = descriptor
                closed += 1
                return true
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

    /// Whether a node keeps its descriptor for want of a place.
    func keepsItself(_ node: Node) -> Bool { withPlace(of: node) { _ in node.keepsItself } }

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
