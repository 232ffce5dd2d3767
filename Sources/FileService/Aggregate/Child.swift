internal import Synchronization
internal import SystemPackage

/// A share as it appears in an aggregate: a name below the synthetic root and the host directory or file behind it.
final class Child: Sendable {
    let id: UInt32
    let name: String
    let nameBytes: [UInt8]
    let nameHash: UInt64
    let hostPath: FilePath
    let options: ChildOptions
    let root: HostRoot
    /// How long what is in it may be believed.
    let cacheTimes: CacheTimes
    /// The same for its root.
    let rootCacheTimes: CacheTimes
    let numbering: InodeNumbering
    let owners: Owners
    /// What the guest does with it.
    let counters = ActivityCounters()
    private let removed = Atomic<Bool>(false)
    private let revoked = Atomic<Bool>(false)

    init(id: UInt32, name: String, hostPath: FilePath, options: ChildOptions, root: HostRoot) {
        self.id = id
        self.name = name
        nameBytes = Array(name.utf8)
        nameHash = hashed(name.utf8)
        self.hostPath = hostPath
        self.options = options
        self.root = root
        cacheTimes = .inside(options.cache)
        rootCacheTimes = cacheTimes.ofShareRoot
        numbering = InodeNumbering(key: nameHash, homeDevice: root.device)
        owners = Owners(options.ownership, root: root.owner)
    }

    /// Whether the share has left the synthetic root.
    var isRemoved: Bool { removed.load(ordering: .acquiring) }
    /// Whether every node of the share is to answer ESTALE.
    var isRevoked: Bool { revoked.load(ordering: .relaxed) }

    func remove(revoke: Bool) {
        if revoke { revoked.store(true, ordering: .releasing) }
        removed.store(true, ordering: .releasing)
    }

    /// What the guest's nodes are nodes of once this share is revoked: it holds nothing of the host.
    func standIn() -> Child {
        let child = Child(
            id: id, name: name, hostPath: hostPath, options: options, root: HostRoot(released: root))
        child.remove(revoke: true)
        return child
    }

    /// The zone of the share's root.
    var rootZone: Zone { options.hidesPersonalData ? .guardedRoot : .open }

    var summary: ChildSummary {
        ChildSummary(id: id, name: name, hostPath: hostPath, isFile: root.isFile, options: options)
    }
}
