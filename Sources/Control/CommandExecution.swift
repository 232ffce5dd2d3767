/// The parameters of ``ControlRequest/execute(_:)``.
///
/// Three descriptors come with the request's first byte (SCM_RIGHTS): what the command reads as its standard input, and what
/// gets its standard output and standard error; with a terminal, output alone carries both. They are the VM's from then on,
/// which reads and writes them at its own pace: give it ends of pipes or sockets, and not a terminal that somebody uses.
///
/// The VM closes the outputs when all is written, and then answers. The answer is an ``EndedCommand``; until then the client may send ``CommandNotice``s, and its leaving hangs the command up.
public struct CommandExecution: Codable, Equatable, Sendable {
    /// The command and its arguments; empty for a login shell.
    public var arguments: [String]
    /// `NAME=value` strings for its environment.
    public var environment: [String]
    /// Where it starts, an absolute path in the guest; nil for the default.
    public var directory: String?
    /// Whether it gets a terminal.
    public var hasTerminal: Bool
    /// The terminal's rows.
    public var rows: UInt16
    /// The terminal's columns.
    public var columns: UInt16

    /// A command.
    public init(
        arguments: [String], environment: [String] = [], directory: String? = nil, hasTerminal: Bool = false,
        rows: UInt16 = 0, columns: UInt16 = 0
    ) {
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.hasTerminal = hasTerminal
        self.rows = rows
        self.columns = columns
    }
}

/// How a command ended that was executed; one of the three.
public struct EndedCommand: Codable, Equatable, Sendable {
    /// Its exit code, where it ended by itself.
    public var exited: UInt8?
    /// The signal that ended it.
    public var signaled: UInt8?
    /// Why it could not be run, as a sentence; `errno` has the reason's name.
    public var failed: String?
    /// With `failed`, the errno's name, such as `ENOENT`.
    public var errno: String?
    /// With `failed`, whether there is no such command.
    public var isNotFound: Bool?

    /// An end.
    public init(
        exited: UInt8? = nil, signaled: UInt8? = nil, failed: String? = nil, errno: String? = nil,
        isNotFound: Bool? = nil
    ) {
        self.exited = exited
        self.signaled = signaled
        self.failed = failed
        self.errno = errno
        self.isNotFound = isNotFound
    }

    /// What a shell calls such an end: the command's own status, 128 + N for signal N, 127 for a command that is not found
    /// and 126 for one that cannot be run.
    public var exitStatus: UInt8 {
        if let exited { return exited }
        if let signaled { return 128 &+ signaled }
        return isNotFound == true ? 127 : 126
    }
}
