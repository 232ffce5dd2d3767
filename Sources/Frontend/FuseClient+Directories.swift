import FUSE
import SystemPackage

/// A name in a directory, as READDIR and READDIRPLUS list it.
public struct ListedEntry: Sendable {
    /// `d_ino`.
    public let inode: UInt64
    /// Where to go on after this entry.
    public let cookie: UInt64
    /// `DT_*`.
    public let type: UInt32
    /// As it is, `.` and `..` included.
    public let name: FileName
    /// What READDIRPLUS looked up.
    public let entry: EntryOut?
}

/// Every call throws the server's `Errno`, or a `BackendFault`.
extension FuseClient {
    /// Opens a directory.
    public func opendir(_ node: NodeID) throws -> OpenOut {
        try call(.opendir, node, returning: OpenOut.self) { $0.append(OpenIn()) }
    }

    /// Gives an open directory back.
    public func releasedir(_ node: NodeID, _ handle: HandleID) throws {
        try callWithoutResult(.releasedir, node) { request in request.append(ReleaseIn { $0.handle = handle }) }
    }

    /// Waits until a directory is on stable storage.
    public func fsyncdir(_ node: NodeID, _ handle: HandleID) throws {
        try callWithoutResult(.fsyncdir, node) { request in request.append(FsyncIn { $0.handle = handle }) }
    }

    /// Reads names from a cookie on, into `count` bytes at most; none at the end.
    public func readdir(
        _ node: NodeID, _ handle: HandleID, from cookie: UInt64 = 0, count: Int = 4096
    ) throws -> [ListedEntry] {
        try list(.readdir, node, handle, from: cookie, count: count)
    }

    /// Reads names and looks each up, from a cookie on, into `count` bytes at most; none at the end.
    public func readdirplus(
        _ node: NodeID, _ handle: HandleID, from cookie: UInt64 = 0, count: Int = 4096
    ) throws -> [ListedEntry] {
        try list(.readdirplus, node, handle, from: cookie, count: count)
    }

    /// Opens a directory, reads all of it and gives it back.
    ///
    /// - Parameters:
    ///   - node: The directory.
    ///   - plus: By READDIRPLUS, which references what it lists.
    ///   - count: Room for each reply, in bytes.
    /// - Returns: All entries, `.` and `..` included.
    /// - Throws: The server's `Errno`, or a `BackendFault`.
    public func list(_ node: NodeID, plus: Bool = false, count: Int = 4096) throws -> [ListedEntry] {
        let handle = try opendir(node).handle
        var entries: [ListedEntry] = []
        while true {
            let batch = try list(
                plus ? .readdirplus : .readdir, node, handle, from: entries.last?.cookie ?? 0, count: count)
            if batch.isEmpty { break }
            entries += batch
        }
        try releasedir(node, handle)
        return entries
    }

    private func list(
        _ opcode: Opcode, _ node: NodeID, _ handle: HandleID, from cookie: UInt64, count: Int
    ) throws -> [ListedEntry] {
        let bytes = try call(opcode: opcode, node: node, reply: .data(upTo: count)) { request in
            request.append(
                ReadIn {
                    $0.handle = handle
                    $0.offset = cookie
                    $0.size = UInt32(count)
                })
        }.data()
        return try Self.parse(bytes, isPlus: opcode == .readdirplus)
    }

    /// Takes `struct fuse_dirent` and `struct fuse_direntplus` records apart, as Linux does.
    private static func parse(_ bytes: [UInt8], isPlus: Bool) throws(BackendFault) -> [ListedEntry] {
        var entries: [ListedEntry] = []
        var position = 0
        let entrySize = isPlus ? EntryOut.byteCount : 0
        while position < bytes.count {
            guard bytes.count - position >= entrySize + 24 else { throw .malformed("a directory entry is cut short") }
            let start = position + entrySize
            let entry = isPlus ? bytes.withUnsafeBytes { EntryOut(copying: $0, at: position) } : nil
            let inode: UInt64 = VhostUserSocket.integer(bytes, at: start)
            let cookie: UInt64 = VhostUserSocket.integer(bytes, at: start + 8)
            let length: UInt32 = VhostUserSocket.integer(bytes, at: start + 16)
            let type: UInt32 = VhostUserSocket.integer(bytes, at: start + 20)
            guard length >= 1, length <= 1024 else { throw .malformed("a directory entry's name has \(length) bytes") }
            let size = (entrySize + 24 + Int(length) + 7) & ~7
            guard bytes.count - position >= size else { throw .malformed("a directory entry is cut short") }
            let name = [UInt8](bytes[(start + 24)..<(start + 24 + Int(length))])
            guard !name.contains(0), !name.contains(0x2F) else {
                throw .malformed("a directory entry is named \(name)")
            }
            entries.append(
                ListedEntry(inode: inode, cookie: cookie, type: type, name: FileName(bytes: name), entry: entry))
            position += size
        }
        return entries
    }
}
