/// The two aggregates as both sides name them.
public enum Bucket: UInt8, Sendable {
    /// Shares that the guest may write.
    case readWrite = 0
    /// Shares that the host refuses to change.
    case readOnly = 1

    /// The bucket with this `name`; nil for any other.
    public init?(name: [UInt8]) {
        switch name {
        case [0x72, 0x77]: self = .readWrite
        case [0x72, 0x6f]: self = .readOnly
        default: return nil
        }
    }

    /// `rw` or `ro`: its name in settings, and that of its hidden mount below `/run/sheaf`.
    public var name: StaticString {
        switch self {
        case .readWrite: "rw"
        case .readOnly: "ro"
        }
    }

    /// The virtio-fs tag of its device.
    public var tag: StaticString {
        switch self {
        case .readWrite: "sheaf-rw"
        case .readOnly: "sheaf-ro"
        }
    }
}
