/// What a client has to say to a command that it executes: the parameters of ``ControlRequest/notify(_:)``, by method.
public struct CommandNotice: Equatable, Sendable {
    /// What it says.
    public enum Content: Equatable, Sendable {
        /// `exec.resize`: the command's terminal has another size.
        case resize(rows: UInt16, columns: UInt16)
        /// `exec.signal`: a signal for the command's process group, 1 to 64.
        case signal(UInt8)
    }

    /// The id of the `exec` that runs the command, as it was sent on the same connection.
    public var exec: RequestID
    /// What to tell it.
    public var content: Content

    /// A notice.
    public init(exec: RequestID, _ content: Content) {
        self.exec = exec
        self.content = content
    }
}

extension CommandNotice: Codable {
    private enum Key: String, CodingKey {
        case exec, rows, columns, signal
    }

    /// Reads a notice; which one, its members tell.
    ///
    /// - Throws: `DecodingError` where a member is missing, or is none.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        exec = try container.decode(RequestID.self, forKey: .exec)
        if container.contains(.signal) {
            let number = try container.decode(UInt8.self, forKey: .signal)
            guard (1...64).contains(number) else {
                throw DecodingError.dataCorruptedError(forKey: .signal, in: container, debugDescription: "no signal")
            }
            content = .signal(number)
        } else {
            content = .resize(
                rows: try container.decode(UInt16.self, forKey: .rows),
                columns: try container.decode(UInt16.self, forKey: .columns))
        }
    }

    /// Writes the members of the notice.
    ///
    /// - Throws: What the encoder does.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(exec, forKey: .exec)
        switch content {
        case .resize(let rows, let columns):
            try container.encode(rows, forKey: .rows)
            try container.encode(columns, forKey: .columns)
        case .signal(let number): try container.encode(number, forKey: .signal)
        }
    }
}
