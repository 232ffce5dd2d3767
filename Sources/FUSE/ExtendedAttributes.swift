/// SETXATTR, followed by a name and the value: `struct fuse_setxattr_in` in its 8-byte form, the one that is used unless
/// SETXATTR_EXT is negotiated.
@frozen
public struct SetxattrIn: WireStructure {
    /// Bytes of the value.
    public var size: UInt32 = 0
    /// `XATTR_*` of setxattr(2).
    public var flags: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// What follows in a SETXATTR where SETXATTR_EXT is negotiated: the rest of `struct fuse_setxattr_in`.
@frozen
public struct SetxattrExtension: WireStructure {
    /// Bit 0: clear set-group-ID, for an access control list that is set by somebody who may not keep it
    /// (`FUSE_SETXATTR_ACL_KILL_SGID`).
    public var setxattrFlags: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// GETXATTR, followed by a name, and LISTXATTR: `struct fuse_getxattr_in`.
@frozen
public struct GetxattrIn: WireStructure {
    /// Room for the value; 0 to ask for its size.
    public var size: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// The reply to a GETXATTR or LISTXATTR that asks for a size: `struct fuse_getxattr_out`.
@frozen
public struct GetxattrOut: WireStructure {
    /// Bytes needed.
    public var size: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}
