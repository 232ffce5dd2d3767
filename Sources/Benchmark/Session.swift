import FUSE
import Frontend
import SystemPackage

/// A connection to a backend that serves a `HostTree`, with a client on each of its queues.
final class Session {
    let frontend: Frontend
    /// One on each request queue that loads may use.
    let clients: [FuseClient]
    /// On a queue beside these, for the files that are synced.
    let syncClient: FuseClient?
    let tree: ServedTree
    let forgetter: Forgetter
    let usage: ProcessUsage?
    let watchdog: Watchdog
    private let limits: InitOut

    /// How a session is to be made.
    struct Setup {
        /// Of the vhost-user device.
        var socket: String
        /// Where the backend shows the tree.
        var root = ""
        /// Request queues that loads may use.
        var queues = 1
        /// Has one queue more, for `SyncPlace.otherQueue`.
        var hasSyncQueue = false
        /// Operations in flight at most.
        var depth = 64
        /// The backend's process, if its use of CPU and memory is to be measured.
        var pid: Int32?

        fileprivate static let dataCapacity = 1 << 20

        /// Of a frontend that has room for all of it.
        var configuration: Frontend.Configuration {
            var configuration = Frontend.Configuration()
            configuration.queueSize = 1024
            // A slot's data, its indirect table, its arguments.
            configuration.memorySize = UInt64(
                queues * (depth + 1) * (Self.dataCapacity + (64 << 10)) + (64 << 20))
            configuration.requestQueues = queues + (hasSyncQueue ? 1 : 0)
            return configuration
        }
    }

    /// Connects, mounts and looks the tree up.
    ///
    /// - Throws: The server's `Errno`, or a `BackendFault`.
    convenience init(_ setup: Setup, tree: HostTree, watchdog: Watchdog) throws {
        let frontend = try Frontend(path: setup.socket, configuration: setup.configuration)
        try self.init(setup, frontend, tree: tree, watchdog: watchdog)
    }

    /// The same with a frontend that has started its rings.
    init(_ setup: Setup, _ frontend: Frontend, tree host: HostTree, watchdog: Watchdog) throws {
        self.frontend = frontend
        // A backend may tell a call event of its first reply that has been replaced already, and not tell the new one.
        try frontend.synchronise()
        let clients = try (0..<setup.queues).map {
            try FuseClient(
                frontend, queue: frontend.requestQueue($0), depth: setup.depth + 1, dataCapacity: Setup.dataCapacity)
        }
        self.clients = clients
        syncClient =
            setup.hasSyncQueue ? try FuseClient(frontend, queue: frontend.requestQueue(setup.queues)) : nil
        self.watchdog = watchdog
        usage = setup.pid.map(ProcessUsage.init)
        let first = clients[0]
        limits = try first.initialize()
        forgetter = try Forgetter(frontend) { _ = try first.getattr(.root) }
        tree = try ServedTree(host, client: first, at: setup.root)
    }

    /// Throws if INIT does not allow requests as big as a workload's.
    func checkLimits(_ workload: Workload) throws(BackendFault) {
        let size = workload.blockSize
        guard Int(limits.maxPages) * 4096 >= size, Int(limits.maxWrite) >= size else {
            throw .malformed("INIT allows \(limits.maxPages) pages and writes of \(limits.maxWrite), not \(size) bytes")
        }
    }
}
