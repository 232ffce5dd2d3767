import ArgumentParser
import FUSE
import Frontend
import SystemPackage

/// `sheaf-bench run`: the workloads, one after the other, against one backend.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run workloads against one backend.",
        discussion: "The files it needs are made through the backend in a directory of its own, and removed at the end."
    )

    @Option(help: "The backend's vhost-user socket.")
    var socket: String

    @Option(help: "Where in the shared tree to work; for an aggregate, at least the name of a read-write child.")
    var directory = ""

    @Option(name: .shortAndLong, parsing: .upToNextOption, help: "What to run.")
    var workload: [Workload] = Workload.allCases

    @Option(name: .shortAndLong, help: "Requests in flight.")
    var depth = 1

    @Option(name: .shortAndLong, help: "How long to measure each workload, in seconds.")
    var seconds = 2.0

    @Option(help: "Bytes of a request of seqread.")
    var blockSize = 131_072

    @Option(help: "The backend's process, to measure the CPU time it uses.")
    var pid: Int32?

    @Flag(help: "Spin on the used ring and ask for no interrupts.")
    var busyPoll = false

    @Option(help: "Where a file is written and synced all the time meanwhile.")
    var syncing: SyncPlace?

    func validate() throws {
        guard (1...64).contains(depth) else { throw ValidationError("--depth must lie between 1 and 64.") }
        guard seconds > 0 else { throw ValidationError("--seconds must be more than zero.") }
        guard blockSize % Tree.pageSize == 0, (Tree.pageSize...(1 << 20)).contains(blockSize) else {
            throw ValidationError("--block-size must be a multiple of \(Tree.pageSize), at most 1048576.")
        }
        if let pid, ProcessClock(pid: pid).read() == nil {
            throw ValidationError("Process \(pid) has no readable /proc/\(pid)/job.")
        }
    }

    func run() throws {
        var configuration = Frontend.Configuration()
        configuration.queueSize = 1024
        configuration.memorySize = 32 << 20 + UInt64(depth + 2) * (2 << 20)
        if syncing == .otherQueue { configuration.requestQueues = 2 }
        let frontend = try Frontend(path: socket, configuration: configuration)
        let client = try FuseClient(
            frontend, depth: syncing == .sameQueue ? depth + 1 : depth, dataCapacity: 1 << 20)
        let limits = try client.initialize()
        guard Int(limits.maxWrite) >= Tree.pageSize else {
            throw BackendFault.malformed("INIT allows writes of \(limits.maxWrite) bytes")
        }
        client.timeout = nil
        let watchdog = try Watchdog()

        let tree = try makeTree(client, maxWrite: Int(limits.maxWrite))
        defer { try? tree.remove(client) }
        var syncer = syncing == .sameQueue ? try Syncer(client, in: tree.directory) : nil
        defer { try? syncer?.remove(client, from: tree.directory) }
        let other =
            syncing == .otherQueue
            ? try SyncerThread(FuseClient(frontend, queue: frontend.requestQueue(1)), in: tree.directory) : nil
        defer { other?.stop() }
        print(Measurement.heading)
        for workload in workload {
            let job = Job(
                workload: workload, tree: tree, blockSize: min(blockSize, Int(limits.maxPages) * Tree.pageSize))
            let measurement = try Measurement(
                of: job, client: client, depth: depth, syncer: &syncer, seconds: seconds, busyPoll: busyPoll,
                backend: pid.map(ProcessClock.init), watchdog: watchdog)
            print(measurement.line)
        }
    }
}

extension RunCommand {
    private func makeTree(_ client: FuseClient, maxWrite: Int) throws -> Tree {
        do {
            return try Tree(client, directory: directory, maxWrite: maxWrite)
        } catch let error as Errno {
            // The root of an aggregate is read-only: that is the likely mistake.
            throw BackendFault.host(
                "make files in \"/\(directory)\" of the shared tree (name a read-write directory with --directory)",
                error)
        }
    }
}

extension Workload: ExpressibleByArgument {}
extension SyncPlace: ExpressibleByArgument {}
