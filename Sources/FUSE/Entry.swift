/// The reply to LOOKUP and to everything that makes a name: `struct fuse_entry_out`.
@frozen
public struct EntryOut: WireStructure {
    /// What the name stands for; none for a negative entry.
    public var node: NodeID = .none
    /// Tells two inodes with one node id apart.
    public var generation: UInt64 = 0
    /// How long the guest may believe the name, seconds: `entry_valid`.
    public var entrySeconds: UInt64 = 0
    /// How long the guest may believe the attributes, seconds: `attr_valid`.
    public var attrSeconds: UInt64 = 0
    /// Of the name, nanoseconds.
    public var entryNanoseconds: UInt32 = 0
    /// Of the attributes, nanoseconds.
    public var attrNanoseconds: UInt32 = 0
    /// The attributes.
    public var attributes: Attr = Attr()

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// FORGET: `struct fuse_forget_in`.
@frozen
public struct ForgetIn: WireStructure {
    /// References given back: `nlookup`.
    public var count: UInt64 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// One node of a BATCH_FORGET: `struct fuse_forget_one`.
@frozen
public struct ForgetOne: WireStructure {
    /// The node.
    public var node: NodeID = .none
    /// References given back: `nlookup`.
    public var count: UInt64 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// BATCH_FORGET, followed by `count` structures: `struct fuse_batch_forget_in`.
@frozen
public struct BatchForgetIn: WireStructure {
    /// How many nodes follow.
    public var count: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// MKNOD, followed by a name: `struct fuse_mknod_in`.
@frozen
public struct MknodIn: WireStructure {
    /// File type and permissions.
    public var mode: UInt32 = 0
    /// What a device node stands for: `rdev`.
    public var device: UInt32 = 0
    /// The caller's umask.
    public var umask: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// MKDIR, followed by a name: `struct fuse_mkdir_in`.
@frozen
public struct MkdirIn: WireStructure {
    /// Permissions.
    public var mode: UInt32 = 0
    /// The caller's umask.
    public var umask: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// RENAME, followed by the old and the new name: `struct fuse_rename_in`.
@frozen
public struct RenameIn: WireStructure {
    /// The directory of the new name: `newdir`.
    public var newParent: NodeID = .none

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// RENAME2, followed by the old and the new name: `struct fuse_rename2_in`.
@frozen
public struct Rename2In: WireStructure {
    /// The directory of the new name: `newdir`.
    public var newParent: NodeID = .none
    /// `RENAME_*` of renameat2(2).
    public var flags: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// LINK, followed by the new name: `struct fuse_link_in`.
@frozen
public struct LinkIn: WireStructure {
    /// What is to get another name: `oldnodeid`.
    public var target: NodeID = .none

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}
