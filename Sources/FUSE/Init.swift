/// INIT as far as every guest sends it: the first 16 bytes of `struct fuse_init_in`.
@frozen
public struct InitIn: WireStructure {
    /// Protocol version, major.
    public var major: UInt32 = 0
    /// Protocol version, minor.
    public var minor: UInt32 = 0
    /// Most bytes read ahead.
    public var maxReadahead: UInt32 = 0
    /// The first word of flags.
    public var flags: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// What follows in an INIT with INIT_EXT: the rest of `struct fuse_init_in`.
@frozen
public struct InitExtension: WireStructure {
    /// The second word of flags.
    public var flags2: UInt32 = 0
    /// Unused.
    public var unused0: UInt32 = 0
    /// Unused.
    public var unused1: UInt32 = 0
    /// Unused.
    public var unused2: UInt32 = 0
    /// Unused.
    public var unused3: UInt32 = 0
    /// Unused.
    public var unused4: UInt32 = 0
    /// Unused.
    public var unused5: UInt32 = 0
    /// Unused.
    public var unused6: UInt32 = 0
    /// Unused.
    public var unused7: UInt32 = 0
    /// Unused.
    public var unused8: UInt32 = 0
    /// Unused.
    public var unused9: UInt32 = 0
    /// Unused.
    public var unused10: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// The reply to INIT since 7.23: `struct fuse_init_out`.
@frozen
public struct InitOut: WireStructure {
    /// Protocol version, major.
    public var major: UInt32 = 0
    /// Protocol version, minor.
    public var minor: UInt32 = 0
    /// Most bytes read ahead.
    public var maxReadahead: UInt32 = 0
    /// The first word of flags.
    public var flags: UInt32 = 0
    /// Most background requests at once.
    public var maxBackground: UInt16 = 0
    /// From how many on the guest holds back.
    public var congestionThreshold: UInt16 = 0
    /// Most bytes of a WRITE.
    public var maxWrite: UInt32 = 0
    /// Of timestamps, in nanoseconds: `time_gran`.
    public var timeGranularity: UInt32 = 0
    /// Most pages of a request.
    public var maxPages: UInt16 = 0
    /// DAX.
    public var mapAlignment: UInt16 = 0
    /// The second word of flags.
    public var flags2: UInt32 = 0
    /// Unused.
    public var unused0: UInt32 = 0
    /// Unused.
    public var unused1: UInt32 = 0
    /// Unused.
    public var unused2: UInt32 = 0
    /// Unused.
    public var unused3: UInt32 = 0
    /// Unused.
    public var unused4: UInt32 = 0
    /// Unused.
    public var unused5: UInt32 = 0
    /// Unused.
    public var unused6: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}
