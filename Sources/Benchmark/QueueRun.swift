import CLinux
import Frontend
import Linux

/// One queue's part of a measurement: a job kept going, and what it came to.
struct QueueRun<J: Job> {
    let client: FuseClient
    let depth: Int
    let isPolling: Bool
    let watchdog: Watchdog
    var job: J
    /// Keeps one request more in flight, which is not counted.
    var syncer: Syncer?
    /// Number of the next operation.
    var next: UInt64
    /// What has been counted since the last `reset`.
    private(set) var tally = Tally()

    /// What a run counts.
    struct Tally {
        var operations: UInt64 = 0
        var units: UInt64 = 0
        var requests: UInt64 = 0
        var latencies = LatencyHistogram()
    }

    init(_ client: FuseClient, job: J, load: Load, queue: Int, syncer: Syncer?, watchdog: Watchdog) {
        self.client = client
        self.job = job
        self.syncer = syncer
        self.watchdog = watchdog
        depth = load.depth
        isPolling = load.isPolling
        next = UInt64(queue) * 104_729
    }

    /// Forgets what was counted.
    mutating func reset() { tally = Tally() }

    /// Keeps `depth` operations going until the time is over or there are no more, and takes all back.
    ///
    /// - Parameter end: By CLOCK_MONOTONIC, in nanoseconds.
    /// - Throws: A `BackendFault`, a wrong reply among them.
    mutating func run(until end: UInt64) throws {
        let client = client
        let timeout = client.timeout
        // The watchdog's job, without a timer for each wake-up.
        client.timeout = nil
        defer { client.timeout = timeout }
        var starts = [UInt64](repeating: 0, count: client.slotCount)
        var syncSlot: Int?
        var now = cl_monotonic_time()
        if isPolling { client.queue.refuseCalls() }
        if syncer != nil, let slot = client.acquire() {
            syncSlot = slot
            try syncer?.submit(client, slot: slot)
        }
        for _ in 0..<depth {
            guard let slot = client.acquire() else { break }
            starts[slot] = now
            guard try begin(slot) else { break }
        }
        client.queue.publish()
        while client.inFlight > 0 {
            var reply: Reply? = try client.complete(busyPoll: isPolling)
            now = cl_monotonic_time()
            // Everything that is ready is taken, and what follows from it published at once, as an interrupt handler does.
            while let finished = reply {
                let slot = finished.slot
                if slot == syncSlot {
                    if now < end { try syncer?.submit(client, slot: slot) } else { client.release(slot) }
                } else if let units = try job.proceed(client, finished) {
                    tally.latencies.add(now - starts[slot])
                    tally.operations += 1
                    tally.units += UInt64(units)
                    starts[slot] = now
                    if now < end { _ = try begin(slot) } else { client.release(slot) }
                } else {
                    tally.requests += 1
                }
                reply = try client.completeNow()
            }
            if isPolling { client.queue.refuseCalls() }
            client.queue.publish()
            watchdog.noteReplies()
        }
    }

    /// Starts an operation in a slot, or gives the slot back.
    private mutating func begin(_ slot: Int) throws -> Bool {
        guard try job.begin(client, slot: slot, number: next) else {
            client.release(slot)
            return false
        }
        next += 1
        tally.requests += 1
        return true
    }
}

/// A run on its way to a thread and back. Whoever starts the thread looks at it again when the thread has ended.
final class SeatedRun<J: Job>: @unchecked Sendable {
    var run: QueueRun<J>
    private var failure: (any Error)?

    init(_ run: QueueRun<J>) { self.run = run }

    /// Runs all of them at once, each on a thread of its own.
    ///
    /// - Throws: The first fault of any.
    static func runTogether(_ seats: [SeatedRun], until end: UInt64) throws {
        let threads = try seats.map { seat in
            try Thread(name: "queue") {
                do { try seat.run.run(until: end) } catch { seat.failure = error }
            }
        }
        for thread in threads { thread.join() }
        for seat in seats { if let failure = seat.failure { throw failure } }
    }
}
