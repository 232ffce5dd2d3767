/// Whose the files of a share are in the guest.
public enum Ownership: Equatable, Sendable {
    /// Whose they are on the host.
    case host
    /// All are one user's and one group's. On the host, what the guest makes is the launcher's, or, where that is root,
    /// the user's and group's whose the shared directory is.
    case squashed(uid: UInt32, gid: UInt32)
    /// Whose the guest says: owner, mode and kind are kept in an extended attribute of the host's file (see ``Appearance``),
    /// which is the launcher's. So root in the guest may do with them as it likes, and nothing is given away on the host.
    case mapped
}

extension Ownership {
    /// Reads `host`, `mapped`, or `UID:GID` in decimal digits; nil for anything else.
    public init?(text: String) {
        switch text {
        case "host": self = .host
        case "mapped": self = .mapped
        default:
            let ids = text.split(separator: ":", omittingEmptySubsequences: false)
            guard ids.count == 2, let uid = Ownership.id(ids[0]), let gid = Ownership.id(ids[1]) else { return nil }
            self = .squashed(uid: uid, gid: gid)
        }
    }

    /// 2^32-1 is nobody's: chown(2) takes it for none.
    private static func id(_ text: Substring) -> UInt32? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let id = UInt32(text) else { return nil }
        return id == .max ? nil : id
    }

    /// What ``init(text:)`` reads.
    public var text: String {
        switch self {
        case .host: "host"
        case .squashed(let uid, let gid): "\(uid):\(gid)"
        case .mapped: "mapped"
        }
    }
}
