/// Two backends, or two ways to drive them, measured by turns. The one that is `with` divided by the one it is `against`
/// gives the ratios.
struct Comparison: Codable {
    /// What `Target`s know it by.
    var title: String
    var machine: HostDescription
    var with: Side
    var against: Side
    var rounds: Int
    var rows: [Row] = []

    /// A backend.
    struct Side: Codable {
        var name: String
        var command: String
        var queues: Int
        var children: Int
        var isPolling: Bool
        var syncing: SyncPlace?
        /// Memory that was resident when it served a guest that had asked for nothing yet, in bytes.
        var residentIdle: Double
    }

    /// A load on both.
    struct Row: Codable {
        var workload: Workload
        var depth: Int
        var with: Measurement
        var against: Measurement
        var native: Measurement?
        var ratios: Ratios
    }

    /// `with` / `against`: the median of the rounds' ratios, for what disturbs a machine disturbs both of a round.
    struct Ratios: Codable {
        var rate: Double?
        var cpu: Double?
        var p50: Double?
        var p99: Double?
        var systemCalls: Double?
        var messages: Double?
    }
}

extension Comparison.Row {
    /// Puts rounds together.
    ///
    /// - Returns: Nil if there are none.
    init?(_ load: Load, with: [Measurement], against: [Measurement], native: [Measurement]) {
        guard let ours = Measurement.median(of: with), let theirs = Measurement.median(of: against) else { return nil }
        workload = load.workload
        depth = load.depth
        self.with = ours
        self.against = theirs
        self.native = Measurement.median(of: native)
        func ratio(_ figure: (Measurement) -> Double?) -> Double? {
            Measurement.median(
                of: zip(with, against).compactMap { pair in
                    guard let numerator = figure(pair.0), let denominator = figure(pair.1), denominator > 0 else {
                        return nil
                    }
                    return numerator / denominator
                })
        }
        ratios = Comparison.Ratios(
            rate: ratio(\.rate), cpu: ratio(\.cpuMicroseconds), p50: ratio(\.p50), p99: ratio(\.p99),
            messages: ratio(\.messages))
    }

    /// Adds what a traced run counted.
    mutating func count(with ours: [String: Double]?, against theirs: [String: Double]?) {
        guard let ours, let theirs else { return }
        with.count(ours)
        against.count(theirs)
        if let numerator = with.systemCalls, let denominator = against.systemCalls, denominator > 0 {
            ratios.systemCalls = numerator / denominator
        }
    }
}

extension Measurement {
    fileprivate mutating func count(_ calls: [String: Double]) {
        systemCallsByName = calls
        systemCalls = calls.values.reduce(0, +)
    }
}
