/// Latencies in buckets that are an eighth of a power of two wide: any quantile to within 12 percent, without keeping
/// them all.
struct LatencyHistogram {
    private var buckets = [UInt64](repeating: 0, count: 64 * 8)
    private var count: UInt64 = 0

    /// Counts one latency, in nanoseconds.
    mutating func add(_ nanoseconds: UInt64) {
        buckets[Self.bucket(nanoseconds)] += 1
        count += 1
    }

    /// Counts all that another has counted.
    mutating func add(_ other: LatencyHistogram) {
        for (index, number) in other.buckets.enumerated() { buckets[index] += number }
        count += other.count
    }

    /// The latency that `share` of all do not exceed, in nanoseconds; zero if there are none.
    func quantile(_ share: Double) -> UInt64 {
        let rank = UInt64((Double(count) * share).rounded(.up))
        var seen: UInt64 = 0
        for (index, number) in buckets.enumerated() {
            seen += number
            if seen >= rank, number > 0 { return Self.middle(index) }
        }
        return 0
    }

    private static func bucket(_ value: UInt64) -> Int {
        guard value >= 8 else { return Int(value) }
        let exponent = 63 - value.leadingZeroBitCount
        return (exponent - 2) * 8 + Int(value >> UInt64(exponent - 3) & 7)
    }

    private static func middle(_ bucket: Int) -> UInt64 {
        guard bucket >= 8 else { return UInt64(bucket) }
        let exponent = UInt64(bucket / 8 + 2)
        let width = UInt64(1) << (exponent - 3)
        return UInt64(1) << exponent + UInt64(bucket % 8) * width + width / 2
    }
}
