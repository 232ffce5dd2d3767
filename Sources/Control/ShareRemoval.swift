/// The parameters of ``ControlRequest/removeShare(_:)``.
public struct ShareRemoval: Codable, Equatable, Sendable {
    /// Which share: a target of it, its host directory, or its subname. Of a share with several targets, a target names that
    /// one alone.
    public var share: String
    /// Whether a target that is in use is unmounted all the same: who uses it keeps what they have open.
    public var force: Bool?
    /// Whether all that the guest still has open of it fails from now on, with ESTALE. Implies `force`.
    public var revoke: Bool?
    /// Seconds that the guest may take; 10 when nil.
    public var timeout: Double?

    /// A removal.
    public init(share: String, force: Bool? = nil, revoke: Bool? = nil, timeout: Double? = nil) {
        self.share = share
        self.force = force
        self.revoke = revoke
        self.timeout = timeout
    }
}

/// What came of a ``ShareRemoval``.
public struct RemovedShare: Codable, Equatable, Sendable {
    /// The host directory.
    public var source: String
    /// The targets that the guest does not have any more.
    public var targets: [String]
    /// Whether the share itself is gone; else it has targets left.
    public var isGone: Bool
    /// Milliseconds that it took.
    public var milliseconds: Double

    /// A removal's result.
    public init(source: String, targets: [String], isGone: Bool, milliseconds: Double) {
        self.source = source
        self.targets = targets
        self.isGone = isGone
        self.milliseconds = milliseconds
    }
}
