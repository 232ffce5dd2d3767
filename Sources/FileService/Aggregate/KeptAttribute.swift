import Glibc

/// What stands for an extended attribute that only root may write, in a share with ``Ownership/mapped``.
///
/// `security.*` and `trusted.*` of the guest are kept as `user.virtiofs.security.*` and `user.virtiofs.trusted.*`, names that
/// virtiofsd's documentation has for the same. On the host they mean nothing. The host's own of these two kinds the guest does
/// not see there.
enum KeptAttribute {
    private static let prefix: StaticString = "user.virtiofs."
    private static let heldBack: [StaticString] = ["security.", "trusted."]
    /// The longest name of an attribute, XATTR_NAME_MAX of <linux/limits.h>, and a NUL.
    static let nameSize = 256

    /// What keeps the capabilities of a program, which go when it is changed (capabilities(7)).
    static var capability: UnsafePointer<CChar> {
        UnsafeRawPointer(capabilityName.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    private static let capabilityName: StaticString = "user.virtiofs.security.capability"

    /// Whether an attribute of the guest's is kept under another name.
    static func isKept(_ name: UnsafeRawBufferPointer) -> Bool {
        heldBack.contains { name.starts(with: bytes(of: $0)) }
    }

    /// Whether an attribute of the host is one that keeps one: the guest has none of that name.
    static func keeps(_ hostName: UnsafeRawBufferPointer) -> Bool { hostName.starts(with: bytes(of: prefix)) }

    /// The name that keeps an attribute, with a NUL, written into a buffer of `nameSize` bytes.
    ///
    /// - Returns: Nil when it is too long.
    static func name(
        keeping name: UnsafeRawBufferPointer, _ buffer: UnsafeMutableRawPointer
    ) -> UnsafePointer<CChar>? {
        let whole = UnsafeMutableRawBufferPointer(start: buffer, count: nameSize)
        let prefix = bytes(of: prefix)
        guard prefix.count + name.count < whole.count else { return nil }
        whole.copyBytes(from: prefix)
        UnsafeMutableRawBufferPointer(rebasing: whole[prefix.count...]).copyBytes(from: name)
        whole[prefix.count + name.count] = 0
        return UnsafeRawPointer(buffer).assumingMemoryBound(to: CChar.self)
    }

    /// The name that the guest has for an attribute of the host, which is the end of that name.
    ///
    /// - Returns: Nil where the guest sees none.
    static func guestName(of hostName: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        if isKept(hostName) || Appearance.isRecord(hostName) { return nil }
        guard keeps(hostName) else { return hostName }
        let name = UnsafeRawBufferPointer(rebasing: hostName[prefix.utf8CodeUnitCount...])
        return isKept(name) ? name : nil
    }

    private static func bytes(of text: StaticString) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }
}
