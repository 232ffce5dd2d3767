import CLinux
import Frontend
import Glibc
import Linux
import SystemPackage

/// A backend of a comparison: the program that was started, and the session with it.
final class Contender {
    let side: SideArgument
    let session: Session
    let residentIdle: Double
    private let program: BackendProgram

    /// Starts the backend and connects to it. To be called on the main thread.
    ///
    /// - Parameters:
    ///   - side: How.
    ///   - tree: What it serves.
    ///   - directory: For its socket, its log and its other shares.
    ///   - depth: Operations in flight at most.
    ///   - watchdog: For the session.
    /// - Throws: The server's `Errno`, or a `BackendFault`.
    init(_ side: SideArgument, tree: HostTree, directory: String, depth: Int, watchdog: Watchdog) throws {
        self.side = side
        let socket = "\(directory)/socket"
        let others = (1..<side.children).map { "\(directory)/child-\($0)" }
        try BackendFault.wrapping("make directories in \(directory)") { () throws(Errno) in
            try checked(cl_mkdirat(CL_AT_FDCWD, directory, 0o755))
            for other in others { try checked(cl_mkdirat(CL_AT_FDCWD, other, 0o755)) }
        }
        program = try BackendProgram(
            side.arguments(socket: socket, tree: tree.path, others: others), log: "\(directory)/log")
        try program.wait(until: "it had its socket") { access(socket, F_OK) == 0 }
        let setup = Session.Setup(
            socket: socket, root: side.root, queues: side.queues, hasSyncQueue: side.syncing == .otherQueue,
            depth: depth, pid: program.pid)
        session = try Session(setup, Self.connect(setup, to: program), tree: tree, watchdog: watchdog)
        residentIdle = Double(ProcessUsage(pid: program.pid).resident().now)
    }

    /// Connects once the backend listens: its socket is there a moment before that.
    private static func connect(_ setup: Session.Setup, to program: BackendProgram) throws -> Frontend {
        var refusals = 0
        while true {
            do throws(BackendFault) {
                return try Frontend(path: setup.socket, configuration: setup.configuration)
            } catch {
                guard case .host(_, .connectionRefused) = error, program.isRunning, refusals < 5000 else { throw error }
            }
            refusals += 1
            usleep(1000)
        }
    }

    /// A load as this side is driven.
    func load(_ load: Load) -> Load {
        var load = load
        load.queues = side.queues
        load.isPolling = side.isPolling
        load.syncing = side.syncing
        return load
    }

    /// What a comparison says of it.
    var description: Comparison.Side {
        Comparison.Side(
            name: side.name, command: side.command.joined(separator: " "), queues: side.queues,
            children: side.children, isPolling: side.isPolling, syncing: side.syncing, residentIdle: residentIdle)
    }
}
