import CLinux
internal import FUSE
internal import Linux
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
    private let handles = ShardedTable<Handle>()
    private let nextNode = Atomic<UInt64>(2)
    private let nextHandle = Atomic<UInt64>(1)
    private let seed = UInt64.random(in: .min ... .max)
    let budget: DescriptorBudget

    init(budget: DescriptorBudget) {
        self.budget = budget
    }

    // MARK: Nodes

    /// The node that a request names.
    ///
    /// - Throws: EINVAL when the guest has no such node; ESTALE when its share was revoked.
    @inline(__always)
    func node(_ id: NodeID) throws(Errno) -> Node {
        guard let node = nodes.find(id.rawValue) else { throw .invalidArgument }
        if node.child.isRevoked { throw .staleNFSFileHandle }
        return node
    }

    func tag(of key: NodeKey) -> UInt64 { key.tag(seed: seed) }

    /// The node with this key, with one more reference; nil when there is none.
    func acquire(_ key: NodeKey, tag: UInt64) -> Node? {
        index.withTable(of: tag) { table in
            guard let node = table.find(tag, where: { $0.key == key }) else { return nil }
            Session.addReference(to: node)
            return node
        }
    }

    /// The node with this key, with one more reference, made if there is none. The descriptor is an O_PATH one of the
    /// inode: the new node's, or closed and its unit of the budget given back when there is a node already.
    func adopt(
        _ key: NodeKey, tag: UInt64, descriptor: CInt, child: Child, zone: Zone, found: cl_statx
    ) -> Node {
        let node = index.withTable(of: tag) { table in
            if let node = table.find(tag, where: { $0.key == key }) {
                Session.addReference(to: node)
                return node
            }
            let node = Node(
                id: takeNodeID(), child: child, key: key, tag: tag, descriptor: descriptor, isChildRoot: false,
                zone: zone, found: found, budget: budget)
            table.insert(node, tag: tag)
            // Before the other lock is let go: whoever finds the node by its key may send its id to the guest at once.
            nodes.insert(node, tag: node.id.rawValue)
            return node
        }
        if node.descriptor != descriptor {
            _ = cl_close(descriptor)
            budget.giveBack()
        }
        return node
    }

    /// The node of a share's root, with one more reference.
    func acquireRoot(of child: Child, _ found: cl_statx) -> Node {
        roots.withTable(of: UInt64(child.id)) { table in
            if let node = table.find(UInt64(child.id)) {
                Session.addReference(to: node)
                return node
            }
            let key = NodeKey(child: child, found)
            let node = Node(
                id: takeNodeID(), child: child, key: key, tag: UInt64(child.id),
                descriptor: child.root.descriptor, isChildRoot: true, zone: child.rootZone,
                found: found, budget: budget)
            table.insert(node, tag: UInt64(child.id))
            nodes.insert(node, tag: node.id.rawValue)
            return node
        }
    }

    /// Takes references back. More than there are, and nodes that are not there, are the guest's mistake and harmless.
    func forget(_ id: NodeID, count: UInt64) {
        guard let node = nodes.find(id.rawValue) else { return }
        let table = node.isChildRoot ? roots : index
        let isLast = table.withTable(of: node.tag) { table in
            let held = node.references.load(ordering: .relaxed)
            let left = held > count ? held - count : 0
            node.references.store(left, ordering: .relaxed)
            guard left == 0, !node.isChildRoot || node.child.isRemoved else { return false }
            // Not there when the share was revoked; the node lives until the end of this function.
            _ = table.remove(node.tag) { $0 === node }
            return true
        }
        if isLast { nodes.remove(id.rawValue) }
    }

    private static func addReference(to node: Node) {
        let held = node.references.load(ordering: .relaxed)
        node.references.store(held == .max ? held : held + 1, ordering: .relaxed)
    }

    private func takeNodeID() -> NodeID {
        NodeID(rawValue: nextNode.add(1, ordering: .relaxed).oldValue)
    }

    // MARK: Handles

    /// Opens a handle of a node. The descriptor is the open file's, with its unit of the budget, or -1; it is the handle's
    /// from now on.
    func open(_ node: Node, descriptor: CInt, stream: DirectoryStream? = nil) -> Handle {
        let id = HandleID(rawValue: nextHandle.add(1, ordering: .relaxed).oldValue)
        let handle = Handle(id: id, node: node, descriptor: descriptor, stream: stream, budget: budget)
        handles.insert(handle, tag: id.rawValue)
        return handle
    }

    /// The handle that a request names.
    ///
    /// - Throws: EBADF when there is none, or it is another node's.
    @inline(__always)
    func handle(_ id: HandleID, of node: Node) throws(Errno) -> Handle {
        guard let handle = handles.find(id.rawValue), handle.node === node else { throw .badFileDescriptor }
        return handle
    }

    /// An open regular file.
    @inline(__always)
    func file(_ id: HandleID, of node: Node) throws(Errno) -> Handle {
        let handle = try handle(id, of: node)
        guard handle.stream == nil else { throw .badFileDescriptor }
        return handle
    }

    /// Closes a handle; requests that still use it finish first.
    func close(_ id: HandleID, of node: Node) throws(Errno) {
        _ = try handle(id, of: node)
        handles.remove(id.rawValue)
    }

    // MARK: Ends

    /// Lets go of everything the host holds for a share: its handles are gone, its nodes answer ESTALE until forgotten.
    func revoke(_ child: Child) {
        for handle in handles.snapshot() where handle.node.child === child { handles.remove(handle.id.rawValue) }
        let standIn = child.standIn()
        for node in nodes.snapshot() where node.child === child {
            let table = node.isChildRoot ? roots : index
            table.withTable(of: node.tag) { table in
                _ = table.remove(node.tag) { $0 === node }
                nodes.withTable(of: node.id.rawValue) { nodes in
                    guard nodes.remove(node.id.rawValue) != nil else { return }
                    nodes.insert(Node(standingInFor: node, of: standIn), tag: node.id.rawValue)
                }
            }
        }
    }

    /// Drops the root node of a removed share if the guest has no reference to it.
    func dropRoot(of child: Child) {
        if let node = roots.find(UInt64(child.id)) { forget(node.id, count: 0) }
    }

    /// Forgets everything: the guest has.
    func wipe() {
        handles.removeAll()
        index.removeAll()
        roots.removeAll()
        nodes.removeAll()
    }
}
