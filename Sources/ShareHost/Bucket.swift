public import FileService

/// Which of a machine's aggregates a share lands in: what guests may do with a share is settled by its device.
public enum Bucket: String, CaseIterable, Sendable {
    /// Shares that guests may change.
    case readWrite = "rw"
    /// Shares that guests may only read.
    case readOnly = "ro"
    /// Shares that guests may change, and whose writes they buffer.
    case writeback = "wb"

    /// The bucket of shares with this access and these options.
    public init(_ access: Access, _ options: ChildOptions = ChildOptions()) {
        switch access {
        case .readWrite: self = options.buffersWrites ? .writeback : .readWrite
        case .readOnly: self = .readOnly
        }
    }

    /// What guests may do with the bucket's shares.
    public var access: Access {
        switch self {
        case .readWrite, .writeback: .readWrite
        case .readOnly: .readOnly
        }
    }

    /// Whether guests buffer what is written to the bucket's shares.
    public var buffersWrites: Bool { self == .writeback }

    /// The mount tag of the bucket's device, at most 36 bytes; known to the agent as well.
    public var tag: String { "sheaf-\(rawValue)" }
}
