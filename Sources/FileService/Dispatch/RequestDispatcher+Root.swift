import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import SystemPackage

/// The synthetic root directory: no file of the host stands behind it, and nothing in it is the guest's to change.
extension RequestDispatcher {
    /// The one handle of the root directory: it has no state, a listing goes on by the ids of shares.
    private static var rootHandle: HandleID { HandleID(rawValue: .max) }

    func serveRoot(_ request: Request, _ reply: Reply, _ session: Session) throws(Errno) -> UInt32 {
        switch request.header.opcode {
        case .lookup: return try lookupChild(request, reply, session)
        case .getattr:
            try checkRootHandle(request.structure(GetattrIn.self), session)
            return try reply.send(
                AttrOut { out in
                    out.validNanoseconds = CacheTimes.root.attributeNanoseconds
                    out.attributes = rootAttributes()
                })
        case .statx: return try statxRoot(request, reply, session)
        case .opendir:
            if session.opensNothing { throw .noFunction }
            return try reply.send(OpenOut { $0.handle = RequestDispatcher.rootHandle })
        case .readdir: return try readRoot(request, reply, session, plus: false)
        case .readdirplus: return try readRoot(request, reply, session, plus: true)
        case .releasedir:
            try checkRootHandle(request.structure(ReleaseIn.self).handle, session)
            return reply.done()
        case .fsyncdir:
            try checkRootHandle(request.structure(FsyncIn.self).handle, session)
            return reply.done()
        case .statfs:
            return try reply.send(
                StatfsOut {
                    $0.blockSize = 4096
                    $0.fragmentSize = 4096
                    $0.nameLength = UInt32(ComponentName.maximumCount)
                })
        case .syncfs: return try syncfs(reply)
        case .create, .mkdir, .mknod, .symlink, .unlink, .rmdir: try checkName(request)
        case .link: try checkLinkIntoRoot(request, session)
        case .rename, .rename2: try checkRenameFromRoot(request, session)
        case .tmpfile, .setattr, .setxattr, .removexattr: throw .readOnlyFileSystem
        case .getxattr: throw .noData
        case .listxattr:
            let asked = try request.structure(GetxattrIn.self)
            return asked.size == 0 ? try reply.send(GetxattrOut()) : reply.done()
        case .open, .read, .write: throw .isDirectory
        case .flush, .fsync, .release: throw .badFileDescriptor
        case .readlink, .fallocate, .copyFileRange, .lseek: throw .invalidArgument
        case .ioctl: throw .inappropriateIOCTLForDevice
        default: throw .noFunction
        }
        throw .readOnlyFileSystem
    }

    func rootAttributes() -> Attr {
        let count = aggregate.childCount
        // The host's time, for who wants to know it: a guest sets its clock by it.
        let now = cl_file_clock()
        return Attr {
            $0.atime = UInt64(clamping: now / 1_000_000_000)
            $0.atimeNanoseconds = UInt32(clamping: now % 1_000_000_000)
            $0.inode = NodeID.root.rawValue
            $0.mode = UInt32(Glibc.S_IFDIR) | 0o555
            $0.linkCount = UInt32(clamping: count + 2)
            $0.blockSize = 4096
        }
    }

    private func checkRootHandle(_ asked: GetattrIn, _ session: Session) throws(Errno) {
        if asked.flags & 1 != 0 { try checkRootHandle(asked.handle, session) }
    }

    private func checkRootHandle(_ handle: HandleID, _ session: Session) throws(Errno) {
        guard handle == RequestDispatcher.rootHandle || session.isUnopened(handle) else { throw .badFileDescriptor }
    }

    private func statxRoot(_ request: Request, _ reply: Reply, _ session: Session) throws(Errno) -> UInt32 {
        let asked = try request.structure(StatxIn.self)
        if asked.flags & 1 != 0 { try checkRootHandle(asked.handle, session) }
        let attributes = rootAttributes()
        return try reply.send(
            StatxOut { out in
                out.validNanoseconds = CacheTimes.root.attributeNanoseconds
                // These are all that is known: STATX_TYPE, _MODE, _NLINK, _ATIME, _INO.
                out.attributes.mask = asked.mask & 0x127
                out.attributes.atime = StatxTime(
                    seconds: Int64(clamping: attributes.atime), nanoseconds: attributes.atimeNanoseconds)
                out.attributes.mode = UInt16(truncatingIfNeeded: attributes.mode)
                out.attributes.linkCount = attributes.linkCount
                out.attributes.inode = attributes.inode
                out.attributes.blockSize = attributes.blockSize
            })
    }

    // MARK: Shares

    private func lookupChild(_ request: Request, _ reply: Reply, _ session: Session) throws(Errno) -> UInt32 {
        let name = try ComponentName(only: request.body)
        try reply.require(EntryOut.byteCount)
        // A miss is an error and not a negative entry, which the guest would remember: a share added later must be seen.
        guard let child = aggregate.child(named: name.bytes) else { throw .noSuchFileOrDirectory }
        do throws(Errno) {
            return try reply.send(rootEntry(of: child, session))
        } catch {
            // Revoked since: a share that has left the root is no stale one of it, it is not there.
            throw error == .staleNFSFileHandle && child.isRemoved ? .noSuchFileOrDirectory : error
        }
    }

    /// What a lookup of a share says, counted as one.
    private func rootEntry(of child: Child, _ session: Session) throws(Errno) -> EntryOut {
        let clock = cl_file_clock()
        var found = cl_statx()
        try checked(cl_statx(child.root.descriptor, nil, &found))
        let node = try session.acquireRoot(of: child, found)
        return try entry(node, changed: found, session, clock: clock)
    }

    /// Lists the shares. A cookie is a share's id, two up: ids only grow, so a share that is removed meanwhile makes no
    /// other be skipped or come twice.
    private func readRoot(
        _ request: Request, _ reply: Reply, _ session: Session, plus: Bool
    ) throws(Errno) -> UInt32 {
        let asked = try request.structure(ReadIn.self)
        try checkRootHandle(asked.handle, session)
        var encoder = DirectoryEncoder(into: reply.body(limit: asked.size))
        let directory = UInt32(DT_DIR)

        var cookie = asked.offset
        while cookie < 2 {
            let dots = DirectoryEntry {
                $0.inode = NodeID.root.rawValue
                $0.cookie = cookie + 1
                $0.type = directory
            }
            guard append(dots, dots: Int(cookie) + 1, to: &encoder, plus: plus) else {
                return reply.finish(encoder.count)
            }
            cookie += 1
        }
        while let child = aggregate.child(after: cookie - 2) {
            guard encoder.fits(nameLength: child.nameBytes.count, plus: plus) else { break }
            cookie = UInt64(child.id) + 2
            let entry = DirectoryEntry {
                $0.inode = child.numbering.guestInode(child.root.inode, device: child.root.device)
                $0.cookie = cookie
                $0.type = child.root.isFile ? UInt32(DT_REG) : directory
            }
            child.nameBytes.withUnsafeBytes { name in
                // A share whose host file system fails is left out, and the others are still listed.
                if plus {
                    guard let found = try? rootEntry(of: child, session) else { return }
                    _ = encoder.append(entry, name: name, found: found)
                } else {
                    var found = cl_statx()
                    guard cl_statx(child.root.descriptor, nil, &found) == 0 else { return }
                    _ = encoder.append(entry, name: name)
                }
            }
        }
        return reply.finish(encoder.count)
    }

    // MARK: Refusals

    /// Checks the name in a request that would change the root, so that a bad name is EINVAL here as everywhere.
    private func checkName(_ request: Request) throws(Errno) {
        switch request.header.opcode {
        case .create: _ = try request.name(after: CreateIn.self)
        case .mkdir: _ = try request.name(after: MkdirIn.self)
        case .mknod: _ = try request.name(after: MknodIn.self)
        case .symlink:
            var rest = request.body
            _ = try ComponentName(next: &rest)
        default: _ = try ComponentName(only: request.body)
        }
    }

    private func checkLinkIntoRoot(_ request: Request, _ session: Session) throws(Errno) {
        let asked = try request.structure(LinkIn.self)
        _ = try request.name(after: LinkIn.self)
        if asked.target != .root { _ = try session.node(asked.target) }
    }

    private func checkRenameFromRoot(_ request: Request, _ session: Session) throws(Errno) {
        let asked = try renameRequest(request)
        if asked.newParent != .root { _ = try session.node(asked.newParent) }
    }
}
