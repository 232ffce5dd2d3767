import ArgumentParser
import Frontend
import Linux
import SystemPackage

/// `sheaf-bench compare`: two backends on the same files, by turns.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Measure two backends on the same files, by turns.",
        discussion: """
            Starts both, and runs each workload on the one, the other, the one, the other. A side is written as settings \
            and a command; {socket} in it becomes the socket's path, {tree} the directory to share, and {children} a \
            -v for each further share. Settings are name=, root= (where the backend shows the tree), queues= (1 to 4), \
            children=, polling=yes (spin on the used rings) and syncing=same-queue or other-queue.

              sheaf-bench compare --depth 1 16 32 \\
                --against 'virtiofsd --socket-path {socket} --shared-dir {tree} --sandbox none' \\
                --with 'root=b children=1000 sheaf serve --quiet --socket {socket} -v {tree},name=b {children}'
            """)

    @Option(help: "The backend that ratios are divided by.", transform: { try SideArgument($0) })
    var against: SideArgument

    @Option(help: "The other.", transform: { try SideArgument($0) })
    var with: SideArgument

    @OptionGroup var loads: LoadOptions

    @Option(name: .shortAndLong, help: "How often each load is run on each side.")
    var rounds = 5

    @Option(help: "The depth at which system calls are counted, in runs of their own; 0 for none.")
    var traceDepth = 0

    @Flag(help: "Measure the same operations as plain system calls too.")
    var native = false

    @Option(help: ArgumentHelp("Where to make the files.", valueName: "DIR"))
    var place = "/tmp"

    @Option(help: "What the result is called.")
    var title = "comparison"

    @Option(help: ArgumentHelp("Where to write the result as JSON.", valueName: "FILE"))
    var json: String?

    func validate() throws {
        guard (1...1000).contains(rounds) else { throw ValidationError("--rounds must lie between 1 and 1000.") }
        guard traceDepth == 0 || loads.depth.contains(traceDepth) else {
            throw ValidationError("--trace-depth must be one of --depth, or 0.")
        }
    }

    func run() throws {
        let machine = HostDescription()
        let work = try WorkDirectory(in: place)
        let host = try HostTree(at: "\(work.path)/tree", extent: loads.extent)
        let watchdog = try Watchdog()
        let depth = loads.depth.max() ?? 1
        let ours = try Contender(with, tree: host, directory: "\(work.path)/with", depth: depth, watchdog: watchdog)
        let theirs = try Contender(
            against, tree: host, directory: "\(work.path)/against", depth: depth, watchdog: watchdog)
        var comparison = Comparison(
            title: title, machine: machine, with: ours.description, against: theirs.description, rounds: rounds)
        FileDescriptor.standardOutput.say("\(title): \(with.name) / \(against.name), medians of \(rounds) rounds")
        FileDescriptor.standardOutput.say(ComparisonTable.table.heading)
        for load in loads.loads {
            guard var row = try measure(load, ours, theirs, host) else { continue }
            if load.depth == traceDepth {
                var load = load
                load.seconds = min(load.seconds, 0.2)
                // A listing is long, and what it costs for each entry does not depend on the others.
                if load.workload == .readdirplus { load.depth = 1 }
                row.count(
                    with: try ours.session.trace(ours.load(load), directory: work.path),
                    against: try theirs.session.trace(theirs.load(load), directory: work.path))
            }
            comparison.rows.append(row)
            FileDescriptor.standardOutput.say(ComparisonTable.line(row))
        }
        if let json {
            let file = try FileDescriptor.open(
                FilePath(json), .writeOnly, options: [.create, .truncate],
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
            _ = try file.closeAfter { try file.writeAll(JSON.text(comparison, isPretty: true).utf8) }
        }
    }

    /// A load in all its rounds.
    private func measure(
        _ load: Load, _ ours: Contender, _ theirs: Contender, _ host: HostTree
    ) throws -> Comparison.Row? {
        let limit = NativeLimit(host)
        var with: [Measurement] = []
        var against: [Measurement] = []
        var natives: [Measurement] = []
        for round in 0..<rounds {
            // Who is first in a round is last in the next: what drifts favours nobody.
            if round % 2 == 0 { with.append(try ours.session.measure(ours.load(load))) }
            against.append(try theirs.session.measure(theirs.load(load)))
            if round % 2 == 1 { with.append(try ours.session.measure(ours.load(load))) }
            if native { natives.append(try limit.measure(load)) }
        }
        return Comparison.Row(load, with: with, against: against, native: natives)
    }
}

/// How the rows of a comparison are printed: figures of both sides with their ratio behind them.
private enum ComparisonTable {
    static let table = FigureTable(columns: [
        ("workload", 20), ("depth", 5), ("per second", 11), ("against", 10), ("ratio", 6), ("CPU us", 9),
        ("against", 8), ("native", 8), ("ratio", 6), ("p99 us", 9), ("against", 9), ("ratio", 6), ("calls", 7),
        ("against", 8), ("ratio", 6),
    ])

    static func line(_ row: Comparison.Row) -> String {
        table.line([
            row.workload.rawValue, "\(row.depth)", row.with.rate.text(places: 0), row.against.rate.text(places: 0),
            row.ratios.rate.text(places: 2), row.with.cpuMicroseconds.text(places: 3),
            row.against.cpuMicroseconds.text(places: 3), (row.native?.cpuMicroseconds).text(places: 3),
            row.ratios.cpu.text(places: 2), row.with.p99.text(places: 1), row.against.p99.text(places: 1),
            row.ratios.p99.text(places: 2), row.with.systemCalls.text(places: 2),
            row.against.systemCalls.text(places: 2), row.ratios.systemCalls.text(places: 2),
        ])
    }
}
