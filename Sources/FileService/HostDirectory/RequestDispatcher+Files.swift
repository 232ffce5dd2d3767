import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import Sandbox
internal import Synchronization
internal import SystemPackage

/// Opening, making and closing files: OPEN, CREATE, TMPFILE, FLUSH, RELEASE, FSYNC, SYNCFS.
extension RequestDispatcher {
    /// What of a guest's open flags reaches the host. O_APPEND comes with each write, O_DIRECT would bring the host file
    /// system's alignment rules into the guest; the rest concerns the guest.
    private static var passedFlags: CInt { O_ACCMODE | O_TRUNC | O_SYNC | O_DSYNC | CL_O_NOATIME }

    /// All three bits of O_ACCMODE are an access mode too, Linux's own: neither to read nor to write.
    private static func hostFlags(_ guest: UInt32) -> CInt { CInt(bitPattern: guest) & passedFlags }

    /// - Throws: EROFS when a file is opened to be changed through a read-only aggregate.
    private func checkAccess(_ flags: CInt) throws(Errno) {
        if flags & O_ACCMODE != O_RDONLY || flags & O_TRUNC != 0 { try checkWritable() }
    }

    func open(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        // For good, and of every file of the device.
        if session.opensNothing { throw .noFunction }
        let asked = try request.structure(OpenIn.self)
        let flags = RequestDispatcher.hostFlags(asked.flags)
        try checkAccess(flags)
        try reply.require(OpenOut.byteCount)
        guard node.isRegular else { throw node.isDirectory ? .isDirectory : .noSuchAddressOrDevice }
        return try reply.send(openFile(node, flags, killPrivileges: asked.openFlags & 1 != 0, session))
    }

    private func openFile(
        _ node: Node, _ flags: CInt, killPrivileges: Bool, _ session: Session
    ) throws(Errno) -> OpenOut {
        // Looked at and opened by one descriptor.
        let held = try node.borrow()
        defer { node.giveBack() }
        let clock = cl_file_clock()
        let found = try node.status()
        // The host has deleted or replaced the file: ESTALE makes the guest walk the path again. Not so a file that is a
        // share: that is this inode, whatever its names are.
        if found.nlink == 0, node.wasLinked, !node.isChildRoot, node.openHandles.load(ordering: .relaxed) == 0 {
            throw .staleNFSFileHandle
        }
        let isUnchanged = node.cache.isGood(found, clock: clock)
        let file: OpenFile
        if flags == O_RDONLY, let shared = node.shareDescriptor(held, isUnchanged: isUnchanged) {
            file = OpenFile(shared, flags, isShared: true)
        } else {
            file = try openForHandle(node, flags, session)
        }
        let keepsPages = flags & O_TRUNC == 0 && arePagesGood(of: node, isUnchanged: isUnchanged, session)
        let handle = try session.open(node, file, lane: lane)
        if flags & O_TRUNC != 0, killPrivileges {
            do throws(Errno) {
                try clearPrivileges(node)
            } catch {
                try? session.close(handle.id, of: node, lane: lane)
                throw error
            }
        }
        return opened(handle, keepsPages: keepsPages, keepsLocks: session.locks != nil)
    }

    /// Whether what the guest has cached of a file's data is to be kept when it is opened.
    private func arePagesGood(of node: Node, isUnchanged: Bool, _ session: Session) -> Bool {
        // What it has written itself has changed the file's times, and nobody else may.
        if session.buffersWrites { return true }
        return switch node.child.options.cache {
        case .auto: isUnchanged
        case .always: true
        case .never, .metadata: false
        }
    }

    /// A guest that buffers writes fills the rest of a page by reading it, through whatever handle it has.
    private func readable(_ flags: CInt, _ session: Session) -> CInt {
        session.buffersWrites && flags & O_ACCMODE == O_WRONLY ? flags & ~O_ACCMODE | O_RDWR : flags
    }

    /// Opens a file as the guest will use it, with a unit of the budget and a use of the node's own descriptor.
    private func openForHandle(_ node: Node, _ flags: CInt, _ session: Session) throws(Errno) -> OpenFile {
        let asked = readable(flags, session)
        do throws(Errno) {
            return try OpenFile(openHeld(node, asked), asked)
        } catch {
            // One that may be written and not be read: the guest can still replace whole pages.
            guard error == .permissionDenied, asked != flags else { throw error }
            return try OpenFile(openHeld(node, flags), flags)
        }
    }

    private func opened(_ handle: Handle, keepsPages: Bool, keepsLocks: Bool) -> OpenOut {
        var out = OpenOut()
        out.handle = handle.id
        if handle.node.child.options.cache.isDirect {
            out.flags.insert(.directIO)
        } else if keepsPages {
            out.flags.insert(.keepCache)
        }
        // FLUSH takes locks away.
        if handle.node.flushIsNoOp, !keepsLocks { out.flags.insert(.noFlush) }
        return out
    }

    // MARK: Making files

    func create(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try request.structure(CreateIn.self)
        let name = try request.name(after: CreateIn.self)
        let flags = RequestDispatcher.hostFlags(asked.flags)
        try reply.require(CreateOut.byteCount)
        try checkChangeable(name, in: node)

        // With O_EXCL always, so that nothing that is there, a link least of all, is opened by its name.
        let wanted = try wanted(UInt32(Glibc.S_IFREG) | asked.mode & 0o7777, for: request, in: node)
        let make = { (directory: CInt) in
            self.masked(wanted?.hostMode ?? asked.mode & 0o7777, asked.umask, session) {
                cl_openat(
                    directory, name.start, self.readable(flags, session) | O_CREAT | O_EXCL | O_NOFOLLOW, $0)
            }
        }
        let labels = try labels(of: request, session)
        try session.pool.take()
        var made = caller(request, in: node, make)
        if made < 0, openUp(node, after: Errno(rawValue: 0 &- made)) { made = caller(request, in: node, make) }
        if made >= 0 { return try sendCreated(made, flags, name, wanted, labels, in: node, reply, session) }
        session.pool.giveBack()
        let error = Errno(rawValue: 0 &- made)
        guard error == .fileExists, CInt(bitPattern: asked.flags) & O_EXCL == 0 else { throw error }

        let entry = try find(name.start, name.bytes, in: node, session)
        do throws(Errno) {
            let existing = try session.node(entry.node)
            // A link, a FIFO or a device that the guest did not know of: ESTALE makes it walk again and see for itself.
            guard existing.isRegular else { throw existing.isDirectory ? .isDirectory : .staleNFSFileHandle }
            var out = CreateOut()
            out.entry = entry
            out.open = try openFile(existing, flags, killPrivileges: asked.openFlags & 1 != 0, session)
            return try reply.send(out)
        } catch {
            session.forget(entry.node, count: 1, lane: lane)
            throw error
        }
    }

    func tmpfile(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try request.structure(CreateIn.self)
        let flags = RequestDispatcher.hostFlags(asked.flags)
        try reply.require(CreateOut.byteCount)
        guard node.isDirectory else { throw .notDirectory }
        guard node.zone != .hidden else { throw .readOnlyFileSystem }
        // The name that comes along is Linux's own "/" and means nothing. O_EXCL here: may never get a name.
        let exclusive = CInt(bitPattern: asked.flags) & O_EXCL
        let wanted = try wanted(UInt32(Glibc.S_IFREG) | asked.mode & 0o7777, for: request, in: node)
        let labels = try labels(of: request, session)
        try session.pool.take()
        let made = caller(request, in: node) { directory in
            masked(wanted?.hostMode ?? asked.mode & 0o7777, asked.umask, session) {
                cl_openat(directory, ".", readable(flags, session) | exclusive | CL_O_TMPFILE, $0)
            }
        }
        if made >= 0 { return try sendCreated(made, flags, nil, wanted, labels, in: node, reply, session) }
        session.pool.giveBack()
        throw Errno(rawValue: 0 &- made)
    }

    /// Runs a call that makes something in a directory in the caller's name; a refusal to take the caller's ids is its
    /// result too.
    func caller(_ request: Request, in parent: Node, _ call: (_ directory: CInt) -> CInt) -> CInt {
        do throws(Errno) {
            let group = try request.supplementaryGroup()
            return try parent.withDescriptor { (directory) throws(Errno) in
                if parent.child.owners.areMapped { return call(directory) }
                if let maker = parent.child.owners.maker {
                    return try credentials.perform(as: maker) { () throws(Errno) in call(directory) }
                }
                return try credentials.perform(as: request.header.uid, request.header.gid, group: group) {
                    () throws(Errno) in
                    call(directory)
                }
            }
        } catch {
            return 0 &- error.rawValue
        }
    }

    /// Replies with a file that was just made, under a name or without any. The descriptor is the open file's and taken
    /// over, with its unit of the budget.
    private func sendCreated(
        _ descriptor: CInt, _ flags: CInt, _ name: ComponentName?, _ wanted: Appearance?, _ labels: [SecurityLabel],
        in parent: Node, _ reply: Reply, _ session: Session
    ) throws(Errno) -> UInt32 {
        var out = CreateOut()
        let created: Node
        do throws(Errno) {
            let clock = cl_file_clock()
            var appearance = wanted
            if let wanted {
                appearance = try parent.withDescriptor { (directory) throws(Errno) in
                    try keep(wanted, asMade: descriptor, name, in: parent, directory)
                }
            }
            try write(labels, to: descriptor, asMade: name, in: parent)
            var found = cl_statx()
            try checked(cl_statx(descriptor, nil, &found))
            try session.pool.take()
            let held = cl_hold(aggregate.processDescriptors.number, descriptor)
            if held < 0 { session.pool.giveBack() }
            try checked(held)
            let zone: Zone = parent.zone == .guardedRoot ? .guarded : parent.zone
            let key = NodeKey(child: parent.child, found)
            do throws(Errno) {
                created = try session.adopt(
                    key, name: name?.bytes, in: parent, zone: zone, found: found, lane: lane)
            } catch {
                _ = cl_close(held)
                session.pool.giveBack()
                throw error
            }
            created.lease.add(Lease.oneUse, ordering: .relaxed)
            created.install(held)
            if let name { session.names.set(created.id, tag: session.tag(of: name.bytes, in: parent)) }
            out.entry =
                if let appearance {
                    entry(created, appearance.shown(found), clock: clock)
                } else {
                    try entry(created, changed: found, session, clock: clock)
                }
        } catch {
            _ = cl_close(descriptor)
            session.pool.giveBack()
            throw error
        }
        do throws(Errno) {
            let file = OpenFile(descriptor, readable(flags, session))
            let handle = try session.open(created, file, lane: lane)
            out.open = opened(handle, keepsPages: false, keepsLocks: session.locks != nil)
        } catch {
            session.forget(created.id, count: 1, lane: lane)
            throw error
        }
        return try reply.send(out)
    }

    // MARK: Closing and syncing

    /// Reports what close(2) has to report, where the host file system has something to say at it: NFS and its like.
    func flush(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        if session.opensNothing || session.refusesFlush.load(ordering: .relaxed) { throw .noFunction }
        let asked = try request.structure(FlushIn.self)
        let handle = try session.file(asked.handle, of: node)
        session.locks?.release(LockKey(node: node.id, owner: asked.lockOwner, isWhole: false))
        if !node.flushIsNoOp {
            try handle.withDescriptor { (file) throws(Errno) in _ = try checked(cl_close(checked(cl_duplicate(file)))) }
        }
        return reply.done()
    }

    func release(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try request.structure(ReleaseIn.self)
        try session.close(asked.handle, of: node, lane: lane)
        session.locks?.release(LockKey(node: node.id, owner: asked.handle.rawValue, isWhole: true))
        return reply.done()
    }

    func fsync(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try request.structure(FsyncIn.self)
        if session.isUnopened(asked.handle) { return reply.done() }
        let handle = try session.handle(asked.handle, of: node)
        if !handle.isHidden {
            try handle.withDescriptor { (file) throws(Errno) in _ = try checked(cl_fsync(file, asked.flags & 1 != 0)) }
        }
        return reply.done()
    }

    /// Syncs the host file systems of all shares: the guest has one file system and asks once.
    func syncfs(_ reply: Reply) throws(Errno) -> UInt32 {
        guard aggregate.access == .readWrite else { return reply.done() }
        var synced: Set<UInt64> = []
        var failure: Errno?
        for child in aggregate.allChildren where synced.insert(child.root.device).inserted {
            do throws(Errno) {
                // syncfs(2) refuses the O_PATH descriptor that is held.
                let opened = try Descriptor(result: child.root.openForSync(aggregate.processDescriptors.number))
                try checked(cl_syncfs(opened.number))
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return reply.done()
    }
}

extension Node {
    /// Whether FLUSH has nothing to do: only known where the node is on its share's own file system.
    var flushIsNoOp: Bool { child.root.flushIsNoOp && key.device == child.root.device }
}
