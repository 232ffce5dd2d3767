/// What INIT settles for a session.
public struct Negotiation: Sendable {
    /// The version of the protocol that is spoken: 7.39, which has STATX. Newer guests keep to it.
    public static let major: UInt32 = 7
    /// See `major`.
    public static let minor: UInt32 = 39
    /// The oldest guest that is served, 7.27 (Linux 4.18): older ones use shorter structures.
    public static let oldestMinor: UInt32 = 27
    /// The most bytes of a READ or WRITE: 1 MiB, 256 pages. The ring needs 1024 entries for it.
    public static let largestTransfer: UInt32 = 1 << 20

    /// What is offered, and what it buys. Everything else stays off; `refused` names what was decided against.
    public static let wanted: InitFlags = [
        .asyncRead,  // readahead in parallel
        .atomicTruncate,  // O_TRUNC comes with OPEN and saves a SETATTR
        .bigWrites,  // more than a page per WRITE
        .ioctlDirectory,  // ioctl(2) on directories gets our ENOTTY, not the guest's guess
        .autoInvalidateData,  // a host's edit drops the guest's pages as soon as the attributes show it
        .readdirplus,  // a listing and its lookups in one request
        .readdirplusAuto,  // only where the caller stats what it lists
        .asyncDirectIO,  // direct I/O in parallel
        .parallelDirectoryOperations,  // else all lookups in a directory queue up in the guest
        .maxPages,  // 1 MiB per request; without it 128 KiB
        .cacheSymlinks,  // one READLINK per link: a changed link is a new inode
        .handleKillPrivilegesV2,  // no GETXATTR of security.capability before each WRITE
        .createSupplementaryGroup,  // a directory's group that the caller is in, where the host asks for it
        .extended,  // the second word of flags
        .directIOAllowMmap,  // a file opened for direct I/O can still be mapped and executed
    ]

    /// What is never answered with, whatever the guest offers: file handles ("." and ".." lookups), submounts (all shares
    /// are one file system so that mountinfo names the share), requests without ids (they would be served as our own
    /// user), and what only /dev/fuse has.
    public static let refused: InitFlags = [
        .exportSupport, .submounts, .allowIDMap, .passthrough, .resend, .expireOnly, .inodeDAX, .mapAlignment,
        .abortError,
    ]

    /// What is offered besides where the host is to see locks. Each then costs a request, and each close(2) a FLUSH, for
    /// every share of the device: else the guest keeps its locks to itself.
    public static let locks: InitFlags = [.posixLocks, .flockLocks]

    /// What is offered besides where the guest is to go by access control lists: it asks for that of every directory it
    /// walks through. Then the umask is the host's to apply, where no list of the directory stands in for it.
    public static let accessLists: InitFlags = [.posixACL, .dontMask, .setxattrExtended]

    /// What is offered besides where the launcher may write a label of the guest's security module.
    public static let labels: InitFlags = [.securityContext]

    /// What is offered besides where the guest is to write its data back when it likes to. It then holds what it knows of a
    /// file's size and times for the truth, so the host must not change files.
    public static let writeback: InitFlags = [.writebackCache]

    /// What is looked for besides where nobody changes the files: that the guest goes on without OPEN and OPENDIR once they
    /// are refused, with ENOSYS, for the whole device.
    public static let unopened: InitFlags = [.noOpenSupport, .noOpendirSupport]

    /// The reply to send.
    public let reply: InitOut
    /// The capabilities that both sides have from now on.
    public let flags: InitFlags
    /// Whether the session has begun. When not, the guest is to send INIT again in our version.
    public let begins: Bool

    /// Answers an INIT; nil for a guest too old to be served, which is told EPROTO then.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - more: The rest of it, if it has one.
    ///   - extra: What is offered besides `wanted`.
    public init?(
        request: InitIn, extension more: InitExtension?, offering extra: InitFlags = []
    ) {
        if request.major > Negotiation.major {
            reply = InitOut {
                $0.major = Negotiation.major
                $0.minor = Negotiation.minor
            }
            flags = []
            begins = false
            return
        }
        guard request.major == Negotiation.major, request.minor >= Negotiation.oldestMinor else { return nil }

        var offered = InitFlags(low: request.flags, high: 0)
        if offered.contains(.extended), let more { offered = InitFlags(low: request.flags, high: more.flags2) }
        let agreed = Negotiation.wanted.union(extra).intersection(offered)
        let pages = agreed.contains(.maxPages)
        reply = InitOut {
            $0.major = Negotiation.major
            $0.minor = Negotiation.minor
            $0.maxReadahead = request.maxReadahead
            $0.flags = agreed.low
            $0.flags2 = agreed.high
            // No throttling below what the ring can hold: the default of 12 would hold back readahead and direct I/O.
            $0.maxBackground = UInt16.max
            $0.congestionThreshold = UInt16.max / 4 * 3
            $0.maxWrite = pages ? Negotiation.largestTransfer : 32 * 4096
            $0.timeGranularity = 1
            $0.maxPages = pages ? UInt16(Negotiation.largestTransfer / 4096) : 0
        }
        flags = agreed
        begins = true
    }
}
