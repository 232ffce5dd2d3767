/// OPEN and OPENDIR: `struct fuse_open_in`.
@frozen
public struct OpenIn: WireStructure {
    /// `O_*` of open(2).
    public var flags: UInt32 = 0
    /// Bit 0: clear set-user-ID and set-group-ID (`FUSE_OPEN_KILL_SUIDGID`).
    public var openFlags: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// CREATE and TMPFILE, followed by a name: `struct fuse_create_in`.
@frozen
public struct CreateIn: WireStructure {
    /// `O_*` of open(2).
    public var flags: UInt32 = 0
    /// Permissions of a new file.
    public var mode: UInt32 = 0
    /// The caller's umask.
    public var umask: UInt32 = 0
    /// Bit 0: clear set-user-ID and set-group-ID (`FUSE_OPEN_KILL_SUIDGID`).
    public var openFlags: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// How the guest is to treat an open file: `FOPEN_*`.
@frozen
public struct OpenReplyFlags: OptionSet, BitwiseCopyable, Sendable {
    /// The bits on the wire.
    public var rawValue: UInt32

    /// Makes a set of raw bits, known or not.
    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Bypass the page cache.
    @inlinable
    public static var directIO: OpenReplyFlags { OpenReplyFlags(rawValue: 1 << 0) }

    /// Cached pages are still good.
    @inlinable
    public static var keepCache: OpenReplyFlags { OpenReplyFlags(rawValue: 1 << 1) }

    /// No offsets.
    @inlinable
    public static var nonSeekable: OpenReplyFlags { OpenReplyFlags(rawValue: 1 << 2) }

    /// The listing may be cached.
    @inlinable
    public static var cacheDirectory: OpenReplyFlags { OpenReplyFlags(rawValue: 1 << 3) }

    /// No file position.
    @inlinable
    public static var stream: OpenReplyFlags { OpenReplyFlags(rawValue: 1 << 4) }

    /// No FLUSH at close(2).
    @inlinable
    public static var noFlush: OpenReplyFlags { OpenReplyFlags(rawValue: 1 << 5) }

    /// Direct writes need no lock.
    @inlinable
    public static var parallelDirectWrites: OpenReplyFlags { OpenReplyFlags(rawValue: 1 << 6) }
}

/// The reply to OPEN, OPENDIR, and the end of that to CREATE: `struct fuse_open_out`.
@frozen
public struct OpenOut: WireStructure {
    /// The handle.
    public var handle: HandleID = .none
    /// How to treat it: `open_flags`.
    public var flags: OpenReplyFlags = []
    /// Unused.
    public var padding: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// The reply to CREATE and TMPFILE: an entry and an open file.
@frozen
public struct CreateOut: WireStructure {
    /// The new name.
    public var entry: EntryOut = EntryOut()
    /// The open file.
    public var open: OpenOut = OpenOut()

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// RELEASE and RELEASEDIR: `struct fuse_release_in`.
@frozen
public struct ReleaseIn: WireStructure {
    /// The handle.
    public var handle: HandleID = .none
    /// `O_*` of open(2).
    public var flags: UInt32 = 0
    /// `FUSE_RELEASE_*`.
    public var releaseFlags: UInt32 = 0
    /// Whose locks go.
    public var lockOwner: UInt64 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// FLUSH: `struct fuse_flush_in`.
@frozen
public struct FlushIn: WireStructure {
    /// The handle.
    public var handle: HandleID = .none
    /// Unused.
    public var unused: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0
    /// Whose locks go.
    public var lockOwner: UInt64 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// READ, READDIR and READDIRPLUS: `struct fuse_read_in`.
@frozen
public struct ReadIn: WireStructure {
    /// The handle.
    public var handle: HandleID = .none
    /// Where to start; in a directory, a cookie.
    public var offset: UInt64 = 0
    /// Most bytes wanted.
    public var size: UInt32 = 0
    /// `FUSE_READ_*`.
    public var readFlags: UInt32 = 0
    /// Who asks.
    public var lockOwner: UInt64 = 0
    /// `O_*` of the open file.
    public var flags: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// Circumstances of a WRITE: `FUSE_WRITE_*`.
@frozen
public struct WriteFlags: OptionSet, BitwiseCopyable, Sendable {
    /// The bits on the wire.
    public var rawValue: UInt32

    /// Makes a set of raw bits, known or not.
    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// From the page cache, with a guessed handle.
    @inlinable
    public static var cache: WriteFlags { WriteFlags(rawValue: 1 << 0) }

    /// The lock owner is valid.
    @inlinable
    public static var lockOwner: WriteFlags { WriteFlags(rawValue: 1 << 1) }

    /// Set-user-ID and set-group-ID are to be cleared.
    @inlinable
    public static var killPrivileges: WriteFlags { WriteFlags(rawValue: 1 << 2) }
}

/// WRITE, followed by the data: `struct fuse_write_in`.
@frozen
public struct WriteIn: WireStructure {
    /// The handle.
    public var handle: HandleID = .none
    /// Where to start.
    public var offset: UInt64 = 0
    /// Bytes that follow.
    public var size: UInt32 = 0
    /// Circumstances.
    public var writeFlags: WriteFlags = []
    /// Who asks.
    public var lockOwner: UInt64 = 0
    /// `O_*` of the open file.
    public var flags: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// The reply to WRITE and COPY_FILE_RANGE: `struct fuse_write_out`.
@frozen
public struct WriteOut: WireStructure {
    /// Bytes written.
    public var size: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// FSYNC and FSYNCDIR: `struct fuse_fsync_in`.
@frozen
public struct FsyncIn: WireStructure {
    /// The handle.
    public var handle: HandleID = .none
    /// Bit 0: data only (`FUSE_FSYNC_FDATASYNC`).
    public var flags: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// FALLOCATE: `struct fuse_fallocate_in`.
@frozen
public struct FallocateIn: WireStructure {
    /// The handle.
    public var handle: HandleID = .none
    /// Where to start.
    public var offset: UInt64 = 0
    /// How many bytes: `length`.
    public var size: UInt64 = 0
    /// `FALLOC_FL_*` of fallocate(2).
    public var mode: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// LSEEK: `struct fuse_lseek_in`.
@frozen
public struct LseekIn: WireStructure {
    /// The handle.
    public var handle: HandleID = .none
    /// Where to start.
    public var offset: UInt64 = 0
    /// `SEEK_*` of lseek(2).
    public var whence: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// The reply to LSEEK: `struct fuse_lseek_out`.
@frozen
public struct LseekOut: WireStructure {
    /// What was found.
    public var offset: UInt64 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// COPY_FILE_RANGE; the request's node is the source: `struct fuse_copy_file_range_in`.
@frozen
public struct CopyFileRangeIn: WireStructure {
    /// To read from: `fh_in`.
    public var sourceHandle: HandleID = .none
    /// Where to read: `off_in`.
    public var sourceOffset: UInt64 = 0
    /// The file to write: `nodeid_out`.
    public var target: NodeID = .none
    /// To write to: `fh_out`.
    public var targetHandle: HandleID = .none
    /// Where to write: `off_out`.
    public var targetOffset: UInt64 = 0
    /// How many bytes: `len`.
    public var size: UInt64 = 0
    /// Of copy_file_range(2).
    public var flags: UInt64 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// ACCESS: `struct fuse_access_in`.
@frozen
public struct AccessIn: WireStructure {
    /// `R_OK`, `W_OK`, `X_OK`.
    public var mask: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// IOCTL: `struct fuse_ioctl_in`.
@frozen
public struct IoctlIn: WireStructure {
    /// The handle.
    public var handle: HandleID = .none
    /// `FUSE_IOCTL_*`.
    public var flags: UInt32 = 0
    /// The request's number: `cmd`.
    public var command: UInt32 = 0
    /// The caller's pointer: `arg`.
    public var argument: UInt64 = 0
    /// Bytes that follow.
    public var inSize: UInt32 = 0
    /// Room in the reply.
    public var outSize: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// The start of the reply to IOCTL: `struct fuse_ioctl_out`. What was asked for follows.
@frozen
public struct IoctlOut: WireStructure {
    /// What ioctl(2) returns.
    public var result: Int32 = 0
    /// `FUSE_IOCTL_*`.
    public var flags: UInt32 = 0
    /// Of unrestricted ones.
    public var inVectors: UInt32 = 0
    /// Of unrestricted ones.
    public var outVectors: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// INTERRUPT: `struct fuse_interrupt_in`.
@frozen
public struct InterruptIn: WireStructure {
    /// The request to give up.
    public var unique: UInt64 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}
