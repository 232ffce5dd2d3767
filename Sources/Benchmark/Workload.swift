/// What is asked of a backend, again and again. Each is counted in the unit that its name has in tables: a request where an
/// operation is one request, else the operation, an entry of a listing, or a file of a walk.
public enum Workload: String, CaseIterable, Codable, Sendable {
    /// Attributes of a file that is known.
    case getattr
    /// A name that is known.
    case lookupHit = "lookup-hit"
    /// A name that does not exist.
    case lookupMiss = "lookup-enoent"
    /// Names that are not known yet, each given back by a FORGET afterwards.
    case coldWalk = "cold-walk"
    /// OPEN, READ of 4 KiB, FLUSH unless the backend declines it, RELEASE.
    case openReadClose = "open-read-close"
    /// CREATE, WRITE of 4 KiB, FLUSH likewise, RELEASE, UNLINK, FORGET.
    case createWriteUnlink = "create-write-unlink"
    /// A file to and fro between two names.
    case rename
    /// A directory from its first entry to its last.
    case readdirplus
    /// Size and limits of the file system.
    case statfs
    /// An extended attribute of 32 bytes.
    case getxattr
    /// 128 KiB after 128 KiB of a file that is in the host's page cache.
    case seqread128k = "seqread-128k"
    /// The same by 1 MiB.
    case seqread1m = "seqread-1m"
    /// 128 KiB after 128 KiB over what is in a file.
    case seqwrite128k = "seqwrite-128k"
    /// The same by 1 MiB.
    case seqwrite1m = "seqwrite-1m"
    /// 4 KiB anywhere in the same file.
    case randread4k = "randread-4k"
    /// 4 KiB anywhere over what is in a file.
    case randwrite4k = "randwrite-4k"

    /// What one of its units moves, in bytes.
    var blockSize: Int {
        switch self {
        case .seqread128k, .seqwrite128k: 128 << 10
        case .seqread1m, .seqwrite1m: 1 << 20
        case .randread4k, .randwrite4k: 4096
        case .openReadClose, .createWriteUnlink: HostTree.pageSize
        default: 0
        }
    }
}
