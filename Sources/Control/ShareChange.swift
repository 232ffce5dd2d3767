/// The parameters of ``ControlRequest/changeShare(_:)``: answered, as an addition, by an ``AddedShare``.
public struct ShareChange: Codable, Equatable, Sendable {
    /// Which share: a target of it, its host directory, or its subname.
    public var share: String
    /// Where the guest is to have it in place of the target that it has; as it is when nil.
    public var target: String?
    /// What the guest may do from now on, `rw` or `ro`; as it is when nil. The share moves to the other aggregate.
    public var access: String?
    /// Whether a target that is in use is unmounted all the same.
    public var force: Bool?
    /// Seconds that the guest may take; 10 when nil.
    public var timeout: Double?

    /// A change.
    public init(
        share: String, target: String? = nil, access: String? = nil, force: Bool? = nil, timeout: Double? = nil
    ) {
        self.share = share
        self.target = target
        self.access = access
        self.force = force
        self.timeout = timeout
    }
}
