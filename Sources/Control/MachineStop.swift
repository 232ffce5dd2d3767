/// The parameters of ``ControlRequest/stop(_:)``.
public struct MachineStop: Codable, Equatable, Sendable {
    /// Seconds that the guest may take to power off before it is ended; ``defaultTimeout`` when nil.
    public var timeout: Double?

    /// Seconds that a guest gets where a request does not say.
    public static let defaultTimeout = 10.0

    /// A stop.
    public init(timeout: Double? = nil) {
        self.timeout = timeout
    }
}

/// What came of a ``MachineStop``.
public struct StoppedMachine: Codable, Equatable, Sendable {
    /// Whether the guest did not power off in time and was ended: what it had not written yet is lost.
    public var isForced: Bool

    /// A stop's result.
    public init(isForced: Bool) {
        self.isForced = isForced
    }
}
