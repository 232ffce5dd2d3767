import ArgumentParser
import Frontend
import Linux
import SystemPackage

/// `sheaf-bench run`: the workloads, one after the other, against one backend.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run workloads against one backend.",
        discussion: """
            The files it needs are made in a directory of their own below --tree on the host, and removed at the end.

              sheaf serve --socket /tmp/fs.sock -v /srv,name=srv &
              sheaf-bench run --socket /tmp/fs.sock --tree /srv --root srv --pid $! --depth 32
            """)

    @Option(help: ArgumentHelp("The backend's vhost-user socket.", valueName: "PATH"))
    var socket: String

    @Option(help: ArgumentHelp("A directory of the host that the backend shares.", valueName: "DIR"))
    var tree: String

    @Option(
        help: ArgumentHelp("Where the backend shows it; for an aggregate the child's name.", valueName: "PATH"))
    var root = ""

    @OptionGroup var loads: LoadOptions

    @Option(name: .shortAndLong, help: "Request queues to use, each by a thread of its own, from 1 to 4.")
    var queues = 1

    @Option(help: "The backend's process, to measure what it uses.")
    var pid: Int32?

    @Flag(help: "Count the system calls of --pid by strace(1), and measure nothing else.")
    var trace = false

    @Flag(help: "Spin on the used rings and ask for no interrupts.")
    var busyPoll = false

    @Option(help: "Where a file is written and synced all the time meanwhile.")
    var syncing: SyncPlace?

    @Flag(help: "Print JSON: an object for each measurement.")
    var json = false

    func validate() throws {
        guard (1...4).contains(queues) else { throw ValidationError("--queues must lie between 1 and 4.") }
        if let pid, ProcessUsage(pid: pid).cpuTime() == nil {
            throw ValidationError("There is no process \(pid) whose CPU time can be read.")
        }
        guard !trace || pid != nil else { throw ValidationError("--trace needs --pid.") }
    }

    func run() throws {
        let work = try WorkDirectory(in: tree)
        let host = try HostTree(at: "\(work.path)/tree", extent: loads.extent)
        let name = work.path.split(separator: "/").last.map(String.init) ?? ""
        let session = try Session(
            Session.Setup(
                socket: socket, root: "\(root)/\(name)/tree", queues: queues, hasSyncQueue: syncing == .otherQueue,
                depth: loads.depth.max() ?? 1, pid: pid),
            tree: host, watchdog: try Watchdog())
        if !json { FileDescriptor.standardOutput.say(MeasurementTable.table.heading) }
        for var load in loads.loads {
            load.queues = queues
            load.isPolling = busyPoll
            load.syncing = syncing
            var measurement = Measurement()
            if trace {
                let calls = try session.trace(load, directory: work.path) ?? [:]
                measurement.systemCallsByName = calls
                measurement.systemCalls = calls.values.reduce(0, +)
            } else {
                measurement = try session.measure(load)
            }
            try MeasurementTable.show(load, measurement, asJSON: json)
        }
    }
}

/// `sheaf-bench native`: the same operations as system calls.
struct NativeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "native",
        abstract: "Run the same operations as plain system calls of a thread that is told by an eventfd.")

    @Option(help: ArgumentHelp("Where to make the files.", valueName: "DIR"))
    var tree = "/tmp"

    @OptionGroup var loads: LoadOptions

    @Flag(help: "Print JSON: an object for each measurement.")
    var json = false

    func run() throws {
        let work = try WorkDirectory(in: tree)
        let limit = NativeLimit(try HostTree(at: "\(work.path)/tree", extent: loads.extent))
        if !json { FileDescriptor.standardOutput.say(MeasurementTable.table.heading) }
        for load in loads.loads { try MeasurementTable.show(load, limit.measure(load), asJSON: json) }
    }
}

/// How measurements of one backend are printed.
private enum MeasurementTable {
    static let table = FigureTable(columns: [
        ("workload", 20), ("depth", 5), ("per second", 11), ("MB/s", 7), ("p50 us", 9), ("p99 us", 9),
        ("p99.9 us", 9), ("CPU us", 8), ("calls", 7), ("messages", 9), ("peak MiB", 9),
    ])

    private struct Line: Encodable {
        let workload: Workload
        let depth: Int
        let queues: Int
        let measurement: Measurement
    }

    static func show(_ load: Load, _ measured: Measurement, asJSON: Bool) throws {
        if asJSON {
            let line = Line(
                workload: load.workload, depth: load.depth, queues: load.queues, measurement: measured)
            try FileDescriptor.standardOutput.say(JSON.text(line, isPretty: false))
        } else {
            FileDescriptor.standardOutput.say(
                table.line([
                    load.workload.rawValue, "\(load.depth)", measured.rate.text(places: 0),
                    measured.megabytesPerSecond.text(places: 0), measured.p50.text(places: 1),
                    measured.p99.text(places: 1), measured.p999.text(places: 1),
                    measured.cpuMicroseconds.text(places: 3), measured.systemCalls.text(places: 2),
                    measured.messages.text(places: 2), measured.peakResident.map { $0 / 1_048_576 }.text(places: 1),
                ]))
            for (name, calls) in (measured.systemCallsByName ?? [:]).sorted(by: { $0.value > $1.value }) {
                FileDescriptor.standardOutput.say("    \(calls.text(places: 3)) \(name)")
            }
        }
    }
}
