internal import FUSE
import Glibc
internal import SystemPackage

/// What comes at the end of a request that makes a name, beside its body.
extension Request {
    /// The supplementary group: that of the directory, where the caller is in it.
    ///
    /// - Throws: EINVAL when an extension is longer than all that there are.
    func supplementaryGroup() throws(Errno) -> UInt32? {
        var offset = 0
        while let (head, size) = try nextExtension(at: offset) {
            if head.type == ExtensionHead.groups {
                guard size >= ExtensionHead.byteCount, head.groupCount == 1 else { throw .invalidArgument }
                return head.group
            }
            offset += size
        }
        return nil
    }

    /// The labels that the guest's security modules have for what is made.
    ///
    /// - Throws: EINVAL when they are not what they are said to be; E2BIG when they are longer than attributes can be.
    func securityLabels() throws(Errno) -> [SecurityLabel] {
        var offset = 0
        while let (head, size) = try nextExtension(at: offset) {
            if head.type <= ExtensionHead.mostLabels {
                guard head.type > 0 else { return [] }
                guard size <= SecurityLabel.mostBytes else { throw .argListTooLong }
                var bytes = [UInt8](repeating: 0, count: size - ExtensionHead.commonByteCount)
                let copied = bytes.withUnsafeMutableBytes { memory in
                    memory.baseAddress.map {
                        Buffers.gather(
                            buffers, skip: extensionStart + offset + ExtensionHead.commonByteCount, count: memory.count,
                            to: $0)
                    } ?? 0
                }
                guard copied == bytes.count else { throw .invalidArgument }
                return try SecurityLabel.parse(bytes, count: head.type)
            }
            offset += size
        }
        return []
    }

    private var extensionStart: Int { InHeader.byteCount + bodyCount }

    /// The extension that begins at an offset, and its size; nil at their end.
    private func nextExtension(at offset: Int) throws(Errno) -> (head: ExtensionHead, size: Int)? {
        let count = Int(header.extensionLength) * 8
        guard offset < count else { return nil }
        var bytes = (UInt64(0), UInt64(0))
        let copied = withUnsafeMutableBytes(of: &bytes) { memory in
            memory.baseAddress.map {
                Buffers.gather(buffers, skip: extensionStart + offset, count: min(16, count - offset), to: $0)
            } ?? 0
        }
        let head = withUnsafeBytes(of: bytes) { ExtensionHead(copying: $0) }
        guard let head, let size = Int(exactly: head.size), size >= ExtensionHead.commonByteCount, size % 8 == 0,
            size <= count - offset, copied >= ExtensionHead.commonByteCount
        else { throw .invalidArgument }
        return (head, size)
    }
}

/// An attribute with which a security module of the guest labels what it makes: `struct fuse_secctx`, its name, its value.
struct SecurityLabel: Equatable {
    /// The most bytes of all labels of a request: each is a name and a value of an attribute, and there is one as a rule.
    static let mostBytes = 65_536 + 4096

    /// The attribute's name with its NUL: `security.selinux`.
    let name: [UInt8]
    /// Its value.
    let value: [UInt8]

    /// Takes labels apart.
    ///
    /// - Parameters:
    ///   - bytes: All of them.
    ///   - count: How many they are said to be.
    /// - Returns: The labels.
    /// - Throws: EINVAL when they are not that, and for a name that is none of a security module's.
    static func parse(_ bytes: [UInt8], count: UInt32) throws(Errno) -> [SecurityLabel] {
        var labels: [SecurityLabel] = []
        var rest = bytes[...]
        for _ in 0..<count {
            guard rest.count >= 8, let end = rest.dropFirst(8).firstIndex(of: 0) else { throw .invalidArgument }
            let size = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            let name = rest[(rest.startIndex + 8)...end]
            let value = rest[(end + 1)...].prefix(size)
            guard value.count == size, name.count <= 256, name.starts(with: "security.".utf8) else {
                throw .invalidArgument
            }
            labels.append(SecurityLabel(name: Array(name), value: Array(value)))
            rest = rest.dropFirst((8 + name.count + size + 7) / 8 * 8)
        }
        return labels
    }
}
