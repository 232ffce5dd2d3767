/// A range that is locked or is to be: `struct fuse_file_lock`.
@frozen
public struct FileLock: WireStructure {
    /// The first byte.
    public var start: UInt64 = 0
    /// The last byte; 2^63 - 1 where there is no end.
    public var end: UInt64 = 0
    /// `F_RDLCK`, `F_WRLCK` or `F_UNLCK` of fcntl(2).
    public var type: UInt32 = 0
    /// The process that holds it.
    public var pid: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// GETLK, SETLK and SETLKW: `struct fuse_lk_in`.
@frozen
public struct LkIn: WireStructure {
    /// The handle.
    public var handle: HandleID = .none
    /// Who asks: a process for a range, an open file for flock(2).
    public var owner: UInt64 = 0
    /// What is asked for.
    public var lock: FileLock = FileLock()
    /// Bit 0: the whole file, as flock(2) locks it (`FUSE_LK_FLOCK`).
    public var flags: UInt32 = 0
    /// Unused.
    public var padding: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// The reply to GETLK: `struct fuse_lk_out`.
@frozen
public struct LkOut: WireStructure {
    /// A lock in the way; of type `F_UNLCK` when there is none.
    public var lock: FileLock = FileLock()

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}
