/// The settings of a boot. Each is a `key=value` that stands on the kernel command line as `sheaf.key=value` or, where the
/// line has no room for it, comes in a `setting` frame. Values made of several fields separate them with `,`, each field
/// percent-encoded.
public enum SettingKey {
    /// How the guest's root comes about: `none`, or `BUCKET,SUBNAME,overlay` or `BUCKET,SUBNAME,direct`.
    public static let root: StaticString = "root"
    /// One share to bind: `BUCKET,SUBNAME,TARGET`. Repeated; the order is the order of mounting.
    public static let share: StaticString = "share"
    /// The guest's host name.
    public static let hostname: StaticString = "hostname"
    /// The number of `share` settings that the command line has no room for and that come over the link.
    public static let spilled: StaticString = "spilled"
}

/// The two aggregates as both sides name them.
public enum Bucket: UInt8 {
    /// Shares that the guest may write.
    case readWrite = 0
    /// Shares that the host refuses to change.
    case readOnly = 1
}
