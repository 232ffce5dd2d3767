import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import SystemPackage

/// Listings: OPENDIR, READDIR, READDIRPLUS.
extension RequestDispatcher {
    func opendir(_ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        // For good, and of every directory of the device.
        if session.opensNothing { throw .noFunction }
        try reply.require(OpenOut.byteCount)
        let opened = try openDirectory(node, session)
        let handle = try session.open(node, opened, lane: lane)
        return try reply.send(
            OpenOut {
                $0.handle = handle.id
                // The guest still looks whether the directory has changed, as often as it asks for attributes.
                if node.child.options.cache.keepsListings { $0.flags = [.cacheDirectory, .keepCache] }
            })
    }

    func readdir(
        _ request: Request, _ reply: Reply, _ session: Session, _ node: Node, plus: Bool
    ) throws(Errno) -> UInt32 {
        let asked = try request.structure(ReadIn.self)
        let handle = try handle(asked.handle, of: node, session)
        guard let stream = handle.stream else { throw .badFileDescriptor }
        var encoder = DirectoryEncoder(into: reply.body(limit: asked.size))
        if handle.isHidden {
            listHidden(node, from: asked.offset, to: &encoder, plus: plus)
            return reply.finish(encoder.count)
        }

        var isFull = false
        do throws(Errno) {
            try handle.withDescriptor { (directory) throws(Errno) in
                try stream.list(from: asked.offset, of: directory) { (host) throws(Errno) in
                    // Before the lookup: one that does not get out would leave a reference that nobody gives back.
                    guard encoder.fits(nameLength: host.name.count, plus: plus) else {
                        isFull = true
                        return false
                    }
                    append(host, of: node, directory, session, to: &encoder, plus: plus)
                    return true
                }
            }
        } catch {
            // What is already in the reply has been counted as looked up, and so has to get out.
            if encoder.count == 0 { throw error }
        }
        // An empty reply would say that the directory ends here.
        if isFull && encoder.count == 0 { throw .invalidArgument }
        return reply.finish(encoder.count)
    }

    /// Adds an entry of the host. READDIRPLUS counts a lookup of it; a name that is gone by now is left out.
    private func append(
        _ host: HostEntry, of node: Node, _ directory: CInt, _ session: Session, to encoder: inout DirectoryEncoder,
        plus: Bool
    ) {
        var entry = DirectoryEntry()
        entry.cookie = host.cookie
        entry.type = UInt32(host.type)
        // A share's parent is the synthetic root, whatever lies above it on the host.
        entry.inode =
            host.isDotDot && node.isChildRoot
            ? NodeID.root.rawValue : node.child.numbering.guestInode(host.inode, device: node.key.device)
        if !plus {
            if node.child.owners.areMapped, host.type == UInt8(DT_REG), let start = host.name.baseAddress {
                entry.type = UInt32(listedType(start.assumingMemoryBound(to: CChar.self), in: directory))
            }
            _ = encoder.append(entry, name: host.name)
            return
        }
        if host.isDot || host.isDotDot {
            // No node: the guest knows both, and owes no FORGET for them.
            _ = encoder.append(entry, name: host.name, found: EntryOut(unknown: entry))
            return
        }
        guard let start = host.name.baseAddress else { return }
        do throws(Errno) {
            let found = try find(start.assumingMemoryBound(to: CChar.self), host.name, in: node, session)
            entry.inode = found.attributes.inode
            // Some host file systems list without types.
            entry.type = found.attributes.mode >> 12
            _ = encoder.append(entry, name: host.name, found: found)
        } catch {
            if error == .noSuchFileOrDirectory { return }
            // Listed all the same; the guest learns why when it looks it up.
            _ = encoder.append(entry, name: host.name, found: EntryOut())
        }
    }

    /// Lists a directory that appears empty.
    private func listHidden(_ node: Node, from offset: UInt64, to encoder: inout DirectoryEncoder, plus: Bool) {
        var cookie = offset
        while cookie < 2 {
            let entry = DirectoryEntry {
                $0.inode = node.child.numbering.guestInode(node.key.inode, device: node.key.device)
                $0.cookie = cookie + 1
                $0.type = UInt32(DT_DIR)
            }
            guard append(entry, dots: Int(cookie) + 1, to: &encoder, plus: plus) else { return }
            cookie += 1
        }
    }

    /// Adds "." or "..".
    ///
    /// - Returns: False when it does not fit.
    func append(_ entry: DirectoryEntry, dots: Int, to encoder: inout DirectoryEncoder, plus: Bool) -> Bool {
        withUnsafeBytes(of: (UInt8(0x2E), UInt8(0x2E))) { name in
            let name = UnsafeRawBufferPointer(rebasing: name[..<dots])
            return plus
                ? encoder.append(entry, name: name, found: EntryOut(unknown: entry))
                : encoder.append(entry, name: name)
        }
    }
}

extension EntryOut {
    /// An entry of a listing that makes no node.
    fileprivate init(unknown entry: DirectoryEntry) {
        self.init()
        attributes.inode = entry.inode
        attributes.mode = UInt32(Glibc.S_IFDIR)
    }
}
