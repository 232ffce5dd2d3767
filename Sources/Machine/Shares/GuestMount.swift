internal import GuestLink

internal import enum ShareHost.Bucket

/// A place in the guest where a share, or a directory in one, is mounted: a line of the guest's mountinfo.
///
/// All shares of an aggregate are one file system there, so that the line's root tells which one it is. See
/// proc_pid_mountinfo(5).
struct GuestMount: Equatable {
    /// The aggregate.
    let bucket: ShareHost.Bucket
    /// The share's name in it.
    let subname: String
    /// Whether it is the share itself, and not a directory in it.
    let isWhole: Bool
    /// Where it is mounted.
    let target: String

    /// Reads a line; nil for one that is no share's.
    init?(_ line: some Sequence<UInt8>) {
        let fields = line.split(separator: 0x20)
        guard let separator = fields.firstIndex(of: [0x2d]), separator >= 6, fields.count > separator + 2 else {
            return nil
        }
        let source = String(decoding: fields[separator + 2], as: UTF8.self)
        guard let bucket = ShareHost.Bucket.allCases.first(where: { $0.tag == source }) else { return nil }
        // The aggregate itself has no name in it.
        let root = Self.unescaped(fields[3]).split(separator: 0x2f)
        guard let subname = root.first else { return nil }
        self.bucket = bucket
        self.subname = String(decoding: subname, as: UTF8.self)
        isWhole = root.count == 1
        target = String(decoding: Self.unescaped(fields[4]), as: UTF8.self)
    }

    /// A path as it is: blanks, tabs, line ends and backslashes come as `\ooo`.
    private static func unescaped(_ field: some Sequence<UInt8>) -> [UInt8] {
        let bytes = Array(field)
        var path: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let digits = bytes[(index + 1)...].prefix(3)
            if bytes[index] == 0x5c, digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }) {
                path.append(digits.reduce(0) { $0 &* 8 &+ ($1 &- 0x30) })
                index += 4
            } else {
                path.append(bytes[index])
                index += 1
            }
        }
        return path
    }
}
