/// The parameters of ``ControlRequest/addShare(_:)``: a host directory or file that the guest is to have.
public struct ShareAddition: Codable, Equatable, Sendable {
    /// The host directory or file, absolute.
    public var source: String
    /// Where the guest is to have it, absolute; nil for the same path as on the host, or for nowhere but the aggregate where
    /// the guest mounts that by itself.
    public var target: String?
    /// What the guest may do: `rw`, or `ro`; `rw` when nil.
    public var access: String?
    /// Its name in the aggregate; made of path and access when nil.
    public var name: String?
    /// How it is served, as `sheaf run` takes it behind a share's paths: `locks=host`, `acl`.
    public var options: [String]?
    /// Seconds that the guest may take; 10 when nil.
    public var timeout: Double?

    /// An addition.
    public init(
        source: String, target: String? = nil, access: String? = nil, name: String? = nil,
        options: [String]? = nil, timeout: Double? = nil
    ) {
        self.source = source
        self.target = target
        self.access = access
        self.name = name
        self.options = options
        self.timeout = timeout
    }
}

/// What came of a ``ShareAddition``: the share, and what adding it took.
public struct AddedShare: Codable, Equatable, Sendable {
    /// The share as it is now.
    public var share: ShareStatus
    /// Where the guest has it now, of all its targets; nil where the guest mounts the aggregate by itself.
    public var target: String?
    /// Whether the share was not there before; else it got a target more, or nothing.
    public var isNew: Bool
    /// Whether its aggregate's device was plugged in for it.
    public var isHotPlugged: Bool
    /// The line to type in the guest to see it, where no agent does that.
    public var mountCommand: String?
    /// Milliseconds until the host served it.
    public var hostMilliseconds: Double
    /// Milliseconds until the guest had it.
    public var milliseconds: Double

    /// An addition's result.
    public init(
        share: ShareStatus, target: String?, isNew: Bool, isHotPlugged: Bool, mountCommand: String?,
        hostMilliseconds: Double, milliseconds: Double
    ) {
        self.share = share
        self.target = target
        self.isNew = isNew
        self.isHotPlugged = isHotPlugged
        self.mountCommand = mountCommand
        self.hostMilliseconds = hostMilliseconds
        self.milliseconds = milliseconds
    }
}
