/// The reply to STATFS: `struct fuse_statfs_out`.
@frozen
public struct StatfsOut: WireStructure {
    /// Size, in `fragmentSize`.
    public var blocks: UInt64 = 0
    /// Free: `bfree`.
    public var freeBlocks: UInt64 = 0
    /// Free to ordinary users: `bavail`.
    public var availableBlocks: UInt64 = 0
    /// Inodes.
    public var files: UInt64 = 0
    /// Inodes that are free: `ffree`.
    public var freeFiles: UInt64 = 0
    /// Preferred size of a transfer: `bsize`.
    public var blockSize: UInt32 = 0
    /// Longest name: `namelen`.
    public var nameLength: UInt32 = 0
    /// Unit of the counts: `frsize`.
    public var fragmentSize: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0
    /// Unused.
    public var spare0: UInt32 = 0
    /// Unused.
    public var spare1: UInt32 = 0
    /// Unused.
    public var spare2: UInt32 = 0
    /// Unused.
    public var spare3: UInt32 = 0
    /// Unused.
    public var spare4: UInt32 = 0
    /// Unused.
    public var spare5: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}
