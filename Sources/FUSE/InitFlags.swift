/// What both sides of a session can do: the `FUSE_*` capabilities of INIT, both words in one.
@frozen
public struct InitFlags: OptionSet, BitwiseCopyable, Sendable {
    /// The bits on the wire.
    public var rawValue: UInt64

    /// Makes a set of raw bits, known or not.
    @inlinable
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Several reads of a file at once: `FUSE_ASYNC_READ`.
    @inlinable
    public static var asyncRead: InitFlags { InitFlags(rawValue: 1 << 0) }

    /// POSIX locks are sent here.
    @inlinable
    public static var posixLocks: InitFlags { InitFlags(rawValue: 1 << 1) }

    /// O_TRUNC is sent with OPEN: `FUSE_ATOMIC_O_TRUNC`.
    @inlinable
    public static var atomicTruncate: InitFlags { InitFlags(rawValue: 1 << 3) }

    /// LOOKUP of "." and "..".
    @inlinable
    public static var exportSupport: InitFlags { InitFlags(rawValue: 1 << 4) }

    /// Writes beyond one page.
    @inlinable
    public static var bigWrites: InitFlags { InitFlags(rawValue: 1 << 5) }

    /// The server applies the umask.
    @inlinable
    public static var dontMask: InitFlags { InitFlags(rawValue: 1 << 6) }

    /// flock(2) locks are sent here.
    @inlinable
    public static var flockLocks: InitFlags { InitFlags(rawValue: 1 << 10) }

    /// ioctl(2) on directories: `FUSE_HAS_IOCTL_DIR`.
    @inlinable
    public static var ioctlDirectory: InitFlags { InitFlags(rawValue: 1 << 11) }

    /// A changed mtime or size drops cached pages: `FUSE_AUTO_INVAL_DATA`.
    @inlinable
    public static var autoInvalidateData: InitFlags { InitFlags(rawValue: 1 << 12) }

    /// READDIRPLUS: `FUSE_DO_READDIRPLUS`.
    @inlinable
    public static var readdirplus: InitFlags { InitFlags(rawValue: 1 << 13) }

    /// READDIRPLUS only where it pays.
    @inlinable
    public static var readdirplusAuto: InitFlags { InitFlags(rawValue: 1 << 14) }

    /// Asynchronous direct I/O: `FUSE_ASYNC_DIO`.
    @inlinable
    public static var asyncDirectIO: InitFlags { InitFlags(rawValue: 1 << 15) }

    /// The guest buffers writes.
    @inlinable
    public static var writebackCache: InitFlags { InitFlags(rawValue: 1 << 16) }

    /// OPEN may be answered ENOSYS.
    @inlinable
    public static var noOpenSupport: InitFlags { InitFlags(rawValue: 1 << 17) }

    /// Lookups and listings of one directory at once: `FUSE_PARALLEL_DIROPS`.
    @inlinable
    public static var parallelDirectoryOperations: InitFlags { InitFlags(rawValue: 1 << 18) }

    /// The server clears privileges on write, first version.
    @inlinable
    public static var handleKillPrivileges: InitFlags { InitFlags(rawValue: 1 << 19) }

    /// POSIX ACLs.
    @inlinable
    public static var posixACL: InitFlags { InitFlags(rawValue: 1 << 20) }

    /// Only of /dev/fuse.
    @inlinable
    public static var abortError: InitFlags { InitFlags(rawValue: 1 << 21) }

    /// `maxPages` of the reply is valid.
    @inlinable
    public static var maxPages: InitFlags { InitFlags(rawValue: 1 << 22) }

    /// Links' targets are cached.
    @inlinable
    public static var cacheSymlinks: InitFlags { InitFlags(rawValue: 1 << 23) }

    /// OPENDIR may be answered ENOSYS.
    @inlinable
    public static var noOpendirSupport: InitFlags { InitFlags(rawValue: 1 << 24) }

    /// Cached pages are dropped on request only.
    @inlinable
    public static var explicitInvalidateData: InitFlags { InitFlags(rawValue: 1 << 25) }

    /// DAX.
    @inlinable
    public static var mapAlignment: InitFlags { InitFlags(rawValue: 1 << 26) }

    /// Attributes may announce a mount.
    @inlinable
    public static var submounts: InitFlags { InitFlags(rawValue: 1 << 27) }

    /// The server clears privileges when asked: `FUSE_HANDLE_KILLPRIV_V2`.
    @inlinable
    public static var handleKillPrivilegesV2: InitFlags { InitFlags(rawValue: 1 << 28) }

    /// SETXATTR has 16 bytes.
    @inlinable
    public static var setxattrExtended: InitFlags { InitFlags(rawValue: 1 << 29) }

    /// The second word of flags is valid: `FUSE_INIT_EXT`.
    @inlinable
    public static var extended: InitFlags { InitFlags(rawValue: 1 << 30) }

    /// Labels come with creation.
    @inlinable
    public static var securityContext: InitFlags { InitFlags(rawValue: 1 << 32) }

    /// DAX per inode.
    @inlinable
    public static var inodeDAX: InitFlags { InitFlags(rawValue: 1 << 33) }

    /// The parent's group comes with creation.
    @inlinable
    public static var createSupplementaryGroup: InitFlags { InitFlags(rawValue: 1 << 34) }

    /// Only of /dev/fuse.
    @inlinable
    public static var expireOnly: InitFlags { InitFlags(rawValue: 1 << 35) }

    /// Files opened for direct I/O can be mapped: `FUSE_DIRECT_IO_ALLOW_MMAP`.
    @inlinable
    public static var directIOAllowMmap: InitFlags { InitFlags(rawValue: 1 << 36) }

    /// Only of /dev/fuse.
    @inlinable
    public static var passthrough: InitFlags { InitFlags(rawValue: 1 << 37) }

    /// File handles are refused.
    @inlinable
    public static var noExportSupport: InitFlags { InitFlags(rawValue: 1 << 38) }

    /// Only of /dev/fuse.
    @inlinable
    public static var resend: InitFlags { InitFlags(rawValue: 1 << 39) }

    /// Requests come without ids.
    @inlinable
    public static var allowIDMap: InitFlags { InitFlags(rawValue: 1 << 40) }

    /// Joins the two words of an INIT.
    @inlinable
    public init(low: UInt32, high: UInt32) { rawValue = UInt64(high) << 32 | UInt64(low) }

    /// The first word.
    @inlinable
    public var low: UInt32 { UInt32(truncatingIfNeeded: rawValue) }

    /// The second word.
    @inlinable
    public var high: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }
}
