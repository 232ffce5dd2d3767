import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import SystemPackage

/// LOOKUP, and the entries that everything which makes a name replies with.
extension RequestDispatcher {
    func lookup(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let name = try ComponentName(only: request.body)
        try reply.require(EntryOut.byteCount)
        return try reply.send(find(name.start, name.bytes, in: node, session))
    }

    /// Looks a name up and counts a reference to what it names.
    ///
    /// A node that is known costs one statx(2) and no open. Nothing is followed: what is held is the name's own inode,
    /// whatever it is, and its identity is read from the held descriptor, so that no swap of the name can slip in.
    func find(
        _ name: UnsafePointer<CChar>, _ bytes: UnsafeRawBufferPointer, in parent: Node, _ session: Session
    ) throws(Errno) -> EntryOut {
        guard parent.isDirectory else { throw .notDirectory }
        if parent.zone == .hidden { throw .noSuchFileOrDirectory }
        let clock = cl_file_clock()
        var found = cl_statx()
        try checked(cl_statx(parent.descriptor, name, &found))
        var zone = try parent.zone.zone(of: bytes, found, in: parent.child)
        let key = NodeKey(child: parent.child, found)
        if let node = session.acquire(key, tag: session.tag(of: key)) { return entry(node, found, clock: clock) }

        try session.budget.take()
        let descriptor = cl_openat(parent.descriptor, name, CL_O_PATH | O_NOFOLLOW, 0)
        let status = descriptor < 0 ? descriptor : cl_statx(descriptor, nil, &found)
        do throws(Errno) {
            try checked(status)
            zone = try parent.zone.zone(of: bytes, found, in: parent.child)
        } catch {
            if descriptor >= 0 { _ = cl_close(descriptor) }
            session.budget.giveBack()
            throw error
        }
        return adopt(descriptor, found, of: parent.child, zone, session, clock: clock)
    }

    /// Makes an inode that is held the guest's, or finds that it is already. The descriptor is an O_PATH one and taken
    /// over, with its unit of the budget.
    func adopt(
        _ descriptor: CInt, _ found: cl_statx, of child: Child, _ zone: Zone, _ session: Session, clock: Int64
    ) -> EntryOut {
        let key = NodeKey(child: child, found)
        let node = session.adopt(
            key, tag: session.tag(of: key), descriptor: descriptor, child: child, zone: zone,
            found: found)
        return entry(node, found, clock: clock)
    }

    /// The reply to a lookup that has been counted.
    @inline(__always)
    func entry(_ node: Node, _ found: cl_statx, clock: Int64) -> EntryOut {
        if node.isRegular { node.cache.tell(found, clock: clock) }
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
        return try Descriptor(result: cl_reopen(aggregate.processDescriptors.number, node.descriptor, flags, 0))
    }
}
