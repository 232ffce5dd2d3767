import CLinux
import Frontend

/// What a workload came to.
struct Measurement {
    let workload: Workload
    let depth: Int
    private(set) var requests: UInt64 = 0
    private(set) var nanoseconds: UInt64 = 0
    private(set) var backendNanoseconds: UInt64?
    private(set) var bytes: UInt64 = 0
    private var latencies = LatencyHistogram()

    /// Runs a workload for a tenth of the time to warm up, then measures.
    ///
    /// - Parameters:
    ///   - job: What to run.
    ///   - client: Through which.
    ///   - depth: Requests in flight.
    ///   - syncer: Keeps one request more in flight, which is not measured.
    ///   - seconds: How long to measure.
    ///   - busyPoll: Spin on the used ring.
    ///   - backend: Whose CPU time to measure.
    ///   - watchdog: Ends the program when no reply comes.
    /// - Throws: A `BackendFault`, a wrong reply among them.
    init(
        of job: Job, client: FuseClient, depth: Int, syncer: inout Syncer?, seconds: Double, busyPoll: Bool,
        backend: ProcessClock?, watchdog: Watchdog
    ) throws {
        workload = job.workload
        self.depth = depth
        watchdog.arm(true)
        defer { watchdog.arm(false) }
        let warmUp = try run(job, client, &syncer, seconds: seconds / 10, busyPoll: busyPoll, watchdog)
        latencies = LatencyHistogram()

        let cpuBefore = backend?.read()
        let begin = cl_monotonic_time()
        requests = try run(job, client, &syncer, seconds: seconds, busyPoll: busyPoll, watchdog)
        nanoseconds = cl_monotonic_time() - begin
        if let cpuBefore, let cpuAfter = backend?.read() { backendNanoseconds = cpuAfter - cpuBefore }
        bytes = requests * UInt64(job.bytesPerRequest)

        let references = job.references(after: warmUp + requests)
        if references > 0 { try client.forget(job.tree.file, count: references) }
    }

    /// Keeps `depth` requests going until the time is over, and takes all back; how many there were.
    private mutating func run(
        _ job: Job, _ client: FuseClient, _ syncer: inout Syncer?, seconds: Double, busyPoll: Bool,
        _ watchdog: Watchdog
    ) throws -> UInt64 {
        var numbers = [UInt64](repeating: 0, count: depth + 1)
        var starts = [UInt64](repeating: 0, count: depth + 1)
        var syncSlot: Int?
        var next: UInt64 = 0
        var done: UInt64 = 0
        var now = cl_monotonic_time()
        let end = now + UInt64(seconds * 1e9)
        if busyPoll { client.queue.refuseCalls() }
        if syncer != nil, let slot = client.acquire() {
            syncSlot = slot
            try syncer?.submit(client, slot: slot)
        }
        while let slot = client.acquire() {
            numbers[slot] = next
            starts[slot] = now
            try job.submit(client, slot: slot, number: next)
            next += 1
        }
        client.queue.publish()
        while client.inFlight > 0 {
            var reply: Reply? = try client.complete(busyPoll: busyPoll)
            now = cl_monotonic_time()
            // Everything that is ready is taken, and what replaces it published at once, as an interrupt handler does.
            while let finished = reply {
                let slot = finished.slot
                if slot == syncSlot {
                    if now < end { try syncer?.submit(client, slot: slot) } else { client.release(slot) }
                    reply = try client.completeNow()
                    continue
                }
                guard job.isRight(finished, number: numbers[slot]) else {
                    throw BackendFault.malformed(
                        "request \(numbers[slot]) of \(job.workload.rawValue) got a wrong reply")
                }
                latencies.add(now - starts[slot])
                done += 1
                if now < end {
                    numbers[slot] = next
                    starts[slot] = now
                    try job.submit(client, slot: slot, number: next)
                    next += 1
                } else {
                    client.release(slot)
                }
                reply = try client.completeNow()
            }
            if busyPoll { client.queue.refuseCalls() }
            client.queue.publish()
            watchdog.note(done)
        }
        return done
    }

    // MARK: Text

    /// The table's first line.
    static let heading = row("workload", "depth", "requests/s", "MB/s", "p50 us", "p99 us", "backend us/req")

    /// The table's line for this measurement.
    var line: String {
        let seconds = Double(nanoseconds) / 1e9
        return Self.row(
            workload.rawValue, "\(depth)", Self.number(Double(requests) / seconds, places: 0),
            bytes > 0 ? Self.number(Double(bytes) / seconds / 1e6, places: 0) : "-",
            Self.number(Double(latencies.quantile(0.5)) / 1e3, places: 1),
            Self.number(Double(latencies.quantile(0.99)) / 1e3, places: 1),
            backendNanoseconds.map { Self.number(Double($0) / 1e3 / Double(requests), places: 2) } ?? "-")
    }

    private static func row(_ name: String, _ columns: String...) -> String {
        columns.reduce(padded(name, to: 12, left: false)) { $0 + padded($1, to: 15, left: true) }
    }

    private static func padded(_ text: String, to width: Int, left: Bool) -> String {
        let space = String(repeating: " ", count: max(0, width - text.count))
        return left ? space + text : text + space
    }

    /// A number with a fixed number of places.
    private static func number(_ value: Double, places: Int) -> String {
        var scale = 1
        for _ in 0..<places { scale *= 10 }
        let scaled = Int((value * Double(scale)).rounded())
        guard places > 0 else { return "\(scaled)" }
        let fraction = "\(scaled % scale)"
        return "\(scaled / scale)." + String(repeating: "0", count: places - fraction.count) + fraction
    }
}
