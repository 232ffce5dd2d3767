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
        for bucket in Bucket.all where bytes(of: bucket.name) == name {
            self = bucket
            return
        }
        return nil
    }

    /// `rw`, `ro`, `wb` or `fixed`: its name in settings, that of its hidden mount below `/run/sheaf`, and behind `sheaf-` the
    /// virtio-fs tag of its device.
    public var name: StaticString {
        switch self {
        case .readWrite: "rw"
        case .readOnly: "ro"
        case .writeback: "wb"
        case .fixed: "fixed"
        }
    }
}
