import FUSE
import Frontend
import SystemPackage

/// The files of a `HostTree` as a backend shows them: the nodes that workloads start from.
struct ServedTree: Sendable {
    let host: HostTree
    let directory: NodeID
    /// What is read.
    let file: NodeID
    let attributes: Attr
    let writtenFile: NodeID
    let scratch: NodeID
    let listed: NodeID
    let smallFiles: [NodeID]
    let walkedDirectories: [NodeID]

    /// Looks all of them up.
    ///
    /// - Parameters:
    ///   - host: The tree.
    ///   - client: On a device that is initialised.
    ///   - path: Where the backend shows it.
    /// - Throws: The server's `Errno`, or a `BackendFault`.
    init(_ host: HostTree, client: FuseClient, at path: String) throws {
        self.host = host
        directory = try client.walk(.root, path).node
        file = try client.lookup(directory, FileName(HostTree.readFile)).node
        attributes = try client.getattr(file).attributes
        guard attributes.size == host.extent.fileSize else {
            throw BackendFault.malformed("a file of \(host.extent.fileSize) bytes has \(attributes.size)")
        }
        writtenFile = try client.lookup(directory, FileName(HostTree.writtenFile)).node
        scratch = try client.lookup(directory, FileName(HostTree.scratchDirectory)).node
        listed = try client.lookup(directory, FileName(HostTree.listedDirectory)).node
        let small = try client.lookup(directory, FileName(HostTree.smallDirectory)).node
        smallFiles = try (0..<host.extent.smallFiles).map { try client.lookup(small, FileName(HostTree.name($0))).node }
        let walked = try client.lookup(directory, FileName(HostTree.walkedDirectory)).node
        walkedDirectories = try (0..<host.walkedDirectories).map {
            try client.lookup(walked, FileName(HostTree.name($0))).node
        }
    }
}
