internal import Control
internal import Glibc
internal import Linux

/// A VM's status as lines to be kept: one for each share and sample, with the time.
enum StatusLog {
    /// The lines of a sample.
    static func lines(of sample: RatedStatus) -> [String] {
        let start = "\(timestamp(sample.time)) \(printable(sample.status.name))"
        guard !sample.status.shares.isEmpty else { return ["\(start) \(sample.status.state.rawValue), no shares"] }
        return zip(sample.status.shares, sample.rates).map { share, rates in
            let places = share.targets.map(\.path).joined(separator: " ")
            var states: [String] = []
            for target in share.targets where !states.contains(target.state.rawValue) {
                states.append(target.state.rawValue)
            }
            var fields = [start, places.isEmpty ? share.source : places, share.access]
            if !states.isEmpty { fields.append(states.joined(separator: ",")) }
            fields += [
                "\(rates.map { Quantity.count($0.requestsPerSecond) } ?? "-") req/s",
                "\(rates.map { Quantity.bytes($0.readBytesPerSecond) } ?? "-") read/s",
                "\(rates.map { Quantity.bytes($0.writtenBytesPerSecond) } ?? "-") written/s",
                "\(share.activity.openHandles) open", "\(share.activity.liveInodes) inodes",
            ]
            if let failure = StatusView.failureText(share.activity.lastError, at: sample.time) {
                fields.append("\(failure) ago")
            }
            return fields.map { printable($0) }.joined(separator: " ")
        }
    }

    /// A line for a moment at which the VM did not answer.
    static func line(about name: String, silent reason: String, at time: Double) -> String {
        printable("\(timestamp(time)) \(name) \(reason)")
    }

    /// A time in the words of ISO 8601, to the second and in UTC.
    static func timestamp(_ seconds: Double) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        func digits(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let date = [parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday].map(digits).joined(separator: "-")
        let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map(digits).joined(separator: ":")
        return "\(date)T\(clock)Z"
    }
}
