public import FileService

/// Which of a machine's aggregates a share lands in: what guests may do with a share is settled by its device.
public enum Bucket: String, CaseIterable, Sendable {
    /// Shares that guests may change.
    case readWrite = "rw"
    /// Shares that guests may only read.
    case readOnly = "ro"
    /// Shares that guests may change, and whose writes they buffer.
    case writeback = "wb"
    /// Shares that nobody changes.
    case fixed = "fixed"

    /// The bucket of shares with this access and these options.
    public init(_ access: Access, _ options: ChildOptions = ChildOptions()) {
        switch options.deviceCaching(for: access) {
        case .ordinary: self = access == .readOnly ? .readOnly : .readWrite
        case .writeback: self = .writeback
        case .fixed: self = .fixed
        }
    }

    /// What guests may do with the bucket's shares.
    public var access: Access {
        switch self {
        case .readWrite, .writeback: .readWrite
        case .readOnly, .fixed: .readOnly
        }
    }

    /// What is settled of caching for all of the bucket's shares.
    public var caching: DeviceCaching {
        switch self {
        case .readWrite, .readOnly: .ordinary
        case .writeback: .writeback
        case .fixed: .fixed
        }
    }

    /// How much of the descriptors that a guest may make the launcher hold is for the bucket: eight eighths in all.
    var descriptorEighths: Int {
        switch self {
        case .readWrite, .readOnly: 3
        case .writeback, .fixed: 1
        }
    }

    /// The mount tag of the bucket's device, at most 36 bytes; known to the agent as well.
    public var tag: String { "sheaf-\(rawValue)" }
}
