/// The start of every request: `struct fuse_in_header`.
@frozen
public struct InHeader: WireStructure {
    /// Bytes of the whole request, this header included: `len`.
    public var length: UInt32 = 0
    /// What is asked for.
    public var opcode: Opcode = Opcode(rawValue: 0)
    /// The number that the reply repeats.
    public var unique: UInt64 = 0
    /// What it is asked of: `nodeid`.
    public var node: NodeID = .none
    /// The calling process's file-system user.
    public var uid: UInt32 = 0
    /// The calling process's file-system group.
    public var gid: UInt32 = 0
    /// The calling process.
    public var pid: UInt32 = 0
    /// Bytes of extensions at the request's end, in units of 8: `total_extlen`.
    public var extensionLength: UInt16 = 0
    /// Unused.
    public var padding: UInt16 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// The start of an extension at a request's end, `struct fuse_ext_header`, and what follows in that of a supplementary
/// group: `struct fuse_supp_groups` with its only group.
@frozen
public struct ExtensionHead: WireStructure {
    /// Bytes of the extension, this included; a multiple of 8.
    public var size: UInt32 = 0
    /// What it is; a small number of labels, or `groups`.
    public var type: UInt32 = 0
    /// How many groups follow.
    public var groupCount: UInt32 = 0
    /// The group.
    public var group: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}

    /// Bytes of what all extensions begin with: size and type, or of labels size and number.
    @inlinable
    public static var commonByteCount: Int { 8 }

    /// `FUSE_MAX_NR_SECCTX`: the most labels; greater types are other extensions.
    @inlinable
    public static var mostLabels: UInt32 { 31 }

    /// `FUSE_EXT_GROUPS`.
    @inlinable
    public static var groups: UInt32 { 32 }
}

/// The start of every reply: `struct fuse_out_header`.
@frozen
public struct OutHeader: WireStructure {
    /// Bytes of the whole reply, this header included: `len`.
    public var length: UInt32 = 0
    /// 0, or a negated errno; then nothing follows.
    public var error: Int32 = 0
    /// The number of the request.
    public var unique: UInt64 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}
