import CLinux
internal import FUSE
import Glibc
internal import Synchronization

/// A file or directory of the host, open for a handle: with a unit of the budget and a use of the node's own descriptor,
/// so that what is open works on, whatever becomes of its name.
struct OpenFile {
    /// -1 for a directory that appears empty: nothing of the host is open for it, and the unit is all there is.
    let descriptor: CInt
    /// What opens it again.
    let flags: CInt
    /// Whether the descriptor is the node's own: a use of that is all there is.
    let isShared: Bool

    init(_ descriptor: CInt, _ flags: CInt, isShared: Bool = false) {
        self.descriptor = descriptor
        self.flags = flags & ~O_TRUNC
        self.isShared = isShared
    }
}

/// An open file or directory of the guest. Its number is never used again in a session, so a stale one finds nothing.
final class Handle: DescriptorHolder {
    let id: HandleID
    let node: Node
    /// What the file is opened with, whenever it is.
    let flags: CInt
    /// The listing of an open directory; nil for a file.
    let stream: DirectoryStream?
    /// Whether it is a directory that appears empty: nothing of the host is open for it.
    let isHidden: Bool
    /// The descriptor and who uses it: see `Lease`. It may be taken away (`Handle+Descriptor.swift`).
    let lease: Atomic<UInt64>
    nonisolated(unsafe) var slot: Int32 = -1

    /// Makes a handle that takes over what was opened for it.
    init(id: HandleID, node: Node, _ file: OpenFile) {
        self.id = id
        self.node = node
        flags = file.flags
        stream = node.isDirectory ? DirectoryStream(buffers: node.pool.handles.listings) : nil
        isHidden = file.descriptor < 0
        lease = Atomic(
            UInt64(UInt32(bitPattern: file.descriptor)) | Lease.used | (file.isShared ? Lease.isShared : 0))
        node.openHandles.add(1, ordering: .relaxed)
    }

    deinit {
        node.pool.handles.leave(self)
        node.openHandles.subtract(1, ordering: .relaxed)
        let held = lease.load(ordering: .acquiring)
        let descriptor = Lease.descriptor(held)
        let isShared = held & Lease.isShared != 0
        if descriptor >= 0 {
            if !isShared { _ = cl_close(descriptor) }
            node.giveBack()
        } else if !isHidden {
            node.sleepingHandles.subtract(1, ordering: .relaxed)
        }
        // One that sleeps has given its unit back already; one that shares has none.
        if isHidden || descriptor >= 0 && !isShared { node.pool.giveBack() }
    }
}
