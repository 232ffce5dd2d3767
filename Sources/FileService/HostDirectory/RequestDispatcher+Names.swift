import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import Sandbox
internal import SystemPackage

/// What makes, moves and removes names: MKDIR, MKNOD, SYMLINK, LINK, UNLINK, RMDIR, RENAME, RENAME2.
extension RequestDispatcher {
    func mkdir(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try request.structure(MkdirIn.self)
        let name = try request.name(after: MkdirIn.self)
        let wanted = try wanted(UInt32(Glibc.S_IFDIR) | asked.mode & 0o1777, for: request, in: node)
        return try make(name, in: node, request, reply, session, wanted, umask: asked.umask) { directory in
            masked(asked.mode & 0o7777, asked.umask, session) { cl_mkdirat(directory, name.start, $0) }
        }
    }

    func mknod(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try request.structure(MknodIn.self)
        let name = try request.name(after: MknodIn.self)
        // A device node is a way to the host's own devices for whoever finds it there. The one that is none is an
        // overlay's whiteout: the character device 0:0.
        let type = asked.mode & UInt32(Glibc.S_IFMT)
        let isDevice = type == UInt32(Glibc.S_IFBLK) || type == UInt32(Glibc.S_IFCHR)
        let isWhiteout = type == UInt32(Glibc.S_IFCHR) && asked.device == 0
        // In a mapped share it is none on the host.
        var wanted: Appearance?
        if node.child.owners.areMapped {
            wanted = try self.wanted(RequestDispatcher.kept(asked.mode), device: asked.device, for: request, in: node)
        }
        let isAllowed = !isDevice || isWhiteout || wanted != nil
        return try make(
            name, in: node, request, reply, session, isAllowed: isAllowed, wanted, umask: asked.umask
        ) { directory in
            masked(asked.mode, asked.umask, session) { cl_mknodat(directory, name.start, $0, asked.device) }
        }
    }

    /// The mode of a node that is kept as an empty file.
    ///
    /// - Throws: EPERM for a directory, EINVAL for what no mknod(2) makes.
    private static func kept(_ mode: UInt32) throws(Errno) -> UInt32 {
        switch mode & UInt32(Glibc.S_IFMT) {
        case 0: return UInt32(Glibc.S_IFREG) | mode & 0o7777
        case UInt32(Glibc.S_IFREG), UInt32(Glibc.S_IFIFO), UInt32(Glibc.S_IFSOCK), UInt32(Glibc.S_IFBLK),
            UInt32(Glibc.S_IFCHR):
            return mode & 0o177777
        case UInt32(Glibc.S_IFDIR): throw .notPermitted
        default: throw .invalidArgument
        }
    }

    func symlink(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        var rest = request.body
        let name = try ComponentName(next: &rest)
        let target = try RequestString(next: &rest)
        guard rest.isEmpty, target.count > 0 else { throw .invalidArgument }
        return try make(name, in: node, request, reply, session) {
            cl_symlinkat(target.start, $0, name.start)
        }
    }

    /// Runs a call that makes something with a mode, under the caller's umask where the guest has not applied it: the host
    /// does, unless the directory has a default access control list.
    func masked(_ mode: UInt32, _ mask: UInt32, _ session: Session, _ call: (_ mode: UInt32) -> CInt) -> CInt {
        guard session.flags.contains(.dontMask) else { return call(mode) }
        // A umask of the whole process cannot be a caller's.
        guard hasOwnMask else { return call(mode & ~(mask & 0o777)) }
        _ = umask(mode_t(mask & 0o777))
        defer { _ = umask(0) }
        return call(mode)
    }

    /// Makes a name in the caller's name and replies with its entry.
    private func make(
        _ name: ComponentName, in parent: Node, _ request: Request, _ reply: Reply, _ session: Session,
        isAllowed: Bool = true, _ wanted: Appearance? = nil, umask: UInt32 = 0, _ call: (_ directory: CInt) -> CInt
    ) throws(Errno) -> UInt32 {
        try checkChangeable(name, in: parent)
        guard isAllowed else { throw .notPermitted }
        try reply.require(EntryOut.byteCount)
        let labels = try labels(of: request, session)
        try openingUp(parent) { () throws(Errno) in
            if let wanted { return try makeMapped(name, wanted, umask: umask, in: parent, session) }
            try checked(caller(request, in: parent, call))
        }
        let entry = try find(name.start, name.bytes, in: parent, session)
        guard !labels.isEmpty else { return try reply.send(entry) }
        do throws(Errno) {
            try session.node(entry.node).withDescriptor { (held) throws(Errno) in
                try write(labels, to: held, asMade: name, in: parent)
            }
        } catch {
            session.forget(entry.node, count: 1, lane: lane)
            throw error
        }
        return try reply.send(entry)
    }

    func link(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try request.structure(LinkIn.self)
        let name = try request.name(after: LinkIn.self)
        try reply.require(EntryOut.byteCount)
        guard asked.target != .root else { throw .readOnlyFileSystem }
        let target = try session.node(asked.target)
        try checkWritable()
        guard target.child === node.child else { throw .improperLink }
        if target.isDirectory { throw .notPermitted }
        try checkChangeable(name, in: node)
        let held = try target.borrow()
        defer { target.giveBack() }
        try node.withDescriptor { (directory) throws(Errno) in
            try checked(cl_link_held(aggregate.processDescriptors.number, held, directory, name.start))
            session.remember(target, name.bytes, in: node, directory, since: nil)
        }
        // The reply is an entry and so one more reference. It is about the target's inode itself, not about whatever has
        // the name by now.
        let clock = cl_file_clock()
        let found = try target.status()
        guard let linked = session.acquire(target.key) else { throw .staleNFSFileHandle }
        return try reply.send(entry(linked, changed: found, session, clock: clock))
    }

    func unlink(
        _ request: Request, _ reply: Reply, _ session: Session, _ node: Node, isDirectory: Bool
    ) throws(Errno) -> UInt32 {
        let name = try ComponentName(only: request.body)
        try checkChangeable(name, in: node)
        try node.withDescriptor { (directory) throws(Errno) in
            let removed = try hold(name, in: node, directory, session)
            var result = cl_unlinkat(directory, name.start, isDirectory)
            if result < 0, openUp(node, after: Errno(rawValue: 0 &- result)) {
                result = cl_unlinkat(directory, name.start, isDirectory)
            }
            if result == 0 { session.names.note(nil, since: removed.known) }
            if let gone = removed.node {
                if result < 0 {
                    gone.giveBack()
                } else {
                    session.pool.removed(name.bytes, in: node, of: gone, wasLast: removed.isOnlyName)
                }
            }
            try checked(result)
        }
        return reply.done()
    }

    // MARK: Renaming

    /// A RENAME or RENAME2, taken apart.
    struct Renaming {
        let newParent: NodeID
        let flags: UInt32
        let oldName: ComponentName
        let newName: ComponentName
    }

    func renameRequest(_ request: Request) throws(Errno) -> Renaming {
        let newParent: NodeID
        let flags: UInt32
        var rest: UnsafeRawBufferPointer
        if request.header.opcode == .rename2 {
            let asked = try request.structure(Rename2In.self)
            (newParent, flags) = (asked.newParent, asked.flags)
            rest = try request.rest(after: Rename2In.self)
        } else {
            (newParent, flags) = (try request.structure(RenameIn.self).newParent, 0)
            rest = try request.rest(after: RenameIn.self)
        }
        let oldName = try ComponentName(next: &rest)
        let newName = try ComponentName(only: rest)
        return Renaming(newParent: newParent, flags: flags, oldName: oldName, newName: newName)
    }

    func rename(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try renameRequest(request)
        guard asked.newParent != .root else { throw .readOnlyFileSystem }
        let target = try session.node(asked.newParent)
        try checkWritable()
        // RENAME_NOREPLACE, RENAME_EXCHANGE and RENAME_WHITEOUT are the host's to judge.
        guard asked.flags & ~7 == 0 else { throw .invalidArgument }
        // Before the host is asked: the names need not exist.
        guard target.child === node.child, target.zone == node.zone else { throw .improperLink }
        try checkChangeable(asked.oldName, in: node)
        try checkChangeable(asked.newName, in: target)
        try node.withDescriptor { (from) throws(Errno) in
            try target.withDescriptor { (to) throws(Errno) in
                try rename(asked, from: node, from, to: target, to, session)
            }
        }
        return reply.done()
    }

    /// Renames, and has the nodes that the guest knows keep up: both are held while their names change, so that nobody
    /// looks for them in vain meanwhile.
    private func rename(
        _ asked: Renaming, from source: Node, _ from: CInt, to target: Node, _ to: CInt, _ session: Session
    ) throws(Errno) {
        let moved = try hold(asked.oldName, in: source, from, session)
        defer { moved.node?.giveBack() }
        let replaced = try hold(asked.newName, in: target, to, session)
        let call = { cl_renameat2(from, asked.oldName.start, to, asked.newName.start, asked.flags) }
        var result = call()
        if result < 0, source.child.owners.areMapped {
            let error = Errno(rawValue: 0 &- result)
            // A directory that is moved has its ".." changed.
            let isBetter = [source, target, moved.node].map { $0.map { openUp($0, after: error) } ?? false }
            if isBetter.contains(true) { result = call() }
        }
        let isExchange = asked.flags & 2 != 0
        // Two names of one inode: rename(2) does nothing then.
        let isSame = moved.node != nil && moved.node === replaced.node
        if result == 0, !isSame {
            // The old name is a whiteout's now, the other file's, or nobody's: of none that the guest knows by it.
            session.names.note(nil, since: moved.known)
            if let node = moved.node {
                session.remember(node, asked.newName.bytes, in: target, to, since: nil)
            } else {
                session.names.note(nil, since: replaced.known)
            }
        }
        if let node = replaced.node {
            if result == 0, isExchange {
                session.remember(node, asked.oldName.bytes, in: source, from, since: nil)
                node.giveBack()
            } else if result == 0, !isSame {
                session.pool.removed(asked.newName.bytes, in: target, of: node, wasLast: replaced.isOnlyName)
            } else {
                node.giveBack()
            }
        }
        if result == 0 - ENOENT, target.isDeletedByHost() { throw .staleNFSFileHandle }
        try checked(result)
    }

    // MARK: Checks

    func checkWritable() throws(Errno) {
        if aggregate.access == .readOnly { throw .readOnlyFileSystem }
    }

    /// Checks that a name may be made, replaced or removed in a directory.
    ///
    /// - Throws: ENOTDIR; EROFS where the share hides what is there, or keeps the name in its place so that nothing hidden
    ///   can be moved to where it would show.
    func checkChangeable(_ name: ComponentName, in parent: Node) throws(Errno) {
        guard parent.isDirectory else { throw .notDirectory }
        if parent.zone.protects(name.bytes) { throw .readOnlyFileSystem }
    }
}
