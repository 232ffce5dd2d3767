import CLinux
internal import FUSE
import Glibc
internal import Synchronization

/// An inode on the host that the guest knows, held by an O_PATH descriptor for as long as the guest remembers it or a
/// request uses it.
final class Node: Sendable {
    let id: NodeID
    let child: Child
    let key: NodeKey
    /// The tag of `key` in its session's table.
    let tag: UInt64
    /// The inode, O_PATH | O_NOFOLLOW; negative in a node whose share was revoked.
    let descriptor: CInt
    let zone: Zone
    /// The file type: S_IFMT bits of the mode, which never change.
    let type: UInt32
    /// Whether the inode had a name when it was met: then it is gone from the host once it has none.
    let wasLinked: Bool
    /// Whether this is the shared directory itself, whose descriptor is its share's.
    let isChildRoot: Bool
    /// The references the guest holds, `nlookup`. Changed only under the lock of `tag`'s table.
    let references: Atomic<UInt64>
    /// Open handles of this node.
    let openHandles = Atomic<Int>(0)
    /// What the guest may believe of its cached pages.
    let cache = PageCacheState()
    private let budget: DescriptorBudget

    init(
        id: NodeID, child: Child, key: NodeKey, tag: UInt64, descriptor: CInt, isChildRoot: Bool, zone: Zone,
        found: cl_statx, budget: DescriptorBudget
    ) {
        self.id = id
        self.child = child
        self.key = key
        self.tag = tag
        self.descriptor = descriptor
        self.isChildRoot = isChildRoot
        self.zone = zone
        type = found.mode & UInt32(Glibc.S_IFMT)
        wasLinked = found.nlink > 0
        references = Atomic(1)
        self.budget = budget
    }

    deinit {
        guard descriptor >= 0, !isChildRoot else { return }
        _ = cl_close(descriptor)
        budget.giveBack()
    }

    var isDirectory: Bool { type == UInt32(Glibc.S_IFDIR) }
    var isRegular: Bool { type == UInt32(Glibc.S_IFREG) }
    var isSymlink: Bool { type == UInt32(Glibc.S_IFLNK) }

    /// What stands in for `node` once its share is revoked: it answers ESTALE and holds nothing of the host.
    init(standingInFor node: Node, of standIn: Child) {
        id = node.id
        child = standIn
        key = node.key
        tag = node.tag
        descriptor = -1
        isChildRoot = node.isChildRoot
        zone = node.zone
        type = node.type
        wasLinked = node.wasLinked
        references = Atomic(node.references.load(ordering: .relaxed))
        budget = node.budget
    }
}
