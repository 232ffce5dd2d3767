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
    /// Over the link alone, and without a value: the shares on the command line are those of an earlier boot, and none of
    /// them is to be bound.
    public static let forget: StaticString = "forget"
}

/// A setting's value as the fields that it is made of.
public enum SettingFields {
    /// Joins fields into a value.
    public static func encode(_ fields: [[UInt8]]) -> [UInt8] {
        var value: [UInt8] = []
        for (index, field) in fields.enumerated() {
            if index > 0 { value.append(0x2c) }
            value.append(contentsOf: PercentEncoding.encode(field))
        }
        return value
    }

    /// Cuts a value into its fields; nil where one of them is not percent-encoded as it should be.
    public static func decode(_ value: [UInt8]) -> [[UInt8]]? {
        var fields: [[UInt8]] = []
        for part in value.split(separator: 0x2c, omittingEmptySubsequences: false) {
            guard let field = PercentEncoding.decode([UInt8](part)) else { return nil }
            fields.append(field)
        }
        return fields
    }
}
