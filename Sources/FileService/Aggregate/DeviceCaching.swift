internal import FUSE

/// What is settled of caching for all shares of a device when its guest mounts it.
public enum DeviceCaching: Sendable {
    /// Nothing: each share has its own policy.
    case ordinary
    /// The guest keeps what is written and writes it to the host when it likes to (`FUSE_WRITEBACK_CACHE`).
    case writeback
    /// Nobody changes the shares, so the guest opens nothing: it reads files and directories unasked, and once it knows
    /// them sends no request at all.
    case fixed

    /// What a guest is asked for.
    var initFlags: InitFlags {
        switch self {
        case .ordinary: []
        case .writeback: Negotiation.writeback
        case .fixed: Negotiation.unopened
        }
    }

    /// Whether a share that would best be served in a device of its kind can be served in this one.
    func admits(_ other: DeviceCaching) -> Bool {
        // What is fixed can as well be opened, which costs requests.
        self == other || self == .ordinary && other == .fixed
    }
}

extension ChildOptions {
    /// The kind of device that serves a share best.
    ///
    /// - Parameter access: What guests may do with the share.
    /// - Returns: The kind; what is fixed can as well be served in an ordinary one.
    public func deviceCaching(for access: Access) -> DeviceCaching {
        if buffersWrites { return .writeback }
        // The host's locks belong to what is open.
        return access == .readOnly && cache == .always && locks == .guest ? .fixed : .ordinary
    }
}
