import CLinux
import Glibc

/// What the guest sees of an inode that it may have changed: owner, group, mode with the file type, and the device that a
/// node stands for.
///
/// In a share with ``Ownership/mapped`` it is kept in an extended attribute of the host's file, under the name and in the
/// form that rootless containers use for the same (containers/storage, fuse-overlayfs, libkrun): `UID:GID:MODE:TYPE`, the
/// mode octal, the type `file`, `dir`, `pipe`, `socket`, `block-MAJOR-MINOR` or `char-MAJOR-MINOR`. There are records
/// without a type, and with the type's bits in the mode.
struct Appearance: Equatable {
    /// The attribute's name. Only regular files and directories have any of `user.*`, see xattr(7).
    static var attribute: UnsafePointer<CChar> {
        UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    private static let name: StaticString = "user.containers.override_stat"
    /// Longer than any record, in bytes.
    static let recordSize = 64

    var uid: UInt32
    var gid: UInt32
    /// With S_IFMT.
    var mode: UInt32
    var major: UInt32 = 0
    var minor: UInt32 = 0

    var type: UInt32 { mode & UInt32(Glibc.S_IFMT) }
    var isDirectory: Bool { type == UInt32(Glibc.S_IFDIR) }
    var isRegular: Bool { type == UInt32(Glibc.S_IFREG) }

    /// The mode of the host's file: the launcher can always work with it, others may no more than the guest said, and
    /// nothing runs there with anybody else's rights.
    var hostMode: UInt32 { mode & 0o1777 | (isDirectory ? 0o700 : 0o600) }

    /// A mode without what a change by an ordinary user takes away: set-user-ID, and set-group-ID where the group may
    /// execute.
    static func withoutPrivileges(_ mode: UInt32) -> UInt32 {
        let isForGroup = mode & 0o2010 == 0o2010
        return mode & ~(isForGroup ? 0o6000 : 0o4000)
    }

    /// Whether the host's inode can have a record.
    static func isRecordable(_ found: cl_statx) -> Bool {
        let type = found.mode & UInt32(Glibc.S_IFMT)
        return type == UInt32(Glibc.S_IFREG) || type == UInt32(Glibc.S_IFDIR)
    }

    /// Whether an attribute's name is that of the record.
    static func isRecord(_ name: some Sequence<UInt8>) -> Bool {
        name.elementsEqual(UnsafeBufferPointer(start: self.name.utf8Start, count: self.name.utf8CodeUnitCount))
    }

    /// What statx(2) says of an inode that appears like this.
    func shown(_ found: cl_statx) -> cl_statx {
        var shown = found
        shown.uid = uid
        shown.gid = gid
        shown.mode = mode
        shown.rdev_major = major
        shown.rdev_minor = minor
        return shown
    }
}

// MARK: As a record

extension Appearance {
    /// Reads a record. Whoever may write to the file on the host may have written it.
    ///
    /// - Parameters:
    ///   - record: The attribute's value.
    ///   - found: What the host says of the file: what is a directory there, and nothing else, is one in the guest.
    init?(record: UnsafeRawBufferPointer, of found: cl_statx) {
        var rest = record[...]
        guard let uid = Appearance.number(&rest, radix: 10), Appearance.skip(0x3A, &rest),
            let gid = Appearance.number(&rest, radix: 10), Appearance.skip(0x3A, &rest),
            let mode = Appearance.number(&rest, radix: 8), uid != .max, gid != .max, mode <= 0o177777
        else { return nil }
        self.init(uid: uid, gid: gid, mode: mode)
        if !rest.isEmpty {
            guard Appearance.skip(0x3A, &rest), let type = readType(&rest), rest.isEmpty else { return nil }
            self.mode = mode & 0o7777 | type
        } else if type == 0 {
            self.mode |= found.mode & UInt32(Glibc.S_IFMT)
        }
        let isDirectoryThere = found.mode & UInt32(Glibc.S_IFMT) == UInt32(Glibc.S_IFDIR)
        guard isDirectory == isDirectoryThere, isKnownType else { return nil }
    }

    private var isKnownType: Bool {
        switch type {
        case UInt32(Glibc.S_IFDIR), UInt32(Glibc.S_IFREG), UInt32(Glibc.S_IFIFO), UInt32(Glibc.S_IFSOCK),
            UInt32(Glibc.S_IFBLK), UInt32(Glibc.S_IFCHR):
            true
        default: false
        }
    }

    private mutating func readType(_ rest: inout Slice<UnsafeRawBufferPointer>) -> UInt32? {
        let name = rest.prefix { $0 != 0x2D }
        rest = rest.dropFirst(name.count)
        if name.elementsEqual("file".utf8) { return UInt32(Glibc.S_IFREG) }
        if name.elementsEqual("dir".utf8) { return UInt32(Glibc.S_IFDIR) }
        if name.elementsEqual("pipe".utf8) { return UInt32(Glibc.S_IFIFO) }
        if name.elementsEqual("socket".utf8) { return UInt32(Glibc.S_IFSOCK) }
        let isBlock = name.elementsEqual("block".utf8)
        guard isBlock || name.elementsEqual("char".utf8), Appearance.skip(0x2D, &rest),
            let major = Appearance.number(&rest, radix: 10), Appearance.skip(0x2D, &rest),
            let minor = Appearance.number(&rest, radix: 10), major <= 0xFFF, minor <= 0xF_FFFF
        else { return nil }
        (self.major, self.minor) = (major, minor)
        return isBlock ? UInt32(Glibc.S_IFBLK) : UInt32(Glibc.S_IFCHR)
    }

    private static func skip(_ byte: UInt8, _ rest: inout Slice<UnsafeRawBufferPointer>) -> Bool {
        guard rest.first == byte else { return false }
        rest = rest.dropFirst()
        return true
    }

    private static func number(_ rest: inout Slice<UnsafeRawBufferPointer>, radix: UInt32) -> UInt32? {
        var number: UInt32 = 0
        var count = 0
        while let byte = rest.first, byte >= 0x30, UInt32(byte) - 0x30 < radix {
            let (product, overflow) = number.multipliedReportingOverflow(by: radix)
            let (sum, carry) = product.addingReportingOverflow(UInt32(byte) - 0x30)
            if overflow || carry { return nil }
            number = sum
            count += 1
            rest = rest.dropFirst()
        }
        return count > 0 ? number : nil
    }

    /// The attribute's value.
    var record: String {
        let permissions = mode & 0o7777
        let digits = [9, 6, 3, 0].map { String(permissions >> UInt32($0) & 7) }.joined()
        let kind =
            switch type {
            case UInt32(Glibc.S_IFDIR): "dir"
            case UInt32(Glibc.S_IFIFO): "pipe"
            case UInt32(Glibc.S_IFSOCK): "socket"
            case UInt32(Glibc.S_IFBLK): "block-\(major)-\(minor)"
            case UInt32(Glibc.S_IFCHR): "char-\(major)-\(minor)"
            default: "file"
            }
        return "\(uid):\(gid):\(digits):\(kind)"
    }
}
