import CLinux
internal import FUSE
internal import Synchronization

/// An open file or directory of the guest. Its number is never used again in a session, so a stale one finds nothing.
final class Handle: Sendable {
    let id: HandleID
    let node: Node
    /// The open file; -1 for a directory that appears empty.
    let descriptor: CInt
    /// The listing of an open directory; nil for a file.
    let stream: DirectoryStream?

    /// Makes a handle that takes over a unit of the budget and, where there is one, the open file and a use of the node's
    /// own descriptor: what is open works on, whatever becomes of its name.
    init(id: HandleID, node: Node, descriptor: CInt, stream: DirectoryStream?) {
        self.id = id
        self.node = node
        self.descriptor = descriptor
        self.stream = stream
        node.openHandles.add(1, ordering: .relaxed)
    }

    deinit {
        node.openHandles.subtract(1, ordering: .relaxed)
        node.pool.giveBack()
        guard descriptor >= 0 else { return }
        _ = cl_close(descriptor)
        node.giveBack()
    }
}
