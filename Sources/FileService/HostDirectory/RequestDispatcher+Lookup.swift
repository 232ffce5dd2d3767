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
        let found: EntryOut
        do throws(Errno) {
            found = try find(name.start, name.bytes, in: node, session)
        } catch {
            let seconds = node.cacheTimes.absentSeconds
            guard error == .noSuchFileOrDirectory, seconds > 0 else { throw error }
            // The guest does not ask again for as long, as it would after an error.
            return try reply.send(EntryOut(absentFor: seconds))
        }
        return try reply.send(found)
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
            var found = cl_statx()
            try checked(cl_statx(directory, name, &found))
            let zone = try parent.zone.zone(of: bytes, found, in: parent.child)
            let key = NodeKey(child: parent.child, found)
            let node = try session.meet(key, name: bytes, in: parent, zone: zone, found: found, lane: lane)
            session.remember(node, bytes, in: parent, directory)
            return entry(node, found, clock: clock)
        }
    }

    /// The node of what a name stands for, if the guest knows it, with a use of its descriptor: for what is about to take
    /// the name away, so that the node is still there after.
    ///
    /// - Returns: Nil for a name that the guest has no node of, or that is not there; whether the name is the inode's only.
    func hold(
        _ name: ComponentName, in parent: Node, _ directory: CInt, _ session: Session
    ) throws(Errno) -> (node: Node, isOnlyName: Bool)? {
        var found = cl_statx()
        guard cl_statx(directory, name.start, &found) == 0,
            let node = session.known(NodeKey(child: parent.child, found))
        else { return nil }
        do throws(Errno) {
            _ = try node.borrow()
        } catch {
            guard error == .staleNFSFileHandle else { throw error }
            // Found by a name that the host has changed; this one leads to it.
            session.remember(node, name.bytes, in: parent, directory)
            do throws(Errno) {
                _ = try node.borrow()
            } catch {
                if error == .staleNFSFileHandle { return nil }
                throw error
            }
        }
        return (node, node.isDirectory || found.nlink <= 1)
    }

    /// The reply to a lookup that has been counted.
    @inline(__always)
    func entry(_ node: Node, _ found: cl_statx, clock: Int64) -> EntryOut {
        if node.isRegular { node.cache.tell(found, clock: clock) }
        let times = node.cacheTimes
        var entry = EntryOut()
        entry.node = node.id
        entry.entrySeconds = node.entrySeconds
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
        return try node.withDescriptor { (held) throws(Errno) in try reopen(held, flags) }
    }

    private func reopen(_ held: CInt, _ flags: CInt) throws(Errno) -> Descriptor {
        var opened = cl_reopen(aggregate.processDescriptors.number, held, flags, 0)
        // The host grants O_NOATIME to a file's owner; who is that in the guest need not be the launcher's user.
        if opened == 0 - EPERM, flags & CL_O_NOATIME != 0 {
            opened = cl_reopen(aggregate.processDescriptors.number, held, flags & ~CL_O_NOATIME, 0)
        }
        return try Descriptor(result: opened)
    }
}

extension EntryOut {
    /// That a name is not there.
    fileprivate init(absentFor seconds: UInt64) {
        self.init()
        entrySeconds = seconds
    }
}
