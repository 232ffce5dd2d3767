import CLinux
internal import FUSE
import Glibc
internal import Synchronization

/// An inode on the host that the guest knows.
///
/// It need not be held: a node knows its place, a name in the directory of another node, and gets a descriptor by it when
/// one is needed (`Node+Descriptor.swift`). What cannot be found by a place keeps its descriptor until the guest forgets it.
final class Node: DescriptorHolder {
    let id: NodeID
    let child: Child
    let key: NodeKey
    let zone: Zone
    /// Whether the inode had a name when it was met: then it is gone from the host once it has none.
    let wasLinked: Bool
    /// Whether this is the shared directory or file itself, whose descriptor is its share's.
    let isChildRoot: Bool
    /// The share's, to be looked at without going there: see ``HostRoot/birthTimesLast``.
    let birthTimesLast: Bool
    /// The file type: S_IFMT bits of the mode, which never change.
    let type: UInt32
    /// The references the guest holds, `nlookup`. Changed only under the lock of the table that has the node by its key.
    let references: Atomic<UInt64>
    /// Open handles of this node.
    let openHandles = Atomic<Int32>(0)
    /// How many of them sleep.
    let sleepingHandles = Atomic<Int32>(0)
    /// What the guest may believe of its cached pages.
    let cache = PageCacheState()
    let pool: DescriptorPool
    /// The descriptor, O_PATH | O_NOFOLLOW, and who uses it: see `Lease`.
    let lease: Atomic<UInt64>

    // The rest is rarely touched: Swift's checks for exclusive access cost nothing there.

    /// The place the node was found at last; nil when it has none. Guarded by the pool's lock for it.
    nonisolated(unsafe) var place: Place?
    /// The tag of `place`, to be compared without the lock; 0 when there is none.
    let placeTag: Atomic<UInt64>
    /// Whether the node itself is one of the users of its descriptor, because it has no place. Guarded like `place`.
    nonisolated(unsafe) var keepsItself: Bool
    /// Where the pool has the node; -1 when it has not. Guarded by the pool's lock.
    nonisolated(unsafe) var slot: Int32 = -1

    /// Makes a node that is to be found at a place, or, without one, that keeps the descriptor it is to be given at once.
    init(
        id: NodeID, child: Child, key: NodeKey, zone: Zone, found: cl_statx, place: Place?,
        placeTag: UInt64, pool: DescriptorPool
    ) {
        self.id = id
        self.child = child
        self.key = key
        self.zone = zone
        self.place = place
        self.placeTag = Atomic(placeTag)
        self.pool = pool
        isChildRoot = false
        birthTimesLast = child.root.birthTimesLast
        keepsItself = place == nil
        lease = Atomic(Lease.none + (place == nil ? Lease.oneUse : 0))
        type = found.mode & UInt32(Glibc.S_IFMT)
        wasLinked = found.nlink > 0
        references = Atomic(1)
    }

    /// Makes the node of a share's root.
    init(rootOf child: Child, id: NodeID, key: NodeKey, found: cl_statx, pool: DescriptorPool) {
        self.id = id
        self.child = child
        self.key = key
        self.pool = pool
        zone = child.rootZone
        isChildRoot = true
        birthTimesLast = child.root.birthTimesLast
        placeTag = Atomic(0)
        keepsItself = true
        lease = Atomic(Lease.oneUse + UInt64(UInt32(bitPattern: child.root.descriptor)))
        type = found.mode & UInt32(Glibc.S_IFMT)
        wasLinked = found.nlink > 0
        references = Atomic(1)
    }

    /// What stands in for `node` once its share is revoked: it answers ESTALE and holds nothing of the host.
    init(standingInFor node: Node, of standIn: Child) {
        id = node.id
        child = standIn
        key = node.key
        zone = node.zone
        type = node.type
        wasLinked = node.wasLinked
        isChildRoot = node.isChildRoot
        birthTimesLast = standIn.root.birthTimesLast
        pool = node.pool
        placeTag = Atomic(0)
        keepsItself = false
        lease = Atomic(Lease.none)
        references = Atomic(node.references.load(ordering: .relaxed))
    }

    deinit {
        letGoOfDescriptor()
        // The directories above that only this node has kept, one after the other: a guest can make them nest so deep
        // that they must not let go of each other within each other.
        var last = place.take()
        while isKnownUniquelyReferenced(&last) {
            var parent = last?.takeParent()
            last = nil
            guard isKnownUniquelyReferenced(&parent) else { return }
            last = parent?.place.take()
        }
    }

    /// Whether the guest still knows the node: it may have files open of one that it has forgotten, if it is no Linux.
    var isReferenced: Bool { references.load(ordering: .relaxed) > 0 }
    var isDirectory: Bool { type == UInt32(Glibc.S_IFDIR) }
    var isRegular: Bool { type == UInt32(Glibc.S_IFREG) }
    var isSymlink: Bool { type == UInt32(Glibc.S_IFLNK) }
}
