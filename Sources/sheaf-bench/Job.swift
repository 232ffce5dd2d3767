import FUSE
import Frontend
import SystemPackage

/// A workload on the files it needs: how to make the next request, and what its reply must be.
struct Job {
    let workload: Workload
    let tree: Tree
    /// Of a sequential read.
    let blockSize: Int

    private static let presentName: FileName = "file"
    private static let absentName: FileName = "absent"

    /// Bytes a reply carries, for throughput.
    var bytesPerRequest: Int {
        switch workload {
        case .read4k: Tree.pageSize
        case .seqread: blockSize
        default: 0
        }
    }

    /// Puts request number `number` into the ring.
    func submit(_ client: FuseClient, slot: Int, number: UInt64) throws(BackendFault) {
        switch workload {
        case .getattr:
            try client.submit(slot, opcode: .getattr, node: tree.file, reply: .exactly(AttrOut.byteCount)) {
                $0.append(GetattrIn())
            }
        case .lookup:
            try client.submit(slot, opcode: .lookup, node: tree.directory, reply: .exactly(EntryOut.byteCount)) {
                $0.append(Self.presentName)
            }
        case .lookupMiss:
            try client.submit(slot, opcode: .lookup, node: tree.directory, reply: .exactly(EntryOut.byteCount)) {
                $0.append(Self.absentName)
            }
        case .read4k:
            // A step that is odd and far visits every page before the first comes again.
            try submitRead(client, slot: slot, offset: offset(of: number &* 7919), count: Tree.pageSize)
        case .seqread:
            try submitRead(client, slot: slot, offset: offset(of: number), count: blockSize)
        case .statfs:
            try client.submit(slot, opcode: .statfs, node: tree.file, reply: .exactly(StatfsOut.byteCount)) { _ in }
        }
    }

    /// Whether the reply to request number `number` is right.
    func isRight(_ reply: Reply, number: UInt64) -> Bool {
        switch workload {
        case .getattr:
            guard let attributes = try? reply.structure(AttrOut.self).attributes else { return false }
            return attributes.inode == tree.attributes.inode && attributes.size == tree.attributes.size
        case .lookup:
            guard let entry = try? reply.structure(EntryOut.self) else { return false }
            return entry.node == tree.file && entry.attributes.inode == tree.attributes.inode
        case .lookupMiss:
            if let error = reply.error { return error == .noSuchFileOrDirectory }
            return (try? reply.structure(EntryOut.self))?.node == NodeID.none
        case .read4k:
            return holds(reply, offset: offset(of: number &* 7919), count: Tree.pageSize)
        case .seqread:
            return holds(reply, offset: offset(of: number), count: blockSize)
        case .statfs:
            return (try? reply.structure(StatfsOut.self))?.nameLength == 255
        }
    }

    /// References that this many requests have taken on the file.
    func references(after requests: UInt64) -> UInt64 { workload == .lookup ? requests : 0 }

    private func submitRead(
        _ client: FuseClient, slot: Int, offset: UInt64, count: Int
    ) throws(BackendFault) {
        let handle = tree.handle
        try client.submit(slot, opcode: .read, node: tree.file, reply: .data(upTo: count)) { request in
            request.append(
                ReadIn {
                    $0.handle = handle
                    $0.offset = offset
                    $0.size = UInt32(count)
                })
        }
    }

    private func offset(of number: UInt64) -> UInt64 {
        let unit = UInt64(bytesPerRequest)
        return number % (Tree.fileSize / unit) * unit
    }

    private func holds(_ reply: Reply, offset: UInt64, count: Int) -> Bool {
        guard reply.error == nil, reply.body.count == count else { return false }
        return Tree.isStamped(reply.body, offset: offset)
    }
}
