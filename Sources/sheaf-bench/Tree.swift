import CLinux
import FUSE
import Frontend
import SystemPackage

/// The files that workloads use: a directory of this process's own with one file in it.
struct Tree {
    /// The unit in which the file's content is stamped.
    static let pageSize = 4096
    /// Of the file. Small enough to stay in the host's page cache: what is measured is the backend.
    static let fileSize: UInt64 = 64 << 20

    let parent: NodeID
    let name: FileName
    let directory: NodeID
    let file: NodeID
    let handle: HandleID
    let attributes: Attr

    /// Makes the directory and fills the file, through the backend.
    ///
    /// - Parameters:
    ///   - client: On a device that is initialised.
    ///   - path: Where in the shared tree.
    ///   - maxWrite: The most bytes of a WRITE that INIT allowed.
    /// - Throws: The server's `Errno`, or a `BackendFault`.
    init(_ client: FuseClient, directory path: String, maxWrite: Int) throws {
        parent = try client.walk(.root, path).node
        name = "sheaf-bench-\(client.pid)"
        directory = try client.mkdir(parent, name).node
        let created = try client.create(directory, "file")
        file = created.entry.node
        handle = created.open.handle
        let block = min(maxWrite, client.dataCapacity) / Self.pageSize * Self.pageSize
        var offset: UInt64 = 0
        while offset < Self.fileSize {
            let count = min(block, Int(Self.fileSize - offset))
            guard try client.write(file, handle, at: offset, Self.stamped(offset: offset, count: count)) == count else {
                throw BackendFault.malformed("a WRITE of \(count) bytes wrote fewer")
            }
            offset += UInt64(count)
        }
        attributes = try client.getattr(file).attributes
        guard attributes.size == Self.fileSize else {
            throw BackendFault.malformed("a file of \(Self.fileSize) bytes has \(attributes.size)")
        }
    }

    /// Removes everything again.
    ///
    /// - Throws: The server's `Errno`, or a `BackendFault`.
    func remove(_ client: FuseClient) throws {
        client.timeout = 10_000
        try client.release(file, handle)
        try client.unlink(directory, "file")
        try client.rmdir(parent, name)
    }

    /// Whether every page carries at both ends the stamp of its place in the file.
    static func isStamped(_ bytes: UnsafeRawBufferPointer, offset: UInt64) -> Bool {
        var place = 0
        while place < bytes.count {
            let stamp = stamp(offset + UInt64(place))
            guard bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self) == stamp,
                bytes.loadUnaligned(fromByteOffset: place + pageSize - 8, as: UInt64.self) == ~stamp
            else { return false }
            place += pageSize
        }
        return true
    }

    private static func stamped(offset: UInt64, count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0x5A, count: count)
        bytes.withUnsafeMutableBytes { buffer in
            for place in stride(from: 0, to: count, by: pageSize) {
                let stamp = stamp(offset + UInt64(place))
                buffer.storeBytes(of: stamp, toByteOffset: place, as: UInt64.self)
                buffer.storeBytes(of: ~stamp, toByteOffset: place + pageSize - 8, as: UInt64.self)
            }
        }
        return bytes
    }

    private static func stamp(_ offset: UInt64) -> UInt64 { (offset | 1) &* 0x9E37_79B9_7F4A_7C15 }
}
