/// A command for the agent to run in the guest.
public struct ExecRequest: Sendable {
    /// Set where the command gets a pseudoterminal for all three of its standard streams, and not three pipes.
    public var hasTerminal: Bool
    /// The terminal's size; zero where it is not known.
    public var rows: UInt16
    /// The terminal's width; zero where it is not known.
    public var columns: UInt16
    /// The command and its arguments; empty for the guest user's login shell.
    public var arguments: [[UInt8]]
    /// `NAME=value` strings, added to the agent's own defaults.
    public var environment: [[UInt8]]
    /// Where the command starts; empty for the default, the home directory with a login shell and `/` with a command.
    public var directory: [UInt8]

    /// A request with these fields.
    public init(
        hasTerminal: Bool, rows: UInt16, columns: UInt16, arguments: [[UInt8]], environment: [[UInt8]],
        directory: [UInt8]
    ) {
        self.hasTerminal = hasTerminal
        self.rows = rows
        self.columns = columns
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
    }

    /// Reads a request from its payload; nil for one that is cut short.
    public init?(payload: [UInt8]) {
        var reader = PayloadReader(payload)
        guard let flags = reader.byte(), let rows = reader.short(), let columns = reader.short(),
            let arguments = reader.strings(), let environment = reader.strings(), let directory = reader.string()
        else { return nil }
        self.init(
            hasTerminal: flags & 1 != 0, rows: rows, columns: columns, arguments: arguments, environment: environment,
            directory: directory)
    }

    /// The request as a payload.
    public var payload: [UInt8] {
        var writer = PayloadWriter()
        writer.append(UInt8(hasTerminal ? 1 : 0))
        writer.append(rows)
        writer.append(columns)
        writer.append(arguments)
        writer.append(environment)
        writer.append(directory)
        return writer.bytes
    }
}
