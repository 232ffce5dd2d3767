/// What a load came to.
struct Measurement: Codable, Sendable {
    /// How many units were measured: operations, entries, files.
    var units: UInt64 = 0
    var seconds = 0.0
    /// Units a second.
    var rate = 0.0
    /// FUSE messages for each unit, FORGET included.
    var messages = 0.0
    /// Of 10^6 bytes a second; nil where nothing is moved.
    var megabytesPerSecond: Double?
    /// Of an operation, in microseconds, to within 12 percent.
    var p50 = 0.0
    var p99 = 0.0
    var p999 = 0.0
    /// The backend's CPU time for each unit, in microseconds.
    var cpuMicroseconds: Double?
    /// The most memory the backend has had resident so far, in bytes.
    var peakResident: Double?
    /// Bytes by which the backend grew for each node that it came to know; the first walk alone shows it.
    var residentPerNode: Double?
    /// The backend's system calls for each unit, from a run of its own.
    var systemCalls: Double?
    /// The same by name.
    var systemCallsByName: [String: Double]?

    /// The median of each figure over rounds; of memory the greatest.
    ///
    /// - Returns: Nil if there are no rounds.
    static func median(of rounds: [Measurement]) -> Measurement? {
        guard var median = rounds.first else { return nil }
        func middle(_ figure: (Measurement) -> Double?) -> Double? {
            Self.median(of: rounds.compactMap(figure))
        }
        median.units = rounds.reduce(0) { $0 + $1.units }
        median.seconds = rounds.reduce(0) { $0 + $1.seconds }
        median.rate = middle(\.rate) ?? 0
        median.messages = middle(\.messages) ?? 0
        median.megabytesPerSecond = middle(\.megabytesPerSecond)
        median.p50 = middle(\.p50) ?? 0
        median.p99 = middle(\.p99) ?? 0
        median.p999 = middle(\.p999) ?? 0
        median.cpuMicroseconds = middle(\.cpuMicroseconds)
        median.peakResident = rounds.compactMap(\.peakResident).max()
        median.residentPerNode = rounds.compactMap(\.residentPerNode).max()
        return median
    }

    /// The middle one; the mean of the two middle ones of an even number; nil of none.
    static func median(of values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}
