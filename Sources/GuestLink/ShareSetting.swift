/// The value of a `share` setting: which child is bound where.
public struct ShareSetting: Sendable {
    /// The aggregate that has the child.
    public var bucket: Bucket
    /// The child's name in it: one path component.
    public var subname: [UInt8]
    /// Where the guest finds it: an absolute path, as the guest sees it.
    public var target: [UInt8]

    /// A share of this child at this target.
    public init(bucket: Bucket, subname: [UInt8], target: [UInt8]) {
        self.bucket = bucket
        self.subname = subname
        self.target = target
    }

    /// Reads `BUCKET,SUBNAME,TARGET`; nil for anything else.
    public init?(value: [UInt8]) {
        guard let fields = SettingFields.decode(value), fields.count == 3, let bucket = Bucket(name: fields[0]),
            isPathComponent(fields[1]), isAbsolutePath(fields[2])
        else { return nil }
        self.init(bucket: bucket, subname: fields[1], target: fields[2])
    }

    /// The share as a setting's value.
    public var value: [UInt8] { SettingFields.encode([bytes(of: bucket.name), subname, target]) }
}

/// True for a name that can stand alone in a path: not empty, not `.` or `..`, at most 255 bytes, no `/` and no NUL.
public func isPathComponent(_ name: [UInt8]) -> Bool {
    !name.isEmpty && name != [0x2e] && name != [0x2e, 0x2e] && name.count <= 255 && !name.contains(0x2f)
        && !name.contains(0)
}

/// True for a path that begins at the root and that a system call takes whole: no NUL, shorter than `PATH_MAX`.
public func isAbsolutePath(_ path: [UInt8]) -> Bool {
    path.first == 0x2f && path.count < 4096 && !path.contains(0)
}

/// A literal's bytes.
func bytes(of text: StaticString) -> [UInt8] { text.withUTF8Buffer { [UInt8]($0) } }
