/// The server's number for an inode that the guest knows: `nodeid` of the protocol.
@frozen
public struct NodeID: RawRepresentable, Hashable, BitwiseCopyable, Sendable {
    /// The number on the wire.
    public var rawValue: UInt64

    /// Makes an id of a number.
    @inlinable
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The root of the file system, which the guest knows without a lookup: `FUSE_ROOT_ID`.
    @inlinable
    public static var root: NodeID { NodeID(rawValue: 1) }

    /// No node: a negative entry, or an entry that the guest is not to remember.
    @inlinable
    public static var none: NodeID { NodeID(rawValue: 0) }
}

/// The server's number for an open file or directory: `fh` of the protocol.
@frozen
public struct HandleID: RawRepresentable, Hashable, BitwiseCopyable, Sendable {
    /// The number on the wire.
    public var rawValue: UInt64

    /// Makes an id of a number.
    @inlinable
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// No handle.
    @inlinable
    public static var none: HandleID { HandleID(rawValue: 0) }
}
