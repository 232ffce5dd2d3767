import CLinux
internal import FUSE
import Glibc
internal import SystemPackage

/// What requests about open files and directories are about: the handle that they name; or one that the node has for itself,
/// where the guest opens nothing.
extension RequestDispatcher {
    /// The handle of a request.
    ///
    /// - Throws: EBADF when there is none; what the host says where it is opened for this.
    @inline(__always)
    func handle(_ id: HandleID, of node: Node, _ session: Session) throws(Errno) -> Handle {
        if session.isUnopened(id) { return try ownHandle(of: node, session) }
        return try session.handle(id, of: node)
    }

    /// The same for a regular file.
    @inline(__always)
    func file(_ id: HandleID, of node: Node, _ session: Session) throws(Errno) -> Handle {
        let handle = try handle(id, of: node, session)
        guard handle.stream == nil else { throw .badFileDescriptor }
        return handle
    }

    /// Checks a handle that is named and not needed.
    func checkHandle(_ id: HandleID, of node: Node, _ session: Session) throws(Errno) {
        if session.isUnopened(id) { return }
        _ = try session.handle(id, of: node)
    }

    private func ownHandle(of node: Node, _ session: Session) throws(Errno) -> Handle {
        if let handle = session.ownHandle(of: node) { return handle }
        let file =
            node.isDirectory
            ? try openDirectory(node, session) : try OpenFile(openHeld(node, O_RDONLY), O_RDONLY)
        return try session.openOwn(node, file, lane: lane)
    }

    /// Opens a directory for a handle.
    ///
    /// - Throws: ENOTDIR; ESTALE for one that the host has deleted.
    func openDirectory(_ node: Node, _ session: Session) throws(Errno) -> OpenFile {
        guard node.isDirectory else { throw .notDirectory }
        let flags = O_RDONLY | O_DIRECTORY
        guard node.zone != .hidden else {
            // Nothing of the host is open, but the handle is memory all the same.
            try session.pool.take()
            return OpenFile(-1, flags)
        }
        if node.isDeletedByHost() { throw .staleNFSFileHandle }
        return try OpenFile(openHeld(node, flags), flags)
    }
}
