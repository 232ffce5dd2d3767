import CLinux
internal import FUSE
internal import Linux
internal import Sandbox
internal import Synchronization
internal import SystemPackage

/// What one INIT began: the nodes and handles the guest knows. The next INIT begins another; shares outlive both.
final class Session: Sendable {
    /// Every node by its id, the roots of shares among them.
    private let nodes = ShardedTable<Node>()
    /// Every node but the roots of shares, by its key's tag.
    private let index = ShardedTable<Node>()
    /// The roots of shares by the share's id. They keep their node id for as long as the session and the share live: the
    /// guest has mounts on them.
    private let roots = ShardedTable<Node>()
    private let nextNode = Atomic<UInt64>(2)
    private let nextHandle = Atomic<UInt64>(1)
    private let seed = UInt64.random(in: .min ... .max)
    let pool: DescriptorPool
    let names = KnownNames()
    /// What was negotiated with the guest.
    let flags: InitFlags
    /// Whether the guest writes data back when it likes to, and knows sizes and times of files better than the host.
    let buffersWrites: Bool
    /// Whether FLUSH is refused, which a guest that buffers writes would otherwise send at each close(2), needed or not:
    /// it takes no notice of FOPEN_NOFLUSH. Settled before the session begins.
    let refusesFlush = Atomic<Bool>(false)
    /// What was opened without the guest having asked for it; nil where it opens what it uses.
    let recent: RecentHandles?
    /// The guest's locks; nil when it keeps them to itself.
    let locks: LockTable?

    /// - Throws: What a descriptor could not be made with.
    init(
        budget: DescriptorBudget, processDescriptors: CInt, flags: InitFlags = [], threads: WorkerThreads? = nil
    ) throws(Errno) {
        pool = DescriptorPool(budget: budget, processDescriptors: processDescriptors)
        self.flags = flags
        buffersWrites = flags.contains(.writebackCache)
        recent = flags.isSuperset(of: Negotiation.unopened) ? RecentHandles(descriptorLimit: budget.limit) : nil
        locks = flags.isDisjoint(with: Negotiation.locks) ? nil : try LockTable(threads: threads)
    }

    // The pool has the handles, and they have it.
    deinit { handles.close() }

    private var handles: HandleTable { pool.handles }

    // MARK: Nodes

    /// The node that a request names.
    ///
    /// - Throws: EINVAL when the guest has no such node; ESTALE when its share was revoked.
    @inline(__always)
    func node(_ id: NodeID) throws(Errno) -> Node {
        guard let node = node(numbered: id) else { throw .invalidArgument }
        if node.child.isRevoked { throw .staleNFSFileHandle }
        return node
    }

    @inline(__always)
    private func node(numbered id: NodeID) -> Node? { nodes.find(id.rawValue) { $0.id == id } }

    /// The tag of the place that a name is.
    @inline(__always)
    func tag(of name: UnsafeRawBufferPointer, in parent: Node) -> UInt64 { Place.tag(name, in: parent, seed: seed) }

    private func tag(of key: NodeKey) -> UInt64 { key.tag(seed: seed) }

    /// The tag of a node in the table that has it beside `nodes`.
    private func tag(of node: Node) -> UInt64 { node.isChildRoot ? UInt64(node.child.id) : tag(of: node.key) }

    /// The node with this key, with one more reference; nil when there is none.
    func acquire(_ key: NodeKey) -> Node? {
        let tag = tag(of: key)
        return index.withTable(of: tag) { table in
            guard let node = table.find(tag, where: { $0.key == key }) else { return nil }
            Session.addReference(to: node)
            return node
        }
    }

    /// The node with this key, without a reference more; nil when there is none.
    func known(_ key: NodeKey) -> Node? {
        let tag = tag(of: key)
        return index.withTable(of: tag) { $0.find(tag, where: { $0.key == key }) }
    }

    /// The same as `adopt`, fast where there is such a node.
    ///
    /// - Throws: ESTALE when the share was revoked meanwhile.
    func meet(
        _ key: NodeKey, name: UnsafeRawBufferPointer, in parent: Node, zone: Zone, found: cl_statx, lane: Int
    ) throws(Errno) -> Node {
        if let node = acquire(key) { return node }
        return try adopt(key, name: name, in: parent, zone: zone, found: found, lane: lane)
    }

    /// The node with this key, with one more reference, made if there is none. It is found under `name` in `parent`;
    /// without a name, a new node is one that has none, and is to be given a descriptor at once.
    ///
    /// - Throws: ESTALE when the share was revoked meanwhile.
    func adopt(
        _ key: NodeKey, name: UnsafeRawBufferPointer?, in parent: Node, zone: Zone, found: cl_statx, lane: Int
    ) throws(Errno) -> Node {
        let tag = tag(of: key)
        let adopted: Node? = index.withTable(of: tag) { table in
            if let node = table.find(tag, where: { $0.key == key }) {
                Session.addReference(to: node)
                return node
            }
            let node = Node(
                id: takeNodeID(), child: parent.child, key: key, zone: zone, found: found,
                place: name.map { Place.make($0, in: parent) },
                placeTag: name.map { self.tag(of: $0, in: parent) } ?? 0,
                pool: pool)
            table.insert(node, tag: tag)
            // Before the other lock is let go: whoever finds the node by its key may send its id to the guest at once.
            let isKnown = nodes.insert(node, tag: node.id.rawValue)
            if parent.child.isRevoked {
                withdraw(node, from: &table)
                return nil
            }
            if isKnown { node.child.counters.countInodes(1, lane: lane) }
            return node
        }
        guard let adopted else { throw .staleNFSFileHandle }
        return adopted
    }

    /// Takes a new node back: it may have come too late for `revoke` to find it.
    private func withdraw(_ node: Node, from table: inout ObjectTable<Node>) {
        _ = table.remove(tag(of: node)) { $0 === node }
        nodes.remove(node.id.rawValue) { $0 === node }
    }

    /// The node of a share's root, with one more reference.
    ///
    /// - Throws: ESTALE when the share was revoked meanwhile.
    func acquireRoot(of child: Child, _ found: cl_statx) throws(Errno) -> Node {
        let acquired: Node? = roots.withTable(of: UInt64(child.id)) { table in
            if let node = table.find(UInt64(child.id), where: { $0.child.id == child.id }) {
                Session.addReference(to: node)
                return node
            }
            let key = NodeKey(child: child, found)
            let node = Node(
                rootOf: child, id: takeNodeID(), key: key, found: found, pool: pool)
            table.insert(node, tag: UInt64(child.id))
            nodes.insert(node, tag: node.id.rawValue)
            if child.isRevoked {
                withdraw(node, from: &table)
                return nil
            }
            return node
        }
        guard let acquired else { throw .staleNFSFileHandle }
        return acquired
    }

    /// Takes references back. More than there are, and nodes that are not there, are the guest's mistake and harmless.
    func forget(_ id: NodeID, count: UInt64, lane: Int?) {
        guard let node = node(numbered: id) else { return }
        let table = node.isChildRoot ? roots : index
        let tag = tag(of: node)
        let isLast = table.withTable(of: tag) { table in
            let held = node.references.load(ordering: .relaxed)
            let left = held > count ? held - count : 0
            node.references.store(left, ordering: .relaxed)
            guard left == 0, !node.isChildRoot || node.child.isRemoved else { return false }
            // Not there when the share was revoked; the node lives until the end of this function.
            _ = table.remove(tag) { $0 === node }
            return true
        }
        // What goes may be what stands in for the node by now.
        guard isLast else { return }
        if let gone = nodes.remove(id.rawValue, where: { $0.id == id }) { Session.count(gone, -1, lane: lane) }
        if let handle = ownHandle(of: node) { remove(handle, lane: lane) }
    }

    private static func addReference(to node: Node) {
        let held = node.references.load(ordering: .relaxed)
        node.references.store(held == .max ? held : held + 1, ordering: .relaxed)
    }

    /// Counts a node that the guest has got to know, or that it knows no more; the roots of shares are not counted.
    private static func count(_ node: Node, _ change: Int, lane: Int?) {
        if !node.isChildRoot { node.child.counters.countInodes(change, lane: lane) }
    }

    private func takeNodeID() -> NodeID {
        NodeID(rawValue: nextNode.add(1, ordering: .relaxed).oldValue)
    }

    // MARK: Places

    /// Remembers that a node is found under `name` in `parent`, which is held by `directory`. `known` is what was known of
    /// the name before it was found there; nil where it has just been given that name.
    @inline(__always)
    func remember(
        _ node: Node, _ name: UnsafeRawBufferPointer, in parent: Node, _ directory: CInt, since known: KnownNames.Entry?
    ) {
        let tag = known?.tag ?? self.tag(of: name, in: parent)
        defer {
            if let known { names.note(node.id, since: known) } else { names.set(node.id, tag: tag) }
        }
        if node.placeTag.load(ordering: .relaxed) != tag { move(node, name, in: parent, directory, tag) }
    }

    /// The node that the guest knows by a name, as far as is remembered.
    func node(of known: KnownNames.Entry) -> Node? {
        guard let id = known.node, let node = node(numbered: id),
            node.placeTag.load(ordering: .relaxed) == known.tag
        else { return nil }
        return node
    }

    private func move(
        _ node: Node, _ name: UnsafeRawBufferPointer, in parent: Node, _ directory: CInt, _ tag: UInt64
    ) {
        guard !node.isChildRoot else { return }
        let place = Place.make(name, in: parent)
        guard pool.move(node, to: place, tag: tag) else { return }
        // It was seen there before the place was set, and whoever removes a name looks at the place after: look again.
        var found = cl_statx()
        let result = place.withName { cl_statx(directory, $0, &found) }
        if result == 0, NodeKey(child: node.child, found) == node.key { pool.settle(node, at: place) }
    }

    // MARK: Handles

    /// Opens a handle of a node, which takes over what was opened for it.
    ///
    /// - Parameters:
    ///   - node: What is open.
    ///   - file: The open file.
    ///   - lane: Which of the share's counters is the caller's.
    /// - Returns: The handle.
    /// - Throws: ESTALE when the share was revoked meanwhile; ENFILE when the guest has as much open as it may.
    func open(_ node: Node, _ file: OpenFile, lane: Int) throws(Errno) -> Handle {
        let id = HandleID(rawValue: nextHandle.add(1, ordering: .relaxed).oldValue)
        let handle = Handle(id: id, node: node, file)
        if try handles.insert(handle) { node.child.counters.countHandles(1, lane: lane) }
        return try settle(handle, lane: lane)
    }

    /// A handle that was just opened may sleep from now on; it goes if it has come too late for `revoke` to find it.
    private func settle(_ handle: Handle, lane: Int) throws(Errno) -> Handle {
        if !handle.isHidden { handles.woke(handle) }
        guard handle.node.child.isRevoked else { return handle }
        remove(handle, lane: lane)
        throw .staleNFSFileHandle
    }

    /// The number of a node's own handle, which the guest does not know of; it is told no number as high.
    private static func ownHandleID(of node: Node) -> HandleID { HandleID(rawValue: node.id.rawValue | 1 << 63) }

    /// Whether the guest opens nothing on this device, and names no handle.
    var opensNothing: Bool { recent != nil }

    /// Whether a request names no handle, because its guest has opened nothing.
    @inline(__always)
    func isUnopened(_ id: HandleID) -> Bool { id == .none && opensNothing }

    /// The handle that a node has for itself; nil when it has none at the moment.
    @inline(__always)
    func ownHandle(of node: Node) -> Handle? {
        guard opensNothing, let handle = handles.find(Session.ownHandleID(of: node)), handle.node === node
        else { return nil }
        return handle
    }

    /// Opens a node's own handle, as `open` does; if it has one by now, that one is kept.
    ///
    /// - Throws: What `open` does.
    func openOwn(_ node: Node, _ file: OpenFile, lane: Int) throws(Errno) -> Handle {
        let id = Session.ownHandleID(of: node)
        let (handle, isNew) = try handles.insertUnlessThere(Handle(id: id, node: node, file))
        guard isNew else { return handle }
        node.child.counters.countHandles(1, lane: lane)
        if let old = recent?.add(id), old != .none, let handle = handles.find(old) { remove(handle, lane: lane) }
        return try settle(handle, lane: lane)
    }

    private func remove(_ handle: Handle, lane: Int?) {
        guard handles.remove(handle.id) else { return }
        handle.node.child.counters.countHandles(-1, lane: lane)
    }

    /// Wakes what sleeps of a node's open files, for good: its mode or its owner is about to change, and after that the host
    /// may not let us open them any more.
    func wakeHandles(of node: Node) {
        guard node.sleepingHandles.load(ordering: .relaxed) > 0 else { return }
        for handle in handles.snapshot() where handle.node === node { handle.stayAwake(in: handles) }
    }

    /// The handle that a request names.
    ///
    /// - Throws: EBADF when there is none, or it is another node's.
    @inline(__always)
    func handle(_ id: HandleID, of node: Node) throws(Errno) -> Handle {
        guard let handle = handles.find(id), handle.node === node else { throw .badFileDescriptor }
        return handle
    }

    /// The same, whatever node it is of.
    @inline(__always)
    func handle(_ id: HandleID) -> Handle? { handles.find(id) }

    /// An open regular file.
    @inline(__always)
    func file(_ id: HandleID, of node: Node) throws(Errno) -> Handle {
        let handle = try handle(id, of: node)
        guard handle.stream == nil else { throw .badFileDescriptor }
        return handle
    }

    /// Closes a handle; requests that still use it finish first.
    func close(_ id: HandleID, of node: Node, lane: Int) throws(Errno) {
        remove(try handle(id, of: node), lane: lane)
    }

    // MARK: Ends

    /// Lets go of everything the host holds for a share: its handles are gone, its nodes answer ESTALE until forgotten.
    func revoke(_ child: Child) {
        locks?.revoke(child)
        for handle in handles.snapshot() where handle.node.child === child { remove(handle, lane: nil) }
        let standIn = child.standIn()
        for node in nodes.snapshot() where node.child === child {
            let table = node.isChildRoot ? roots : index
            let tag = tag(of: node)
            table.withTable(of: tag) { table in
                _ = table.remove(tag) { $0 === node }
                nodes.withTable(of: node.id.rawValue) { nodes in
                    guard nodes.remove(node.id.rawValue, where: { $0 === node }) != nil else { return }
                    Session.count(node, -1, lane: nil)
                    // A root that the guest has forgotten, or what it is just forgetting: it will not do so again.
                    guard node.references.load(ordering: .relaxed) > 0 else { return }
                    let other = Node(standingInFor: node, of: standIn)
                    if nodes.insert(other, tag: node.id.rawValue) { Session.count(other, 1, lane: nil) }
                }
            }
        }
    }

    /// Drops the root node of a removed share if the guest has no reference to it.
    func dropRoot(of child: Child) {
        guard let node = roots.find(UInt64(child.id), where: { $0.child.id == child.id }) else { return }
        forget(node.id, count: 0, lane: nil)
    }

    /// Forgets everything: the guest has. What a request that is still served would add goes with it.
    func wipe() {
        locks?.close()
        handles.close { $0.node.child.counters.countHandles(-1, lane: nil) }
        index.close()
        roots.close()
        nodes.close { Session.count($0, -1, lane: nil) }
    }
}
