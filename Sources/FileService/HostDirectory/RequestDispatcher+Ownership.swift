import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import Sandbox
internal import SystemPackage

/// Shares whose files are not whose they are on the host: see `Ownership`.
extension RequestDispatcher {
    // MARK: Showing

    /// What the guest sees of an inode.
    ///
    /// - Throws: ESTALE when it became another kind of inode since the guest met it: the guest meets it anew.
    @inline(__always)
    func shown(_ found: cl_statx, of node: Node) throws(Errno) -> cl_statx {
        node.child.owners.areHosts ? found : try changed(found, of: node)
    }

    /// The inode as it appears to the guest, put into `found`.
    ///
    /// - Throws: What `shown` does; or what the host says of it.
    @inline(__always)
    func look(at node: Node, _ found: inout cl_statx) throws(Errno) {
        try node.look(&found)
        if !node.child.owners.areHosts { found = try changed(found, of: node) }
    }

    @inline(never)
    private func changed(_ found: cl_statx, of node: Node) throws(Errno) -> cl_statx {
        if case .squashed(let uid, let gid) = node.child.owners.ownership {
            var shown = found
            (shown.uid, shown.gid) = (uid, gid)
            return shown
        }
        let appearance = try appearance(of: node, found)
        guard appearance.type == node.type else { throw .staleNFSFileHandle }
        return appearance.shown(found)
    }

    /// How a node of a mapped share appears.
    private func appearance(of node: Node, _ found: cl_statx) throws(Errno) -> Appearance {
        guard Appearance.isRecordable(found) else {
            var natural = node.child.owners.natural(found)
            // There is no record of a link. Who may write to its directory has made it, as a rule, and the guest's kernel
            // lets nobody but its owner set its times.
            if node.isSymlink, node.child.owners.isLaunchers(found), let directory = node.pool.place(of: node)?.parent {
                let above = try shown(directory.status(), of: directory)
                (natural.uid, natural.gid) = (above.uid, above.gid)
            }
            return natural
        }
        return try node.withAttributes { (source) throws(Errno) in
            try appearance(of: source, found, in: node.child).appearance
        }
    }

    /// How an inode of a mapped share appears, and whether it has a record of that. It is held by an O_PATH descriptor.
    func appearance(
        of held: CInt, _ found: cl_statx, in child: Child
    ) throws(Errno) -> (appearance: Appearance, isRecorded: Bool) {
        try appearance(of: AttributeSource(descriptor: held, isOpen: false), found, in: child)
    }

    private func appearance(
        of source: AttributeSource, _ found: cl_statx, in child: Child
    ) throws(Errno) -> (appearance: Appearance, isRecorded: Bool) {
        let natural = child.owners.natural(found)
        guard Appearance.isRecordable(found) else { return (natural, false) }
        let count = source.value(Appearance.attribute, scratch.record, Appearance.recordSize)
        guard let record = try record(count) else { return (natural, false) }
        return (Appearance(record: record, of: found) ?? natural, true)
    }

    /// The file type of an entry that the host lists as a regular file: DT_* of <dirent.h>.
    func listedType(_ name: UnsafePointer<CChar>, in directory: CInt) -> UInt8 {
        let count = cl_getxattr_at(directory, name, Appearance.attribute, scratch.record, Appearance.recordSize)
        var found = cl_statx()
        found.mode = UInt32(Glibc.S_IFREG)
        guard let record = try? record(count), let appearance = Appearance(record: record, of: found) else {
            return UInt8(DT_REG)
        }
        return UInt8(truncatingIfNeeded: appearance.mode >> 12)
    }

    /// The record that a call has read; nil when there is none, none that the launcher may read, or none of that length.
    private func record(_ count: Int) throws(Errno) -> UnsafeRawBufferPointer? {
        do throws(Errno) {
            return UnsafeRawBufferPointer(start: scratch.record, count: try checked(count))
        } catch {
            switch error {
            case .noData, .notSupported, .outOfRange, .permissionDenied, .notPermitted: return nil
            default: throw error
            }
        }
    }

    // MARK: Keeping

    /// Makes an inode of a mapped share appear as is wanted. A record is written only where the host's file itself would
    /// say something else.
    ///
    /// - Parameters:
    ///   - wanted: How it is to appear.
    ///   - held: The inode.
    ///   - found: What the host says of it.
    ///   - isRecorded: Whether it has a record.
    ///   - child: Its share.
    /// - Throws: EPERM when the launcher may not; what the host says. Nothing has changed then.
    func keep(
        _ wanted: Appearance, as held: CInt, _ found: cl_statx, isRecorded: Bool, in child: Child
    ) throws(Errno) {
        guard child.owners.mayChange(found) else { throw .notPermitted }
        let old = found.mode & 0o7777
        // A directory that hands its group on does so for the host's programs as well, if they have it so.
        let handsOn = wanted.isDirectory ? old & wanted.mode & 0o2000 : 0
        let new = wanted.hostMode | handsOn
        var now = found
        if new != old {
            // Before the record: it takes the permission to write.
            try changeMode(of: held, to: new)
            now.mode = found.mode & ~0o7777 | new
        }
        do throws(Errno) {
            // The host may not let the launcher set that bit.
            if new != old, handsOn != 0 { try checked(cl_statx(held, nil, &now)) }
            if wanted != child.owners.natural(now) {
                try write(wanted, to: held)
            } else if isRecorded {
                try checked(cl_removexattr_held(held, Appearance.attribute))
            }
        } catch {
            if new != old { try? changeMode(of: held, to: old) }
            throw error
        }
    }

    private func changeMode(of held: CInt, to mode: UInt32) throws(Errno) {
        try checked(cl_chmod_held(aggregate.processDescriptors.number, held, mode))
    }

    private func write(_ appearance: Appearance, to held: CInt) throws(Errno) {
        let record = appearance.record
        let result = record.withCString { cl_setxattr_held(held, Appearance.attribute, $0, record.utf8.count, 0) }
        try checked(result)
    }

    /// Changes how a node of a mapped share appears, where `change` does.
    func changeAppearance(
        of node: Node, _ change: (inout Appearance) -> Void
    ) throws(Errno) {
        try node.withDescriptor { (held) throws(Errno) in
            var found = cl_statx()
            try checked(cl_statx(held, nil, &found))
            let (present, isRecorded) = try appearance(of: held, found, in: node.child)
            var wanted = present
            change(&wanted)
            if wanted != present { try keep(wanted, as: held, found, isRecorded: isRecorded, in: node.child) }
        }
    }

    // MARK: Changing

    /// The owner and mode part of a SETATTR in a mapped share.
    func changeOwnerAndMode(_ asked: SetattrIn, of node: Node, _ held: CInt) throws(Errno) {
        let fields = asked.fields
        let changesOwner = !fields.isDisjoint(with: [.uid, .gid])
        var found = cl_statx()
        try checked(cl_statx(held, nil, &found))
        let (present, isRecorded) = try appearance(of: held, found, in: node.child)
        var wanted = present
        if fields.contains(.uid) { wanted.uid = asked.uid }
        if fields.contains(.gid) { wanted.gid = asked.gid }
        guard wanted.uid != .max, wanted.gid != .max else { throw .invalidArgument }
        if (changesOwner || fields.contains(.killPrivileges)) && wanted.isRegular {
            wanted.mode = Appearance.withoutPrivileges(wanted.mode)
        }
        if fields.contains(.mode) { wanted.mode = wanted.type | asked.mode & 0o7777 }

        guard Appearance.isRecordable(found) else {
            // What the host itself has made as something that takes no record. A link's owner is not kept: nobody asks for
            // it but programs that copy, which need not fail.
            guard node.isSymlink || wanted == present || node.child.owners.mayChange(found) else { throw .notPermitted }
            if fields.contains(.mode) { try changeMode(of: held, to: asked.mode & 0o1777) }
            return
        }
        // It is a change also where all is as it was.
        if changesOwner { try checked(cl_chown_held(held, .max, .max)) }
        if changesOwner || fields.contains(.killPrivileges), wanted.isRegular { dropCapabilities(held) }
        if fields.contains(.mode) { try changeMode(of: held, to: found.mode & 0o7777) }
        if wanted != present {
            try checked(cl_statx(held, nil, &found))
            try keep(wanted, as: held, found, isRecorded: isRecorded, in: node.child)
        }
    }

    /// Takes away what a program of a mapped share may do: the host does with its own file capabilities where a program is
    /// changed.
    func dropCapabilities(_ held: CInt) {
        // Asked first: few files have any, and a write of an ordinary user comes by here. Removing what is not there takes
        // the inode's lock and a transaction of the file system.
        if cl_getxattr_held(held, KeptAttribute.capability, nil, 0) != 0 - Int(ENODATA) {
            _ = cl_removexattr_held(held, KeptAttribute.capability)
        }
    }

    /// The owner part of a SETATTR in a share that keeps no records.
    ///
    /// - Throws: EPERM for any other owner where everything is one user's; what the host says.
    func changeOwner(_ asked: SetattrIn, of node: Node, _ held: CInt) throws(Errno) {
        var uid = asked.fields.contains(.uid) ? asked.uid : .max
        var gid = asked.fields.contains(.gid) ? asked.gid : .max
        if case .squashed(let owner, let group) = node.child.owners.ownership {
            guard uid == .max || uid == owner, gid == .max || gid == group else { throw .notPermitted }
            // To nobody else: the host takes away what goes with a change of owner.
            (uid, gid) = (.max, .max)
        }
        try checked(cl_chown_held(held, uid, gid))
    }

    /// Lets the launcher do what the mode of its own file or directory does not, and records the mode: in a mapped share
    /// the guest's root goes by no mode, and it is the guest that has judged everybody else.
    ///
    /// - Returns: Whether it is worth another attempt.
    func openUp(_ node: Node, after error: Errno) -> Bool {
        let isOurs = node.child.owners.areMapped && aggregate.access == .readWrite
        guard isOurs, error == .permissionDenied else { return false }
        do throws(Errno) {
            return try node.withDescriptor { (held) throws(Errno) in
                var found = cl_statx()
                try checked(cl_statx(held, nil, &found))
                guard Appearance.isRecordable(found), node.child.owners.mayChange(found) else { return false }
                let mode = found.mode & 0o7777
                let open = mode | (node.isDirectory ? 0o700 : 0o600)
                guard open != mode else { return false }
                // First: a record cannot be read either of a file that cannot be read.
                try changeMode(of: held, to: open)
                do throws(Errno) {
                    let (present, isRecorded) = try appearance(of: held, found, in: node.child)
                    found.mode = found.mode & ~0o7777 | open
                    try keep(present, as: held, found, isRecorded: isRecorded, in: node.child)
                } catch {
                    try changeMode(of: held, to: mode)
                    throw error
                }
                return true
            }
        } catch {
            return false
        }
    }

    /// Runs `body`, and once more where the launcher had been refused what it can let itself do.
    ///
    /// - Throws: What `body` does.
    @inline(__always)
    func openingUp<R: ~Copyable>(_ node: Node, _ body: () throws(Errno) -> R) throws(Errno) -> R {
        do throws(Errno) {
            return try body()
        } catch {
            guard openUp(node, after: error) else { throw error }
            return try body()
        }
    }

    // MARK: Making

    /// How something that is made in a directory is to appear; nil in a share that keeps no records.
    ///
    /// - Throws: EINVAL for a caller of 2^32-1, which is nobody.
    func wanted(
        _ mode: UInt32, device: UInt32 = 0, for request: Request, in parent: Node
    ) throws(Errno) -> Appearance? {
        guard parent.child.owners.areMapped else { return nil }
        guard parent.isDirectory else { throw .notDirectory }
        let directory = try shown(parent.status(), of: parent)
        guard request.header.uid != .max, request.header.gid != .max else { throw .invalidArgument }
        var wanted = Appearance(uid: request.header.uid, gid: request.header.gid, mode: mode)
        if directory.mode & 0o2000 != 0 {
            wanted.gid = directory.gid
            if wanted.isDirectory { wanted.mode |= 0o2000 }
        }
        if wanted.type == UInt32(Glibc.S_IFCHR) || wanted.type == UInt32(Glibc.S_IFBLK) {
            wanted.major = device >> 8 & 0xFFF
            wanted.minor = device & 0xFF | device >> 12 & 0xF_FF00
        }
        return wanted
    }

    /// Makes a file or directory of a mapped share, and what is kept as an empty file.
    ///
    /// - Throws: What the host says; nothing is left then.
    func makeMapped(
        _ name: ComponentName, _ wanted: Appearance, umask: UInt32, in parent: Node, _ session: Session
    ) throws(Errno) {
        try parent.withDescriptor { (directory) throws(Errno) in
            let made = masked(wanted.hostMode, umask, session) {
                wanted.isDirectory
                    ? cl_mkdirat(directory, name.start, $0)
                    : cl_openat(directory, name.start, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, $0)
            }
            try checked(made)
            let opened =
                wanted.isDirectory
                ? cl_openat(directory, name.start, CL_O_PATH | O_DIRECTORY | O_NOFOLLOW, 0) : made
            let held = try Descriptor(result: opened)
            _ = try keep(wanted, asMade: held.number, name, in: parent, directory)
        }
    }

    /// Makes what was just made in a mapped share appear as is wanted, but for what the host has left out of its mode
    /// (a umask, or a directory's default access control list); takes it away again if that fails.
    ///
    /// - Parameters:
    ///   - wanted: How it is to appear.
    ///   - held: The new inode.
    ///   - name: The name it has, if any.
    ///   - parent: Where.
    ///   - directory: The same, held.
    /// - Returns: How it appears.
    /// - Throws: What the host says; the name is gone then.
    func keep(
        _ wanted: Appearance, asMade held: CInt, _ name: ComponentName?, in parent: Node, _ directory: CInt
    ) throws(Errno) -> Appearance {
        var found = cl_statx()
        do throws(Errno) {
            try checked(cl_statx(held, nil, &found))
            var wanted = wanted
            wanted.mode &= ~0o777 | found.mode
            try keep(wanted, as: held, found, isRecorded: false, in: parent.child)
            return wanted
        } catch {
            if let name { takeBack(found, name, in: parent, directory) }
            throw error
        }
    }
}
