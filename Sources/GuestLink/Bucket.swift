/// The aggregates as both sides name them.
public enum Bucket: UInt8, Sendable {
    /// Shares that the guest may write.
    case readWrite = 0
    /// Shares that the host refuses to change.
    case readOnly = 1
    /// Shares that the guest may write, and writes back when it likes to.
    case writeback = 2
    /// Shares that nobody changes.
    case fixed = 3

    /// All of them.
    public static var all: [Bucket] { [.readWrite, .readOnly, .writeback, .fixed] }

    /// The bucket with this `name`; nil for any other.
    public init?(name: [UInt8]) {
        switch name {
        case [0x72, 0x77]: self = .readWrite
        case [0x72, 0x6f]: self = .readOnly
        case [0x77, 0x62]: self = .writeback
        case [0x66, 0x69, 0x78, 0x65, 0x64]: self = .fixed
        default: return nil
        }
    }

    /// `rw`, `ro`, `wb` or `fixed`: its name in settings, and that of its hidden mount below `/run/sheaf`.
    public var name: StaticString {
        switch self {
        case .readWrite: "rw"
        case .readOnly: "ro"
        case .writeback: "wb"
        case .fixed: "fixed"
        }
    }

    /// The virtio-fs tag of its device.
    public var tag: StaticString {
        switch self {
        case .readWrite: "sheaf-rw"
        case .readOnly: "sheaf-ro"
        case .writeback: "sheaf-wb"
        case .fixed: "sheaf-fixed"
        }
    }
}
