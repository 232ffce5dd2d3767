internal import FUSE

/// How one share is served.
public struct ChildOptions: Equatable, Sendable {
    /// Whether what belongs to people rather than to the system is hidden: for the host's own root directory.
    ///
    /// The top-level `home root run tmp mnt media srv`, and every file system that is mounted outside
    /// `usr opt nix gnu etc var`, then appear as empty directories.
    public var hidesPersonalData: Bool
    /// Who sees the locks that programs in the guest take on files of the share.
    ///
    /// A device asks for locks when its guest mounts it, and only if one of its shares then wants the host to see them. So
    /// such a share is there before the guest is, or else the guest has to mount the device anew.
    public var locks: LockScope

    /// Whether the guest goes by the access control lists (POSIX ACLs) of the host's files, and a directory's default list
    /// decides on what is made in it. Without, they can be read and set, and the mode alone counts in the guest.
    ///
    /// It costs a request for each directory on the way to a file, and is settled when the guest mounts the device, as
    /// `locks` is.
    public var enforcesAccessLists: Bool
    /// Whose its files are in the guest.
    public var ownership: Ownership
    /// What the guest may keep of the share, and for how long.
    public var cache: CachePolicy

    /// Whether the guest keeps what is written in its page cache, and writes it to the host when it likes to, or when a
    /// program closes the file or asks for it to be synced. Settled for a device: all of its shares do, or none.
    ///
    /// The guest then goes by its own idea of a file's size and times for as long as it knows the file. So nobody else may
    /// change the files.
    public var buffersWrites: Bool

    /// Names options.
    public init(
        hidesPersonalData: Bool = false, locks: LockScope = .guest, enforcesAccessLists: Bool = false,
        ownership: Ownership = .host, cache: CachePolicy = .auto, buffersWrites: Bool = false
    ) {
        self.hidesPersonalData = hidesPersonalData
        self.locks = locks
        self.enforcesAccessLists = enforcesAccessLists
        self.ownership = ownership
        self.cache = cache
        self.buffersWrites = buffersWrites
    }

    /// Looks whether a share can have these options together.
    ///
    /// - Parameter access: What guests may do with the share.
    /// - Returns: Why it cannot, as the rest of a sentence that names the share; nil where it can.
    public func conflict(with access: Access) -> String? {
        guard buffersWrites else { return nil }
        if access == .readOnly { return "cannot have writeback: it is ro" }
        if cache.isDirect {
            return "cannot have writeback with cache=\(cache.rawValue): nothing is cached to be written"
        }
        return nil
    }

    /// What has to be negotiated with the guest for them.
    var initFlags: InitFlags {
        (locks == .host ? Negotiation.locks : []).union(enforcesAccessLists ? Negotiation.accessLists : [])
    }
}
