import FUSE
import SystemPackage

/// Every call throws the server's `Errno`, or a `BackendFault`.
extension FuseClient {
    /// Finds a name in a directory; the server counts one reference to what it finds.
    public func lookup(_ parent: NodeID, _ name: FileName) throws -> EntryOut {
        let entry = try call(.lookup, parent, returning: EntryOut.self) { $0.append(name) }
        if entry.node == .none { throw Errno.noSuchFileOrDirectory }
        return entry
    }

    /// Walks a path of names below a directory, `/` between them.
    public func walk(_ start: NodeID = .root, _ path: String) throws -> EntryOut {
        var entry = EntryOut()
        entry.node = start
        for name in path.split(separator: "/") { entry = try lookup(entry.node, FileName(String(name))) }
        return entry
    }

    /// Makes a directory.
    public func mkdir(_ parent: NodeID, _ name: FileName, mode: UInt32 = 0o755) throws -> EntryOut {
        try call(.mkdir, parent, returning: EntryOut.self) { request in
            request.append(
                MkdirIn {
                    $0.mode = mode
                    $0.umask = 0o022
                })
            request.append(name)
        }
    }

    /// Makes a file of any kind but a directory.
    public func mknod(
        _ parent: NodeID, _ name: FileName, mode: UInt32 = 0o100644, device: UInt32 = 0
    ) throws -> EntryOut {
        try call(.mknod, parent, returning: EntryOut.self) { request in
            request.append(
                MknodIn {
                    $0.mode = mode
                    $0.device = device
                    $0.umask = 0o022
                })
            request.append(name)
        }
    }

    /// Makes a symbolic link.
    public func symlink(_ parent: NodeID, _ name: FileName, to target: FileName) throws -> EntryOut {
        try call(.symlink, parent, returning: EntryOut.self) { request in
            request.append(name)
            request.append(target)
        }
    }

    /// Gives a node one more name.
    public func link(_ target: NodeID, _ parent: NodeID, _ name: FileName) throws -> EntryOut {
        try call(.link, parent, returning: EntryOut.self) { request in
            request.append(LinkIn { $0.target = target })
            request.append(name)
        }
    }

    /// Reads a symbolic link.
    public func readlink(_ node: NodeID) throws -> FileName {
        FileName(bytes: try call(opcode: .readlink, node: node, reply: .data(upTo: 4096)).data())
    }

    /// Removes a name of anything but a directory.
    public func unlink(_ parent: NodeID, _ name: FileName) throws {
        try callWithoutResult(.unlink, parent) { $0.append(name) }
    }

    /// Removes an empty directory.
    public func rmdir(_ parent: NodeID, _ name: FileName) throws {
        try callWithoutResult(.rmdir, parent) { $0.append(name) }
    }

    /// Renames, by RENAME2 if there are flags (renameat2(2)) and by RENAME otherwise.
    public func rename(
        _ parent: NodeID, _ name: FileName, to newParent: NodeID, _ newName: FileName, flags: UInt32 = 0
    ) throws {
        try callWithoutResult(flags == 0 ? .rename : .rename2, parent) { request in
            if flags == 0 {
                request.append(RenameIn { $0.newParent = newParent })
            } else {
                request.append(
                    Rename2In {
                        $0.newParent = newParent
                        $0.flags = flags
                    })
            }
            request.append(name)
            request.append(newName)
        }
    }
}
