import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import Synchronization
internal import SystemPackage

/// LOOKUP, and the entries that everything which makes a name replies with.
extension RequestDispatcher {
    func lookup(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let name = try ComponentName(only: request.body)
        try reply.require(EntryOut.byteCount)
        let entry: EntryOut
        do throws(Errno) {
            entry = try find(name.start, name.bytes, in: node, session)
        } catch .noSuchFileOrDirectory where node.child.options.cache.keepsAbsence && !node.isDeletedByHost() {
            // No node, and for how long.
            return try reply.send(EntryOut { $0.entrySeconds = node.child.cacheTimes.entrySeconds })
        }
        return try reply.send(entry)
    }

    /// Looks a name up and counts a reference to what it names.
    ///
    /// One statx(2), and nothing is opened: a new node is opened when it is used, and by then has to be the one that was
    /// seen here. Nothing is followed.
    func find(
        _ name: UnsafePointer<CChar>, _ bytes: UnsafeRawBufferPointer, in parent: Node, _ session: Session
    ) throws(Errno) -> EntryOut {
        guard parent.isDirectory else { throw .notDirectory }
        if parent.zone == .hidden { throw .noSuchFileOrDirectory }
        return try parent.withDescriptor { (directory) throws(Errno) in
            let clock = cl_file_clock()
            let known = session.names.entry(session.tag(of: bytes, in: parent))
            var found = cl_statx()
            let result = cl_statx(directory, name, &found)
            if result == 0 - ENOENT { session.names.note(nil, since: known) }
            try checked(result)
            let zone = try parent.zone.zone(of: bytes, found, in: parent.child)
            let key = NodeKey(child: parent.child, found)
            if parent.child.owners.areMapped, Appearance.isRecordable(found) {
                if let node = session.acquire(key) {
                    session.remember(node, bytes, in: parent, directory, since: known)
                    return try entry(node, changed: found, session, clock: clock)
                }
                return try findUnknown(name, bytes, key, zone, in: parent, directory, session, known, clock: clock)
            }
            let node = try session.meet(key, name: bytes, in: parent, zone: zone, found: found, lane: lane)
            session.remember(node, bytes, in: parent, directory, since: known)
            return try entry(node, changed: found, session, clock: clock)
        }
    }

    /// Makes a node of what a name in a mapped share stands for. It is opened at once: its record has to be its own, and
    /// says what the guest may do with it.
    private func findUnknown(
        _ name: UnsafePointer<CChar>, _ bytes: UnsafeRawBufferPointer, _ key: NodeKey, _ zone: Zone, in parent: Node,
        _ directory: CInt, _ session: Session, _ known: KnownNames.Entry, clock: Int64
    ) throws(Errno) -> EntryOut {
        try session.pool.take()
        let held = cl_openat(directory, name, CL_O_PATH | O_NOFOLLOW, 0)
        let node: Node
        let shown: cl_statx
        do throws(Errno) {
            try checked(held)
            var found = cl_statx()
            try checked(cl_statx(held, nil, &found))
            guard NodeKey(child: parent.child, found) == key else { throw .staleNFSFileHandle }
            shown = try appearance(of: held, found, in: parent.child).appearance.shown(found)
            node = try session.adopt(key, name: bytes, in: parent, zone: zone, found: shown, lane: lane)
        } catch {
            if held >= 0 { _ = cl_close(held) }
            session.pool.giveBack()
            throw error
        }
        node.lease.add(Lease.oneUse, ordering: .relaxed)
        node.install(held)
        node.giveBack()
        session.remember(node, bytes, in: parent, directory, since: known)
        // Somebody else may have met it meanwhile, as something else.
        guard shown.mode & UInt32(Glibc.S_IFMT) == node.type else {
            session.forget(node.id, count: 1, lane: lane)
            throw .staleNFSFileHandle
        }
        return entry(node, shown, clock: clock)
    }

    /// The reply to a lookup that has been counted, of an inode that may have to be shown as another user's. Takes the
    /// lookup back when it fails.
    @inline(__always)
    func entry(
        _ node: Node, changed found: cl_statx, _ session: Session, clock: Int64
    ) throws(Errno) -> EntryOut {
        do throws(Errno) {
            return entry(node, try shown(found, of: node), clock: clock)
        } catch {
            session.forget(node.id, count: 1, lane: lane)
            throw error
        }
    }

    /// A name that is about to be taken away or given to something else.
    struct HeldName {
        /// The node of what it stands for, with a use of its descriptor; nil when the guest has none.
        var node: Node?
        /// Whether it is known to be the inode's only name.
        var isOnlyName = false
        /// What was known of the name before.
        let known: KnownNames.Entry
    }

    /// Holds the node of what a name stands for, if the guest knows it, so that the node is still there when the name is not.
    ///
    /// The host is asked only about names that the guest has not used lately.
    func hold(
        _ name: ComponentName, in parent: Node, _ directory: CInt, _ session: Session
    ) throws(Errno) -> HeldName {
        let known = session.names.entry(session.tag(of: name.bytes, in: parent))
        if known.isNothing { return HeldName(known: known) }
        if let node = session.node(of: known) {
            do throws(Errno) {
                _ = try node.borrow()
                return HeldName(node: node, known: known)
            } catch {
                // The host has given the name to something else.
                guard error == .staleNFSFileHandle else { throw error }
            }
        }
        return try look(name, in: parent, directory, session, known)
    }

    private func look(
        _ name: ComponentName, in parent: Node, _ directory: CInt, _ session: Session, _ known: KnownNames.Entry
    ) throws(Errno) -> HeldName {
        var found = cl_statx()
        let result = cl_statx(directory, name.start, &found)
        guard result == 0, let node = session.known(NodeKey(child: parent.child, found)) else {
            if result == 0 || result == 0 - ENOENT { session.names.note(nil, since: known) }
            return HeldName(known: session.names.entry(known.tag))
        }
        do throws(Errno) {
            _ = try node.borrow()
        } catch {
            guard error == .staleNFSFileHandle else { throw error }
            // Found by a name that the host has changed; this one leads to it.
            session.remember(node, name.bytes, in: parent, directory, since: known)
            do throws(Errno) {
                _ = try node.borrow()
            } catch {
                if error == .staleNFSFileHandle { return HeldName(known: known) }
                throw error
            }
        }
        return HeldName(
            node: node, isOnlyName: node.isDirectory || found.nlink <= 1, known: session.names.entry(known.tag))
    }

    /// The reply to a lookup that has been counted.
    @inline(__always)
    func entry(_ node: Node, _ found: cl_statx, clock: Int64) -> EntryOut {
        node.tell(found, clock: clock)
        let times = node.cacheTimes
        var entry = EntryOut()
        entry.node = node.id
        entry.entrySeconds = times.entrySeconds
        entry.attrSeconds = times.attributeSeconds
        entry.attrNanoseconds = times.attributeNanoseconds
        entry.attributes = node.attributes(found)
        return entry
    }

    /// Opens a held inode for use. Only regular files and directories are ever opened: a FIFO would block, and a device is
    /// the host's.
    ///
    /// - Throws: ENXIO for anything else.
    func reopen(_ node: Node, _ flags: CInt) throws(Errno) -> Descriptor {
        guard node.isRegular || node.isDirectory else { throw .noSuchAddressOrDevice }
        return try openingUp(node) { () throws(Errno) in
            try node.withDescriptor { (held) throws(Errno) in
                try Descriptor(result: node.pool.reopen(held, flags))
            }
        }
    }

    /// Opens an inode for a handle, with a unit of the budget and a use of the node's own descriptor. What `reopen` does not
    /// open this does not either.
    func openHeld(_ node: Node, _ flags: CInt) throws(Errno) -> CInt {
        guard node.isRegular || node.isDirectory else { throw .noSuchAddressOrDevice }
        return try openingUp(node) { () throws(Errno) in try node.openHeld(flags) }
    }
}
