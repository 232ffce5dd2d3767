internal import CLinux
internal import Glibc
internal import Linux
public import SystemPackage

/// How a process ended.
public enum ChildStatus: Equatable, Sendable, CustomStringConvertible {
    /// It returned or called exit(3) with this code.
    case exited(CInt)
    /// This signal ended it.
    case signaled(CInt)

    /// From the raw status of wait(2).
    public init(rawStatus: CInt) {
        let signal = cl_term_signal(rawStatus)
        self = signal >= 0 ? .signaled(signal) : .exited(cl_exit_code(rawStatus))
    }

    /// For a message: `status 1`, `signal 9 (Killed)`.
    public var description: String {
        switch self {
        case .exited(let code): "status \(code)"
        case .signaled(let number): "signal \(number) (\(strsignal(number).map { String(cString: $0) } ?? "unknown"))"
        }
    }
}

/// What to start, and with what.
public struct Launch {
    /// One descriptor of the child: `source` of this process is `target` there.
    public struct Mapping: Equatable {
        /// A descriptor of this process; it stays the caller's.
        public var source: CInt
        /// Its number in the child.
        public var target: CInt

        /// Makes `source` the child's `target`.
        public init(source: CInt, target: CInt) {
            self.source = source
            self.target = target
        }
    }

    /// The program's path; PATH is not searched.
    public var executable: String
    /// Without the program's own name.
    public var arguments: [String]
    /// `NAME=value` each; that of this process when nil.
    public var environment: [String]?
    /// What the child gets besides 0, 1 and 2, which it shares unless they are targets here. All else is closed there.
    public var descriptors: [Mapping]
    /// Whether it leads a session of its own, out of reach of the terminal's Ctrl-C.
    public var newSession: Bool
    /// Whether it lives on when this process ends.
    public var outlives: Bool

    /// Describes a start.
    public init(
        executable: String, arguments: [String] = [], environment: [String]? = nil, descriptors: [Mapping] = [],
        newSession: Bool = false, outlives: Bool = false
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.descriptors = descriptors
        self.newSession = newSession
        self.outlives = outlives
    }

    /// `cl_spawn_flag`s.
    fileprivate var flags: UInt32 {
        (newSession ? CL_SPAWN_NEW_SESSION.rawValue : 0) | (outlives ? CL_SPAWN_OUTLIVES.rawValue : 0)
    }
}

/// A child process on a loop. Unless it is launched to outlive its parent, the kernel kills it when the thread that started
/// it ends; and letting go of this object does so too, until it is released.
public final class ChildProcess {
    /// The process id, until the child is reaped.
    public let pid: CInt
    /// How it ended; nil while it runs.
    public private(set) var exitStatus: ChildStatus?

    private let loop: EventLoop
    private var watch: EventSource?
    private var escalation: EventSource?
    private var isReleased = false

    /// Starts a child. To be called on a thread that lasts as long as the child shall, the main thread that is.
    ///
    /// - Parameters:
    ///   - launch: What to start.
    ///   - loop: Where `onExit` runs, on the thread that calls this.
    ///   - onExit: Called once, when the child has ended and is reaped.
    /// - Throws: What stopped it: `ENOENT` or `EACCES` of the program, `EBADF` of a mapping.
    public init(_ launch: Launch, on loop: EventLoop, onExit: @escaping (ChildStatus) -> Void) throws(Errno) {
        self.loop = loop
        pid = try Self.spawn(launch)
        watch = loop.onChildExit(pid) { [weak self] rawStatus in
            let status = ChildStatus(rawStatus: rawStatus)
            self?.exitStatus = status
            self?.watch = nil
            self?.escalation = nil
            onExit(status)
        }
    }

    /// Sends a signal, unless the child has ended.
    public func send(signal: CInt) {
        guard exitStatus == nil else { return }
        // It may have ended without being reaped yet; its exit is told anyway.
        _ = cl_kill(pid, signal)
    }

    /// SIGKILL.
    public func kill() {
        send(signal: SIGKILL)
    }

    /// SIGTERM, and SIGKILL when `grace` has passed in vain.
    public func terminate(grace: Duration) {
        guard exitStatus == nil, escalation == nil else { return }
        send(signal: SIGTERM)
        escalation = loop.after(grace) { [weak self] in self?.kill() }
    }

    /// Lets a child that outlives this process live on. Its end is not told any more.
    public func release() {
        isReleased = true
        watch = nil
        escalation = nil
    }

    deinit {
        guard exitStatus == nil, !isReleased else { return }
        watch?.cancel()
        _ = cl_kill(pid, SIGKILL)
        var status: CInt = 0
        _ = cl_wait(pid, &status, true)
    }

    private static func spawn(_ launch: Launch) throws(Errno) -> CInt {
        let map = launch.descriptors.map { cl_fd_mapping(source: $0.source, target: $0.target) }
        let result = withCStrings([launch.executable] + launch.arguments) { arguments in
            guard let environment = launch.environment else {
                return cl_spawn(
                    launch.executable, arguments, cl_environment(), map, UInt32(map.count), launch.flags)
            }
            return withCStrings(environment) {
                cl_spawn(launch.executable, arguments, $0, map, UInt32(map.count), launch.flags)
            }
        }
        return try checked(result)
    }
}

/// Lends `strings` as a NULL-terminated vector, such as execve(2) takes.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
    pointers.append(nil)
    defer { pointers.forEach { free($0) } }
    return pointers.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("a vector holds at least its end") }
        return body(base)
    }
}
