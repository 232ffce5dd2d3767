internal import Control

/// How fast things are done with a share, between two samples of its counters.
struct ShareRates: Codable, Equatable, Sendable {
    var requestsPerSecond: Double
    var readBytesPerSecond: Double
    var writtenBytesPerSecond: Double

    /// What has been done from one sample to a later one.
    ///
    /// - Returns: Nil where it cannot be told: no time has passed, or a counter has gone backwards, as those of a share do that
    ///   was removed and added again.
    init?(from earlier: ShareActivity, to later: ShareActivity, over seconds: Double) {
        guard seconds > 0, seconds.isFinite, later.requests >= earlier.requests,
            later.bytesRead >= earlier.bytesRead, later.bytesWritten >= earlier.bytesWritten
        else { return nil }
        let rate = { (before: UInt64, after: UInt64) in
            (Double(after - before) / seconds * 1000).rounded() / 1000
        }
        requestsPerSecond = rate(earlier.requests, later.requests)
        readBytesPerSecond = rate(earlier.bytesRead, later.bytesRead)
        writtenBytesPerSecond = rate(earlier.bytesWritten, later.bytesWritten)
    }
}

/// A VM's status with the rates of its shares: what `sheaf status` shows.
struct RatedStatus: Encodable, Equatable, Sendable {
    /// The later of two samples.
    var status: MachineStatus
    /// One for each share of it; nil where there is no telling.
    var rates: [ShareRates?]
    /// When it was taken, in seconds since 1970.
    var time: Double

    /// A sample, seen after an earlier one of the same VM where there is one.
    init(_ status: MachineStatus, after earlier: MachineStatus?, at time: Double) {
        self.status = status
        self.time = (time * 1000).rounded() / 1000
        // Another process has counters of its own.
        guard let earlier, earlier.pid == status.pid else {
            rates = status.shares.map { _ in nil }
            return
        }
        let before = Dictionary(
            earlier.shares.map { (ShareKey($0), $0.activity) }, uniquingKeysWith: { first, _ in first })
        rates = status.shares.map { share in
            guard let activity = before[ShareKey(share)] else { return nil }
            return ShareRates(from: activity, to: share.activity, over: status.uptime - earlier.uptime)
        }
    }

    /// The status's object with `time`, and with `rates` in each share, null where there is no telling.
    func encode(to encoder: any Encoder) throws {
        var status = status
        let shares = status.shares
        status.shares = []
        try status.encode(to: encoder)
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(time, forKey: .time)
        try container.encode(zip(shares, rates).map(RatedShare.init), forKey: .shares)
    }

    private enum Key: String, CodingKey {
        case time, shares
    }
}

/// What makes a share of one sample the same as one of another.
private struct ShareKey: Hashable {
    var bucket: String
    var subname: String
    var source: String

    init(_ share: ShareStatus) {
        bucket = share.bucket
        subname = share.subname
        source = share.source
    }
}

private struct RatedShare: Encodable {
    var share: ShareStatus
    var rates: ShareRates?

    func encode(to encoder: any Encoder) throws {
        try share.encode(to: encoder)
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(rates, forKey: .rates)
    }

    private enum Key: String, CodingKey {
        case rates
    }
}
