/// The parameters of ``ControlRequest/stop(_:)``.
public struct MachineStop: Codable, Equatable, Sendable {
    /// Seconds that the guest may take to power off before it is ended; 10 when nil.
    public var timeout: Double?

    /// A stop.
    public init(timeout: Double? = nil) {
        self.timeout = timeout
    }
}
