import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import SystemPackage

/// GETATTR, STATX, SETATTR, READLINK, STATFS.
extension RequestDispatcher {
    /// FUSE_GETATTR_FH.
    private static var hasHandle: UInt32 { 1 }

    func getattr(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try request.structure(GetattrIn.self)
        if asked.flags & RequestDispatcher.hasHandle != 0 { try checkHandle(asked.handle, of: node, session) }
        let clock = cl_file_clock()
        var found = cl_statx()
        try look(at: node, &found)
        node.tell(found, clock: clock)
        return try sendAttributes(found, of: node, reply)
    }

    func statx(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try request.structure(StatxIn.self)
        if asked.flags & RequestDispatcher.hasHandle != 0 { try checkHandle(asked.handle, of: node, session) }
        let clock = cl_file_clock()
        var found = cl_statx()
        try look(at: node, &found)
        node.tell(found, clock: clock)
        let attributes = node.attributes(found)
        return try reply.send(
            StatxOut { out in
                out.validSeconds = node.cacheTimes.attributeSeconds
                out.validNanoseconds = node.cacheTimes.attributeNanoseconds
                // STATX_BASIC_STATS and, where the host has it, STATX_BTIME.
                out.attributes.mask = found.mask & 0xFFF
                // Whether it is where something is mounted is the host's affair: STATX_ATTR_AUTOMOUNT, _MOUNT_ROOT, _DAX.
                let ofTheFile = ~UInt64(0x20_3000)
                out.attributes.attributes = found.attributes & ofTheFile
                out.attributes.attributesMask = found.attributes_mask & ofTheFile
                out.attributes.blockSize = attributes.blockSize
                out.attributes.linkCount = attributes.linkCount
                out.attributes.uid = attributes.uid
                out.attributes.gid = attributes.gid
                out.attributes.mode = UInt16(truncatingIfNeeded: attributes.mode)
                out.attributes.inode = attributes.inode
                out.attributes.size = attributes.size
                out.attributes.blocks = attributes.blocks
                out.attributes.atime = StatxTime(seconds: found.atime_sec, nanoseconds: found.atime_nsec)
                out.attributes.mtime = StatxTime(seconds: found.mtime_sec, nanoseconds: found.mtime_nsec)
                out.attributes.ctime = StatxTime(seconds: found.ctime_sec, nanoseconds: found.ctime_nsec)
                if found.mask & 0x800 != 0 {
                    out.attributes.btime = StatxTime(seconds: found.btime_sec, nanoseconds: found.btime_nsec)
                }
                out.attributes.deviceMajor = found.rdev_major
                out.attributes.deviceMinor = found.rdev_minor
            })
    }

    func sendAttributes(_ found: cl_statx, of node: Node, _ reply: Reply) throws(Errno) -> UInt32 {
        var out = AttrOut()
        out.validSeconds = node.cacheTimes.attributeSeconds
        out.validNanoseconds = node.cacheTimes.attributeNanoseconds
        out.attributes = node.attributes(found)
        return try reply.send(out)
    }

    // MARK: Changing

    func setattr(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try request.structure(SetattrIn.self)
        try reply.require(AttrOut.byteCount)
        let handle = asked.fields.contains(.handle) ? try session.file(asked.handle, of: node) : nil
        // One without any field is a chown(2) to nobody, which a read-only file system refuses too.
        if asked.fields.isEmpty || !asked.fields.subtracting([.handle, .lockOwner]).isEmpty {
            guard aggregate.access == .readWrite, node.zone != .hidden else { throw .readOnlyFileSystem }
            if !keepsPrivileges, !asked.fields.isDisjoint(with: [.mode, .uid, .gid]) { session.wakeHandles(of: node) }
            try node.withDescriptor { (held) throws(Errno) in try apply(asked, to: node, held, handle, session) }
        }
        let found = try shown(node.status(), of: node)
        if node.isRegular { node.cache.tellAfterChange(found) }
        return try sendAttributes(found, of: node, reply)
    }

    /// Owner before mode, because a change of owner clears set-user-ID; size before mode, because the new mode may forbid
    /// the launcher to write; times last, because all else changes them.
    private func apply(
        _ asked: SetattrIn, to node: Node, _ held: CInt, _ handle: Handle?, _ session: Session
    ) throws(Errno) {
        let fields = asked.fields
        let isMapped = node.child.owners.areMapped
        if !isMapped, !fields.isDisjoint(with: [.uid, .gid]) { try changeOwner(asked, of: node, held) }
        if fields.contains(.size) { try truncate(node, handle, to: asked.size) }
        if isMapped {
            if !fields.isDisjoint(with: [.uid, .gid, .mode, .killPrivileges]) {
                try changeOwnerAndMode(asked, of: node, held)
            }
        } else if fields.contains(.mode) {
            try checked(cl_chmod_held(aggregate.processDescriptors.number, held, asked.mode & 0o7777))
        } else if fields.contains(.killPrivileges) {
            try clearPrivileges(node)
        }
        if !fields.isDisjoint(with: [.atime, .mtime, .atimeNow, .mtimeNow]) {
            let access = RequestDispatcher.time(
                fields.contains(.atime), now: fields.contains(.atimeNow), asked.atime, asked.atimeNanoseconds)
            let modification = RequestDispatcher.time(
                fields.contains(.mtime), now: fields.contains(.mtimeNow), asked.mtime, asked.mtimeNanoseconds)
            var result = cl_set_times(held, access, modification)
            // A guest that buffers writes says when it has taken them; an error would be close(2)'s. Who may write a file
            // and does not own it cannot set its time, but to now.
            if result == 0 - EPERM, session.buffersWrites, fields.isDisjoint(with: [.atime, .atimeNow]) {
                let now = cl_time(seconds: 0, nanoseconds: CL_UTIME_NOW)
                result = cl_set_times(held, now, now)
            }
            try checked(result)
        }
    }

    private static func time(_ isSet: Bool, now: Bool, _ seconds: UInt64, _ nanoseconds: UInt32) -> cl_time {
        if now { return cl_time(seconds: 0, nanoseconds: CL_UTIME_NOW) }
        if !isSet { return cl_time(seconds: 0, nanoseconds: CL_UTIME_OMIT) }
        return cl_time(seconds: Int64(bitPattern: seconds), nanoseconds: Int64(nanoseconds))
    }

    private func truncate(_ node: Node, _ handle: Handle?, to size: UInt64) throws(Errno) {
        guard node.isRegular else { throw node.isDirectory ? .isDirectory : .invalidArgument }
        guard let size = Int64(exactly: size) else { throw .fileTooLarge }
        if let handle {
            try handle.withDescriptor { (file) throws(Errno) in _ = try checked(cl_ftruncate(file, size)) }
        } else {
            let file = try reopen(node, O_WRONLY)
            try checked(cl_ftruncate(file.number, size))
        }
    }

    /// Clears what write(2) by an ordinary user clears: set-user-ID, and set-group-ID where the group may execute. A host
    /// user without CAP_FSETID has had that done by the kernel.
    func clearPrivileges(_ node: Node) throws(Errno) {
        guard node.isRegular else { return }
        if node.child.owners.areMapped {
            try node.withDescriptor(dropCapabilities)
            return try changeAppearance(of: node) { $0.mode = Appearance.withoutPrivileges($0.mode) }
        }
        guard keepsPrivileges else { return }
        let mode = try node.status().mode
        let kept = Appearance.withoutPrivileges(mode)
        guard kept != mode else { return }
        try node.withDescriptor { (held) throws(Errno) in
            _ = try checked(cl_chmod_held(aggregate.processDescriptors.number, held, kept & 0o7777))
        }
    }

    // MARK: Others

    func readlink(_ reply: Reply, _ node: Node) throws(Errno) -> UInt32 {
        guard node.isSymlink else { throw .invalidArgument }
        let body = reply.body(limit: 4096)
        guard let start = body.baseAddress, body.count > 0 else { throw .invalidArgument }
        let buffer = start.assumingMemoryBound(to: CChar.self)
        return try node.withDescriptor { (held) throws(Errno) in
            reply.finish(try checked(cl_readlink_held(held, buffer, body.count)))
        }
    }

    func statfs(_ reply: Reply, _ node: Node) throws(Errno) -> UInt32 {
        var found = cl_statfs()
        // What lies under a hidden mount is nobody's business: it shows its share's file system.
        if node.zone == .hidden {
            try checked(cl_fstatfs(node.child.root.descriptor, &found))
        } else {
            try node.withDescriptor { (held) throws(Errno) in _ = try checked(cl_fstatfs(held, &found)) }
        }
        return try reply.send(
            StatfsOut {
                $0.blocks = found.blocks
                $0.freeBlocks = found.blocks_free
                $0.availableBlocks = found.blocks_available
                $0.files = found.files
                $0.freeFiles = found.files_free
                $0.blockSize = found.block_size
                $0.nameLength = min(found.name_length, UInt32(ComponentName.maximumCount))
                $0.fragmentSize = found.fragment_size
            })
    }
}

extension Node {
    /// Attributes as the guest sees them.
    @inline(__always)
    func attributes(_ found: cl_statx) -> Attr {
        var attributes = Attr()
        attributes.inode = child.numbering.guestInode(found.ino, device: found.device)
        attributes.size = found.size
        attributes.blocks = found.blocks
        attributes.atime = UInt64(bitPattern: found.atime_sec)
        attributes.mtime = UInt64(bitPattern: found.mtime_sec)
        attributes.ctime = UInt64(bitPattern: found.ctime_sec)
        attributes.atimeNanoseconds = found.atime_nsec
        attributes.mtimeNanoseconds = found.mtime_nsec
        attributes.ctimeNanoseconds = found.ctime_nsec
        attributes.mode = found.mode
        attributes.linkCount = zone == .hidden ? 2 : found.nlink
        attributes.uid = found.uid
        attributes.gid = found.gid
        // new_encode_dev: the minor's low byte, the major, the rest of the minor.
        let minor = found.rdev_minor
        attributes.device = (minor & 0xFF) | (found.rdev_major & 0xFFF) << 8 | (minor & ~0xFF) << 12
        attributes.blockSize = found.blksize
        return attributes
    }
}

extension StatxTime {
    init(seconds: Int64, nanoseconds: UInt32) {
        self.init()
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }
}
