/// What stat(2) shows of an inode: `struct fuse_attr`.
@frozen
public struct Attr: WireStructure {
    /// The inode number.
    public var inode: UInt64 = 0
    /// In bytes.
    public var size: UInt64 = 0
    /// In units of 512 bytes.
    public var blocks: UInt64 = 0
    /// Last access, seconds; two's complement before 1970.
    public var atime: UInt64 = 0
    /// Last change of content, seconds.
    public var mtime: UInt64 = 0
    /// Last change of attributes, seconds.
    public var ctime: UInt64 = 0
    /// Last access, nanoseconds.
    public var atimeNanoseconds: UInt32 = 0
    /// Last change of content, nanoseconds.
    public var mtimeNanoseconds: UInt32 = 0
    /// Last change of attributes, nanoseconds.
    public var ctimeNanoseconds: UInt32 = 0
    /// File type and permissions.
    public var mode: UInt32 = 0
    /// Names of the inode: `nlink`.
    public var linkCount: UInt32 = 0
    /// Owner.
    public var uid: UInt32 = 0
    /// Group.
    public var gid: UInt32 = 0
    /// What a device node stands for, in the encoding of `new_encode_dev`: `rdev`.
    public var device: UInt32 = 0
    /// Preferred size of a transfer.
    public var blockSize: UInt32 = 0
    /// `FUSE_ATTR_*`.
    public var flags: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// The reply to GETATTR and SETATTR: `struct fuse_attr_out`.
@frozen
public struct AttrOut: WireStructure {
    /// How long the guest may believe the attributes, seconds: `attr_valid`.
    public var validSeconds: UInt64 = 0
    /// The same, nanoseconds.
    public var validNanoseconds: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0
    /// The attributes.
    public var attributes: Attr = Attr()

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// GETATTR: `struct fuse_getattr_in`.
@frozen
public struct GetattrIn: WireStructure {
    /// Bit 0: `handle` is valid (`FUSE_GETATTR_FH`).
    public var flags: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0
    /// The open file.
    public var handle: HandleID = .none

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// Which fields of a SETATTR are to be applied: `FATTR_*`.
@frozen
public struct SetattrFields: OptionSet, BitwiseCopyable, Sendable {
    /// The bits on the wire.
    public var rawValue: UInt32

    /// Makes a set of raw bits, known or not.
    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Permissions.
    @inlinable
    public static var mode: SetattrFields { SetattrFields(rawValue: 1 << 0) }

    /// Owner.
    @inlinable
    public static var uid: SetattrFields { SetattrFields(rawValue: 1 << 1) }

    /// Group.
    @inlinable
    public static var gid: SetattrFields { SetattrFields(rawValue: 1 << 2) }

    /// Size.
    @inlinable
    public static var size: SetattrFields { SetattrFields(rawValue: 1 << 3) }

    /// Access time.
    @inlinable
    public static var atime: SetattrFields { SetattrFields(rawValue: 1 << 4) }

    /// Modification time.
    @inlinable
    public static var mtime: SetattrFields { SetattrFields(rawValue: 1 << 5) }

    /// The handle is valid.
    @inlinable
    public static var handle: SetattrFields { SetattrFields(rawValue: 1 << 6) }

    /// Access time is now.
    @inlinable
    public static var atimeNow: SetattrFields { SetattrFields(rawValue: 1 << 7) }

    /// Modification time is now.
    @inlinable
    public static var mtimeNow: SetattrFields { SetattrFields(rawValue: 1 << 8) }

    /// The lock owner is valid.
    @inlinable
    public static var lockOwner: SetattrFields { SetattrFields(rawValue: 1 << 9) }

    /// Change time; sent with a write-back cache only.
    @inlinable
    public static var ctime: SetattrFields { SetattrFields(rawValue: 1 << 10) }

    /// Set-user-ID and set-group-ID are to be cleared: `FATTR_KILL_SUIDGID`.
    @inlinable
    public static var killPrivileges: SetattrFields { SetattrFields(rawValue: 1 << 11) }
}

/// SETATTR: `struct fuse_setattr_in`.
@frozen
public struct SetattrIn: WireStructure {
    /// Which of the fields below are valid: `valid`.
    public var fields: SetattrFields = []
    /// Unused.
    public var padding: UInt32 = 0
    /// The open file.
    public var handle: HandleID = .none
    /// In bytes.
    public var size: UInt64 = 0
    /// Who asks, for mandatory locks.
    public var lockOwner: UInt64 = 0
    /// Seconds.
    public var atime: UInt64 = 0
    /// Seconds.
    public var mtime: UInt64 = 0
    /// Seconds.
    public var ctime: UInt64 = 0
    /// Nanoseconds.
    public var atimeNanoseconds: UInt32 = 0
    /// Nanoseconds.
    public var mtimeNanoseconds: UInt32 = 0
    /// Nanoseconds.
    public var ctimeNanoseconds: UInt32 = 0
    /// Permissions.
    public var mode: UInt32 = 0
    /// Unused.
    public var unused4: UInt32 = 0
    /// Owner.
    public var uid: UInt32 = 0
    /// Group.
    public var gid: UInt32 = 0
    /// Unused.
    public var unused5: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}
