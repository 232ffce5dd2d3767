import CLinux
import FUSE
import Frontend
import Glibc
import Linux
import SystemPackage

/// A file that a slot has open.
private struct OpenFile {
    var node = NodeID.none
    var handle = HandleID.none
    var flags: OpenReplyFlags = []
}

/// What a guest remembers of a backend: whether it is to be told of a close.
private struct FlushPolicy {
    private var isDeclined = false

    /// Submits the first request of a close(2).
    func close(_ file: OpenFile, _ client: FuseClient, _ slot: Int) throws(BackendFault) {
        guard !isDeclined, !file.flags.contains(.noFlush) else { return try client.submitRelease(slot, file) }
        try client.submit(slot, opcode: .flush, node: file.node, reply: .empty) { request in
            request.append(FlushIn { $0.handle = file.handle })
        }
    }

    /// Whether the reply to a FLUSH is one that a guest accepts.
    mutating func accepts(_ reply: Reply) -> Bool {
        if reply.error == .noFunction { isDeclined = true }
        return reply.error == nil || reply.error == .noFunction
    }
}

extension FuseClient {
    fileprivate func submitRelease(_ slot: Int, _ file: OpenFile) throws(BackendFault) {
        try submit(slot, opcode: .release, node: file.node, reply: .empty) { request in
            request.append(ReleaseIn { $0.handle = file.handle })
        }
    }
}

/// Small files, one after the other: opened, read and closed.
struct OpenReadCloseJob: Job {
    private let tree: ServedTree
    private var slots: [OpenFile]
    private var flush = FlushPolicy()

    init(_ tree: ServedTree, slotCount: Int) {
        self.tree = tree
        slots = [OpenFile](repeating: OpenFile(), count: slotCount)
    }

    mutating func begin(_ client: FuseClient, slot: Int, number: UInt64) throws(BackendFault) -> Bool {
        let node = tree.smallFiles[Int(number % UInt64(tree.smallFiles.count))]
        slots[slot].node = node
        try client.submit(slot, opcode: .open, node: node, reply: .exactly(OpenOut.byteCount)) {
            $0.append(OpenIn())
        }
        return true
    }

    mutating func proceed(_ client: FuseClient, _ reply: Reply) throws(BackendFault) -> Int? {
        let slot = reply.slot
        switch reply.opcode {
        case .open:
            guard let opened = try? reply.structure(OpenOut.self) else { throw wrong("OPEN", reply) }
            slots[slot].handle = opened.handle
            slots[slot].flags = opened.flags
            try client.submit(
                slot, opcode: .read, node: slots[slot].node, reply: .data(upTo: HostTree.pageSize)
            ) { request in
                request.append(
                    ReadIn {
                        $0.handle = opened.handle
                        $0.size = UInt32(HostTree.pageSize)
                    })
            }
        case .read:
            guard reply.error == nil, reply.body.count == HostTree.pageSize,
                HostTree.stamp.isIn(reply.body, offset: 0)
            else { throw wrong("READ of a small file", reply) }
            try flush.close(slots[slot], client, slot)
        case .flush:
            guard flush.accepts(reply) else { throw wrong("FLUSH", reply) }
            try client.submitRelease(slot, slots[slot])
        default:
            guard reply.error == nil else { throw wrong("RELEASE", reply) }
            return 1
        }
        return nil
    }
}

/// A file for each slot, made, written, closed and removed.
struct CreateWriteUnlinkJob: Job {
    private struct Created {
        let name: FileName
        var file = OpenFile()
    }

    private let tree: ServedTree
    private var slots: [Created]
    private var flush = FlushPolicy()

    init(_ tree: ServedTree, queue: Int, slotCount: Int) {
        self.tree = tree
        slots = (0..<slotCount).map { Created(name: FileName("created-\(queue)-\($0)")) }
    }

    mutating func begin(_ client: FuseClient, slot: Int, number: UInt64) throws(BackendFault) -> Bool {
        let name = slots[slot].name
        try client.submit(slot, opcode: .create, node: tree.scratch, reply: .exactly(CreateOut.byteCount)) { request in
            request.append(
                CreateIn {
                    $0.flags = UInt32(O_RDWR | O_CREAT | O_EXCL)
                    $0.mode = 0o100644
                    $0.umask = 0o022
                })
            request.append(name)
        }
        return true
    }

    mutating func proceed(_ client: FuseClient, _ reply: Reply) throws(BackendFault) -> Int? {
        let slot = reply.slot
        switch reply.opcode {
        case .create:
            guard let created = try? reply.structure(CreateOut.self), created.entry.node != .none,
                created.entry.attributes.size == 0
            else { throw wrong("CREATE", reply) }
            slots[slot].file = OpenFile(
                node: created.entry.node, handle: created.open.handle, flags: created.open.flags)
            try client.submit(
                slot, opcode: .write, node: created.entry.node, reply: .exactly(WriteOut.byteCount),
                dataCount: HostTree.pageSize
            ) { request in
                request.append(
                    WriteIn {
                        $0.handle = created.open.handle
                        $0.size = UInt32(HostTree.pageSize)
                    })
            }
        case .write:
            guard let written = try? reply.structure(WriteOut.self).size, written == UInt32(HostTree.pageSize) else {
                throw wrong("WRITE of a new file", reply)
            }
            try flush.close(slots[slot].file, client, slot)
        case .flush:
            guard flush.accepts(reply) else { throw wrong("FLUSH", reply) }
            try client.submitRelease(slot, slots[slot].file)
        case .release:
            guard reply.error == nil else { throw wrong("RELEASE", reply) }
            let name = slots[slot].name
            try client.submit(slot, opcode: .unlink, node: tree.scratch, reply: .empty) { $0.append(name) }
        case .unlink:
            guard reply.error == nil else { throw wrong("UNLINK", reply) }
            // A guest sends it on the hiprio queue; here it keeps its place in the operation.
            try client.submit(slot, opcode: .forget, node: slots[slot].file.node, reply: .none) { request in
                request.append(ForgetIn { $0.count = 1 })
            }
        default:
            return 1
        }
        return nil
    }

    /// All that was made must be gone.
    mutating func settle(_ client: FuseClient, _ forgetter: Forgetter) throws {
        let left = names(in: FilePath("\(tree.host.path)/\(HostTree.scratchDirectory)"))
        guard !left.contains(where: { name in slots.contains { $0.name == FileName(name) } }) else {
            throw BackendFault.malformed("what was unlinked is still on the host: \(left)")
        }
    }
}

/// A file for each slot, which goes from one name to another and back.
struct RenameJob: Job {
    private let tree: ServedTree
    private let names: [(FileName, FileName)]
    private var isAway: [Bool]

    init(_ tree: ServedTree, queue: Int, slotCount: Int) throws {
        self.tree = tree
        names = (0..<slotCount).map { (FileName("here-\(queue)-\($0)"), FileName("there-\(queue)-\($0)")) }
        isAway = [Bool](repeating: false, count: slotCount)
        for name in names {
            _ = try tree.host.open("\(HostTree.scratchDirectory)/\(name.0)", flags: O_CREAT | O_WRONLY, mode: 0o644)
        }
    }

    mutating func begin(_ client: FuseClient, slot: Int, number: UInt64) throws(BackendFault) -> Bool {
        let (here, there) = names[slot]
        let isAway = isAway[slot]
        let scratch = tree.scratch
        try client.submit(slot, opcode: .rename, node: scratch, reply: .empty) { request in
            request.append(RenameIn { $0.newParent = scratch })
            request.append(isAway ? there : here)
            request.append(isAway ? here : there)
        }
        return true
    }

    mutating func proceed(_ client: FuseClient, _ reply: Reply) throws(BackendFault) -> Int? {
        guard reply.error == nil else { throw wrong("RENAME", reply) }
        isAway[reply.slot].toggle()
        return 1
    }

    /// Each file must be where it was sent.
    mutating func settle(_ client: FuseClient, _ forgetter: Forgetter) throws {
        for (slot, name) in names.enumerated() {
            let path = "\(tree.host.path)/\(HostTree.scratchDirectory)/\(isAway[slot] ? name.1 : name.0)"
            guard unlink(path) == 0 else { throw BackendFault.malformed("what was renamed to \(path) is not there") }
        }
    }
}
