/// The value of the `root` setting: how the guest's root directory comes about.
public enum RootSetting: Sendable {
    /// What becomes of a child that is the root.
    public enum Style: Sendable {
        /// The child lies under a tmpfs overlay: the guest changes only its own memory.
        case overlay
        /// The child itself is the root.
        case direct
    }

    /// The guest stays in its initramfs.
    case none
    /// A child of an aggregate.
    case child(Bucket, subname: [UInt8], Style)

    /// Reads `none`, `BUCKET,SUBNAME,overlay` or `BUCKET,SUBNAME,direct`; nil for anything else.
    public init?(value: [UInt8]) {
        if value == bytes(of: "none") {
            self = .none
            return
        }
        guard let fields = SettingFields.decode(value), fields.count == 3, let bucket = Bucket(name: fields[0]),
            isPathComponent(fields[1])
        else { return nil }
        if fields[2] == bytes(of: "overlay") {
            self = .child(bucket, subname: fields[1], .overlay)
        } else if fields[2] == bytes(of: "direct") {
            self = .child(bucket, subname: fields[1], .direct)
        } else {
            return nil
        }
    }

    /// The root as a setting's value.
    public var value: [UInt8] {
        switch self {
        case .none: bytes(of: "none")
        case .child(let bucket, let subname, .overlay):
            SettingFields.encode([bytes(of: bucket.name), subname, bytes(of: "overlay")])
        case .child(let bucket, let subname, .direct):
            SettingFields.encode([bytes(of: bucket.name), subname, bytes(of: "direct")])
        }
    }
}
