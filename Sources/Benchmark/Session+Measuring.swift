import CLinux
import Frontend
import Linux

extension Session {
    /// Measures a load, after a tenth of its time to warm up.
    ///
    /// - Throws: The server's `Errno` or a `BackendFault`, a wrong reply among them: that gives no number.
    func measure(_ load: Load) throws -> Measurement {
        try checkLimits(load.workload)
        // A slot of any number may come to be used, at every depth.
        let (tree, slotCount) = (tree, clients[0].slotCount)
        return switch load.workload {
        case .getattr: try measure(load) { _ in GetattrJob(tree: tree) }
        case .lookupHit: try measure(load) { _ in LookupHitJob(tree) }
        case .lookupMiss: try measure(load) { _ in LookupMissJob(tree: tree) }
        case .coldWalk: try measure(load) { ColdWalkJob(tree, queue: $0, of: load.queues, slotCount: slotCount) }
        case .openReadClose: try measure(load) { _ in OpenReadCloseJob(tree, slotCount: slotCount) }
        case .createWriteUnlink: try measure(load) { CreateWriteUnlinkJob(tree, queue: $0, slotCount: slotCount) }
        case .rename: try measure(load) { try RenameJob(tree, queue: $0, slotCount: slotCount) }
        case .readdirplus:
            try measure(load) { _ in ReaddirplusJob(tree, slotCount: slotCount, room: load.listingRoom) }
        case .statfs: try measure(load) { _ in StatfsJob(tree: tree) }
        case .getxattr: try measure(load) { _ in GetxattrJob(tree: tree) }
        case .seqread128k, .seqread1m, .randread4k:
            try measure(load) { try ReadJob(load.workload, tree, self.clients[$0], slotCount: slotCount) }
        case .seqwrite128k, .seqwrite1m, .randwrite4k:
            try measureWrites(load)
        }
    }

    /// Counts the backend's system calls for each unit of a load.
    ///
    /// - Parameters:
    ///   - load: What to run; its time is measured by a process that is slowed down.
    ///   - directory: For files of its own.
    /// - Returns: Calls by name; nil if the backend's process is not known.
    /// - Throws: The server's `Errno`, or a `BackendFault`.
    func trace(_ load: Load, directory: String) throws -> [String: Double]? {
        guard let usage else { return nil }
        // Once before, so that what is done but once is done.
        _ = try measure(load)
        var load = load
        load.warmsUp = false
        let trace = try SystemCallTrace(usage, directory: directory)
        let units = try measure(load).units
        return try trace.stop().mapValues { Double($0) / Double(units) }
    }

    private func measureWrites(_ load: Load) throws -> Measurement {
        let stamp = Stamp(salt: cl_monotonic_time())
        return try measure(load) { try WriteJob(load.workload, self.tree, self.clients[$0], stamp: stamp) }
    }

    private func measure<J: Job>(_ load: Load, _ makeJob: (Int) throws -> J) throws -> Measurement {
        precondition(load.queues <= clients.count, "a session has the queues that its loads need")
        let seats = try (0..<load.queues).map { queue in
            let syncer =
                queue == 0 && load.syncing == .sameQueue ? try Syncer(clients[0], in: tree.scratch) : nil
            return SeatedRun(
                QueueRun(
                    clients[queue], job: try makeJob(queue), load: load, queue: queue, syncer: syncer,
                    watchdog: watchdog))
        }
        let other = load.syncing == .otherQueue ? try syncClient.map { try SyncerThread($0, in: tree.scratch) } : nil
        defer { other?.stop() }
        watchdog.arm(true)
        defer { watchdog.arm(false) }

        var measurement = Measurement()
        if !J.isFinite && load.warmsUp {
            try SeatedRun.runTogether(seats, until: cl_monotonic_time() + UInt64(load.seconds * 1e8))
            for seat in seats { seat.run.reset() }
        }
        let residentBefore = usage?.resident().now
        let cpuBefore = usage?.cpuTime()
        let begin = cl_monotonic_time()
        let end = begin + UInt64(load.seconds * 1e9)
        var forgotten: UInt64 = 0
        repeat {
            try SeatedRun.runTogether(seats, until: J.isFinite ? .max : end)
            if J.isFinite {
                let known = seats.reduce(0) { $0 + $1.run.tally.units } - forgotten
                if forgotten == 0, let residentBefore, let after = usage?.resident().now {
                    measurement.residentPerNode = Double(max(after, residentBefore) - residentBefore) / Double(known)
                }
                for seat in seats { try seat.run.job.settle(seat.run.client, forgetter) }
                forgotten += known
            }
        } while J.isFinite && cl_monotonic_time() < end
        let nanoseconds = cl_monotonic_time() - begin
        let cpuAfter = usage?.cpuTime()
        for seat in seats {
            if !J.isFinite { try seat.run.job.settle(seat.run.client, forgetter) }
            try seat.run.syncer?.remove(seat.run.client, from: tree.scratch)
        }

        var latencies = LatencyHistogram()
        for seat in seats { latencies.add(seat.run.tally.latencies) }
        let units = seats.reduce(0) { $0 + $1.run.tally.units }
        measurement.count(
            load, units: units, messages: seats.reduce(forgotten) { $0 + $1.run.tally.requests },
            nanoseconds: nanoseconds, latencies)
        if let cpuBefore, let cpuAfter, units > 0 {
            measurement.cpuMicroseconds = Double(cpuAfter - cpuBefore) / 1e3 / Double(units)
        }
        measurement.peakResident = usage.map { Double($0.resident().peak) }
        return measurement
    }
}

extension Measurement {
    /// Fills in what a clock and a count tell.
    mutating func count(
        _ load: Load, units: UInt64, messages: UInt64, nanoseconds: UInt64, _ latencies: borrowing LatencyHistogram
    ) {
        self.units = units
        seconds = Double(nanoseconds) / 1e9
        rate = Double(units) / seconds
        self.messages = units > 0 ? Double(messages) / Double(units) : 0
        if load.workload.blockSize > 0 { megabytesPerSecond = rate * Double(load.workload.blockSize) / 1e6 }
        p50 = Double(latencies.quantile(0.5)) / 1e3
        p99 = Double(latencies.quantile(0.99)) / 1e3
        p999 = Double(latencies.quantile(0.999)) / 1e3
    }
}
