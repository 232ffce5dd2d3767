/// A line of what has to hold: a figure of some workloads, and its bound.
struct Target: Sendable {
    /// A figure of a row, the workload's name in front of it.
    typealias Figure = @Sendable (Comparison.Row) -> Double?

    /// What is measured, for a person.
    let text: String
    /// Nil for what is no target of Sheaf's: what the host alone takes.
    let bound: Bound?
    /// Of the comparisons that it is measured in.
    let titles: [String]
    let workloads: [Workload]
    let depth: Int
    let source: Source

    /// Where the value comes from.
    enum Source: Sendable {
        /// A figure of each row.
        case row(Figure)
        /// One of a comparison as a whole.
        case whole(@Sendable (Comparison) -> Double?)
    }

    /// What a value must not be beyond.
    enum Bound: Sendable {
        case atMost(Double)
        case atLeast(Double)

        func holds(_ value: Double) -> Bool {
            switch self {
            case .atMost(let limit): value <= limit
            case .atLeast(let limit): value >= limit
            }
        }

        var text: String {
            switch self {
            case .atMost(let limit): "≤ \(limit.text(places: limit < 10 ? 2 : 0))"
            case .atLeast(let limit): "≥ \(limit.text(places: 2))"
            }
        }
    }

    /// What was measured: the workload's name, if it is one of several, and the value.
    struct Finding: Equatable {
        var name: String
        var value: Double
    }

    /// The values of all workloads that were measured; none if nothing was.
    func findings(in comparisons: [Comparison]) -> [Finding] {
        comparisons.filter { titles.contains($0.title) }.flatMap { comparison -> [Finding] in
            switch source {
            case .whole(let value): return value(comparison).map { [Finding(name: "", value: $0)] } ?? []
            case .row(let figure):
                return comparison.rows.filter { workloads.contains($0.workload) && $0.depth == depth }.compactMap {
                    row in
                    figure(row).map { Finding(name: row.workload.rawValue, value: $0) }
                }
            }
        }
    }
}

extension Target {
    /// What Sheaf is to be, in the comparisons that Scripts/bench makes.
    static let all: [Target] = [
        cpu("getattr, statfs, read and write 4 KiB", 0.5, [.getattr, .statfs, .randread4k, .randwrite4k]),
        cpu(
            "lookup known, lookup ENOENT, readdirplus per entry, getxattr, cold walk + forget", 0.4,
            [.lookupHit, .lookupMiss, .readdirplus, .getxattr, .coldWalk]),
        cpu("open-read-close, create-write-unlink, rename", 0.75, [.openReadClose, .createWriteUnlink, .rename]),
        cpu("seqread, seqwrite 128 KiB and 1 MiB", 0.95, transfers),
        rate(
            "requests/s, depth 16: getattr, statfs, lookups, readdirplus, cold walk", 16, 1.8,
            [.getattr, .statfs, .lookupHit, .lookupMiss, .readdirplus, .coldWalk]),
        rate(
            "requests/s, depth 16: open-read-close, create-write-unlink, rename, randread, randwrite", 16, 1.3,
            [.openReadClose, .createWriteUnlink, .rename, .randread4k, .randwrite4k]),
        rate("four queues / one queue, depth 16: getattr, randread", 16, 1.4, [.getattr, .randread4k], in: ["queues"]),
        rate(
            "requests/s, depth 1, no poll", 1, 1.1, Workload.allCases.filter { !transfers.contains($0) },
            in: ["alone", "alone-xattr"]),
        rate("requests/s, depth 1, adaptive poll and a free core", 1, 2, [.getattr], in: ["poll"]),
        rate("seqread, seqwrite MB/s, depth 16", 16, 1.05, transfers),
        calls(
            "lookup known, readdirplus per entry, open-read-close, getxattr", 0.5,
            [.lookupHit, .readdirplus, .openReadClose, .getxattr]),
        calls("rename, create-write-unlink", 0.7, [.rename, .createWriteUnlink]),
        calls(
            "everything else", 1,
            [.getattr, .statfs, .lookupMiss, .coldWalk, .randread4k, .randwrite4k] + transfers),
        Target(
            text: "resident with 1,000 shares idle, MiB", bound: .atMost(64), titles: ["main"], workloads: [], depth: 0,
            source: .whole { $0.with.children >= 1000 ? $0.with.residentIdle / 1_048_576 : nil }),
        Target(
            text: "bytes per live inode, 1,000,000 of them", bound: .atMost(300), titles: ["inodes"],
            workloads: [.coldWalk], depth: 16, source: .row { $0.with.residentPerNode }),
        Target(
            text: "CPU with 1 child / with 1,000 children, depth 32", bound: .atLeast(0.97), titles: ["children"],
            workloads: Workload.allCases, depth: 32, source: .row { $0.ratios.cpu.map { 1 / $0 } }),
        Target(
            text: "p99 of getattr while another queue syncs / undisturbed, depth 1", bound: .atMost(1.5),
            titles: ["syncing"], workloads: [.getattr], depth: 1, source: .row { $0.ratios.p99 }),
        Target(
            text: "time of getattr at depth 1 / native limit", bound: .atMost(1.3), titles: ["alone"],
            workloads: [.getattr], depth: 1,
            source: .row { row in row.native.map { $0.rate / row.with.rate } }),
        cpu(
            "create-write-unlink, rename, in memory (tmpfs)", 0.75, [.createWriteUnlink, .rename], in: ["tmpfs"]),
        cpu("write 4 KiB, in memory (tmpfs)", 0.5, [.randwrite4k], in: ["tmpfs"]),
        rate(
            "requests/s, depth 16: create-write-unlink, rename, randwrite, in memory (tmpfs)", 16, 1.3,
            [.createWriteUnlink, .rename, .randwrite4k], in: ["tmpfs"]),
        Target(
            text: "the native limit's CPU per request / virtiofsd's, depth 32", bound: nil, titles: ["main"],
            workloads: costlyOnTheHost, depth: 32,
            source: .row { row in ratio(row.native?.cpuMicroseconds, row.against.cpuMicroseconds) }),
        Target(
            text: "the native limit's requests/s / virtiofsd's, depth 1", bound: nil, titles: ["alone", "alone-xattr"],
            workloads: Workload.allCases, depth: 1, source: .row { row in ratio(row.native?.rate, row.against.rate) }),
    ]

    /// Where most of a request is the host's own work, so that its calls alone are near the target or beyond.
    private static let costlyOnTheHost: [Workload] = [.statfs, .randread4k, .randwrite4k, .createWriteUnlink, .rename]

    private static func ratio(_ value: Double?, _ other: Double?) -> Double? {
        guard let value, let other, other > 0 else { return nil }
        return value / other
    }

    private static let transfers: [Workload] = [.seqread128k, .seqread1m, .seqwrite128k, .seqwrite1m]
    private static let usual = ["main", "xattr"]

    private static func cpu(
        _ text: String, _ limit: Double, _ workloads: [Workload], in titles: [String] = usual
    ) -> Target {
        Target(
            text: "CPU per request, depth 32: \(text)", bound: .atMost(limit), titles: titles, workloads: workloads,
            depth: 32, source: .row { $0.ratios.cpu })
    }

    private static func rate(
        _ text: String, _ depth: Int, _ limit: Double, _ workloads: [Workload], in titles: [String] = usual
    ) -> Target {
        Target(
            text: text, bound: .atLeast(limit), titles: titles, workloads: workloads, depth: depth,
            source: .row { $0.ratios.rate })
    }

    private static func calls(_ text: String, _ limit: Double, _ workloads: [Workload]) -> Target {
        Target(
            text: "system calls per request, depth 16: \(text)", bound: .atMost(limit), titles: usual,
            workloads: workloads, depth: 16, source: .row { $0.ratios.systemCalls })
    }
}
