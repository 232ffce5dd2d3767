/// A time of STATX: `struct fuse_sx_time`.
@frozen
public struct StatxTime: WireStructure {
    /// Since 1970.
    public var seconds: Int64 = 0
    /// 0 to 999,999,999.
    public var nanoseconds: UInt32 = 0
    /// Unused.
    public var padding: Int32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// STATX: `struct fuse_statx_in`.
@frozen
public struct StatxIn: WireStructure {
    /// Bit 0: `handle` is valid (`FUSE_GETATTR_FH`).
    public var flags: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0
    /// The open file.
    public var handle: HandleID = .none
    /// `AT_STATX_*`: `sx_flags`.
    public var lookupFlags: UInt32 = 0
    /// The `STATX_*` fields that are wanted: `sx_mask`.
    public var mask: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// What statx(2) shows of an inode: `struct fuse_statx`.
@frozen
public struct StatxAttributes: WireStructure {
    /// The `STATX_*` fields that are filled.
    public var mask: UInt32 = 0
    /// Preferred size of a transfer.
    public var blockSize: UInt32 = 0
    /// `STATX_ATTR_*`.
    public var attributes: UInt64 = 0
    /// Names of the inode.
    public var linkCount: UInt32 = 0
    /// Owner.
    public var uid: UInt32 = 0
    /// Group.
    public var gid: UInt32 = 0
    /// File type and permissions.
    public var mode: UInt16 = 0
    /// Unused.
    public var padding: UInt16 = 0
    /// The inode number.
    public var inode: UInt64 = 0
    /// In bytes.
    public var size: UInt64 = 0
    /// In units of 512 bytes.
    public var blocks: UInt64 = 0
    /// The `STATX_ATTR_*` that are known.
    public var attributesMask: UInt64 = 0
    /// Last access.
    public var atime: StatxTime = StatxTime()
    /// Creation.
    public var btime: StatxTime = StatxTime()
    /// Last change of attributes.
    public var ctime: StatxTime = StatxTime()
    /// Last change of content.
    public var mtime: StatxTime = StatxTime()
    /// Of a device node: `rdev_major`.
    public var deviceMajor: UInt32 = 0
    /// Of a device node: `rdev_minor`.
    public var deviceMinor: UInt32 = 0
    /// Unused by the guest: `dev_major`.
    public var fileSystemMajor: UInt32 = 0
    /// Unused by the guest: `dev_minor`.
    public var fileSystemMinor: UInt32 = 0
    /// Unused.
    public var spare0: UInt64 = 0
    /// Unused.
    public var spare1: UInt64 = 0
    /// Unused.
    public var spare2: UInt64 = 0
    /// Unused.
    public var spare3: UInt64 = 0
    /// Unused.
    public var spare4: UInt64 = 0
    /// Unused.
    public var spare5: UInt64 = 0
    /// Unused.
    public var spare6: UInt64 = 0
    /// Unused.
    public var spare7: UInt64 = 0
    /// Unused.
    public var spare8: UInt64 = 0
    /// Unused.
    public var spare9: UInt64 = 0
    /// Unused.
    public var spare10: UInt64 = 0
    /// Unused.
    public var spare11: UInt64 = 0
    /// Unused.
    public var spare12: UInt64 = 0
    /// Unused.
    public var spare13: UInt64 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// The reply to STATX: `struct fuse_statx_out`.
@frozen
public struct StatxOut: WireStructure {
    /// How long the guest may believe the attributes, seconds.
    public var validSeconds: UInt64 = 0
    /// The same, nanoseconds.
    public var validNanoseconds: UInt32 = 0
    /// Unused.
    public var flags: UInt32 = 0
    /// Unused.
    public var spare0: UInt64 = 0
    /// Unused.
    public var spare1: UInt64 = 0
    /// The attributes.
    public var attributes: StatxAttributes = StatxAttributes()

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}
