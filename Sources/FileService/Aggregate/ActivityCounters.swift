import CLinux
internal import FUSE
internal import Synchronization
internal import SystemPackage

/// What guests do with one share, counted by each worker thread for itself and summed by whoever wants to know.
///
/// 896 bytes. Nothing in it is shared on the path of a request: that would cost every request a cache miss as soon as two
/// queues are busy.
struct ActivityCounters: ~Copyable, Sendable {
    /// One for each lane, and one more for threads that serve no ring.
    private static var laneCount: Int { RequestDispatcher.laneCount + 1 }
    private static var cacheLine: Int { 64 }

    /// Each is written by the thread that has its number.
    nonisolated(unsafe) let lanes: UnsafeMutablePointer<ActivityLane>

    init() {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: ActivityCounters.laneCount * MemoryLayout<ActivityLane>.stride,
            alignment: ActivityCounters.cacheLine)
        lanes = memory.bindMemory(to: ActivityLane.self, capacity: ActivityCounters.laneCount)
        for index in 0..<ActivityCounters.laneCount { (lanes + index).initialize(to: ActivityLane()) }
    }

    deinit {
        lanes.deinitialize(count: ActivityCounters.laneCount)
        UnsafeMutableRawPointer(lanes).deallocate()
    }

    /// Counts handles that are opened, or closed when negative; without a lane on a thread that serves no ring.
    @inline(__always)
    func countHandles(_ change: Int, lane: Int?) {
        if let lane {
            lanes[lane].openHandles.advance(by: change)
        } else {
            lanes[RequestDispatcher.laneCount].openHandles.wrappingAdd(change, ordering: .relaxed)
        }
    }

    /// Counts nodes that the guest gets to know, or forgets when negative; without a lane on a thread that serves no ring.
    @inline(__always)
    func countInodes(_ change: Int, lane: Int?) {
        if let lane {
            lanes[lane].liveInodes.advance(by: change)
        } else {
            lanes[RequestDispatcher.laneCount].liveInodes.wrappingAdd(change, ordering: .relaxed)
        }
    }

    /// The sum of all lanes, for whoever shows it: read between an opening on one lane and the closing on another, there
    /// may seem to be less than nothing.
    var activity: ChildActivity {
        var activity = sum
        activity.openHandles = max(0, activity.openHandles)
        activity.liveInodes = max(0, activity.liveInodes)
        return activity
    }

    /// The sum of all lanes; exact while no request is served.
    var sum: ChildActivity {
        var sum = ChildActivity()
        var lastError: UInt64 = 0
        for index in 0..<ActivityCounters.laneCount {
            sum.requests &+= lanes[index].requests.load(ordering: .relaxed)
            sum.bytesRead &+= lanes[index].bytesRead.load(ordering: .relaxed)
            sum.bytesWritten &+= lanes[index].bytesWritten.load(ordering: .relaxed)
            sum.errors &+= lanes[index].errors.load(ordering: .relaxed)
            sum.openHandles &+= lanes[index].openHandles.load(ordering: .relaxed)
            sum.liveInodes &+= lanes[index].liveInodes.load(ordering: .relaxed)
            // The time is in the highest bits.
            lastError = max(lastError, lanes[index].lastError.load(ordering: .relaxed))
        }
        sum.lastError = ChildError(packed: lastError)
        return sum
    }
}

/// The counters that one thread writes, on a cache line of their own. What one lane makes another may drop: its
/// numbers of handles and nodes may be negative.
struct ActivityLane: ~Copyable, Sendable {
    /// Requests about the share's nodes that have an answer.
    let requests = Atomic<UInt64>(0)
    let bytesRead = Atomic<UInt64>(0)
    let bytesWritten = Atomic<UInt64>(0)
    /// Answers that are errors and not ordinary ones.
    let errors = Atomic<UInt64>(0)
    /// The last of them, as `ChildError` packs it; 0 for none.
    let lastError = Atomic<UInt64>(0)
    let openHandles = Atomic<Int>(0)
    let liveInodes = Atomic<Int>(0)
    /// Fills the cache line.
    private let rest = Atomic<UInt64>(0)

    /// Counts an error. Not on the path of a request that succeeds.
    @inline(never)
    func record(_ error: Errno, of opcode: Opcode) {
        errors.advance(by: 1)
        lastError.store(ChildError.packed(error, of: opcode, at: cl_file_clock()), ordering: .relaxed)
    }
}

extension Atomic where Value == UInt64 {
    /// Adds, on the only thread that writes here: no locked instruction.
    @inline(__always)
    borrowing func advance(by count: UInt64) {
        store(load(ordering: .relaxed) &+ count, ordering: .relaxed)
    }
}

extension Atomic where Value == Int {
    /// Adds, on the only thread that writes here: no locked instruction.
    @inline(__always)
    borrowing func advance(by count: Int) {
        store(load(ordering: .relaxed) &+ count, ordering: .relaxed)
    }
}
