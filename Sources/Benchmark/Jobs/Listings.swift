import FUSE
import Frontend
import Linux

/// A directory listed with all its entries' attributes; its unit is the entry.
struct ReaddirplusJob: Job {
    private struct Listing {
        var handle = HandleID.none
        var cookie: UInt64 = 0
        var entries = 0
        /// Of the numbers in the names of what was listed.
        var sum = 0
    }

    private static let entrySize = EntryOut.byteCount
    /// struct fuse_dirent without its name.
    private static let recordSize = 24

    private let tree: ServedTree
    /// Room of a reply, in bytes.
    private let room: Int
    private var slots: [Listing]
    /// By the numbers in the names, to be given back, with as many references as there were listings.
    private var nodes: [NodeID]
    private var references: UInt64 = 0

    init(_ tree: ServedTree, slotCount: Int, room: Int) {
        self.tree = tree
        self.room = room
        slots = [Listing](repeating: Listing(), count: slotCount)
        nodes = [NodeID](repeating: .none, count: tree.host.extent.listedFiles)
    }

    mutating func begin(_ client: FuseClient, slot: Int, number: UInt64) throws(BackendFault) -> Bool {
        slots[slot] = Listing()
        try client.submit(slot, opcode: .opendir, node: tree.listed, reply: .exactly(OpenOut.byteCount)) {
            $0.append(OpenIn())
        }
        return true
    }

    mutating func proceed(_ client: FuseClient, _ reply: Reply) throws(BackendFault) -> Int? {
        let slot = reply.slot
        switch reply.opcode {
        case .opendir:
            guard let opened = try? reply.structure(OpenOut.self) else { throw wrong("OPENDIR", reply) }
            slots[slot].handle = opened.handle
            try submitRead(client, slot)
        case .readdirplus:
            guard reply.error == nil else { throw wrong("READDIRPLUS", reply) }
            guard reply.body.isEmpty else {
                try read(reply.body, slot)
                try submitRead(client, slot)
                return nil
            }
            let count = nodes.count
            guard slots[slot].entries == count, slots[slot].sum == count * (count - 1) / 2 else {
                throw .malformed("a directory of \(count) files was listed with \(slots[slot].entries)")
            }
            references += 1
            let handle = slots[slot].handle
            try client.submit(slot, opcode: .releasedir, node: tree.listed, reply: .empty) { request in
                request.append(ReleaseIn { $0.handle = handle })
            }
        default:
            guard reply.error == nil else { throw wrong("RELEASEDIR", reply) }
            return slots[slot].entries
        }
        return nil
    }

    mutating func settle(_ client: FuseClient, _ forgetter: Forgetter) throws {
        if references > 0 { try forgetter.forget(nodes, count: references) }
        references = 0
    }

    private func submitRead(_ client: FuseClient, _ slot: Int) throws(BackendFault) {
        let (listing, room) = (slots[slot], room)
        try client.submit(slot, opcode: .readdirplus, node: tree.listed, reply: .data(upTo: room)) { request in
            request.append(
                ReadIn {
                    $0.handle = listing.handle
                    $0.offset = listing.cookie
                    $0.size = UInt32(room)
                })
        }
    }

    /// Takes records of `struct fuse_direntplus` in.
    private mutating func read(_ body: UnsafeRawBufferPointer, _ slot: Int) throws(BackendFault) {
        var position = 0
        while position < body.count {
            guard body.count - position > Self.entrySize + Self.recordSize,
                let entry = EntryOut(copying: body, at: position)
            else { throw .malformed("a directory entry is cut short") }
            let start = position + Self.entrySize
            slots[slot].cookie = body.loadUnaligned(fromByteOffset: start + 8, as: UInt64.self)
            let length = Int(body.loadUnaligned(fromByteOffset: start + 16, as: UInt32.self))
            let end = start + Self.recordSize + length
            guard (1...255).contains(length), end <= body.count else { throw .malformed("a name is cut short") }
            let name = UnsafeRawBufferPointer(rebasing: body[(start + Self.recordSize)..<end])
            if name[0] != UInt8(ascii: ".") {
                let number = name.dropFirst().reduce(0) { ($0 &* 10) &+ Int($1) &- 48 }
                // The name, the node and the attributes must be of one file; by its size it is told which that is.
                guard nodes.indices.contains(number), entry.attributes.size == UInt64(number), entry.node != .none,
                    nodes[number] == entry.node || nodes[number] == .none
                else {
                    let text = String(decoding: name, as: UTF8.self)
                    throw .malformed("an entry is not what its directory has: \(text)")
                }
                nodes[number] = entry.node
                slots[slot].entries += 1
                slots[slot].sum += number
            }
            position = start + (Self.recordSize + length + 7) & ~7
        }
    }
}

/// Names that the backend does not know yet, each looked up and at the end forgotten.
struct ColdWalkJob: Job {
    static let isFinite = true

    private let tree: ServedTree
    private let files: Range<Int>
    private let fileNames: [FileName]
    private var next: Int
    private var numbers: [Int]
    private var nodes: [NodeID]

    /// - Parameters:
    ///   - tree: Where.
    ///   - queue: Of how many the files are divided among.
    ///   - queues: How many these are.
    ///   - slotCount: Of the client.
    init(_ tree: ServedTree, queue: Int, of queues: Int, slotCount: Int) {
        self.tree = tree
        let count = tree.host.extent.walkedFiles
        files = (count * queue / queues)..<(count * (queue + 1) / queues)
        fileNames = files.map { FileName(HostTree.name($0)) }
        next = files.lowerBound
        numbers = [Int](repeating: 0, count: slotCount)
        nodes = []
        nodes.reserveCapacity(files.count)
    }

    mutating func begin(_ client: FuseClient, slot: Int, number: UInt64) throws(BackendFault) -> Bool {
        guard next < files.upperBound else { return false }
        let name = fileNames[next - files.lowerBound]
        numbers[slot] = next
        let directory = tree.walkedDirectories[next / HostTree.filesPerDirectory]
        next += 1
        try client.submit(slot, opcode: .lookup, node: directory, reply: .exactly(EntryOut.byteCount)) {
            $0.append(name)
        }
        return true
    }

    mutating func proceed(_ client: FuseClient, _ reply: Reply) throws(BackendFault) -> Int? {
        guard let entry = try? reply.structure(EntryOut.self), entry.node != .none,
            entry.attributes.size == UInt64(numbers[reply.slot])
        else { throw wrong("LOOKUP of a file not known yet", reply) }
        nodes.append(entry.node)
        return 1
    }

    mutating func settle(_ client: FuseClient, _ forgetter: Forgetter) throws {
        try forgetter.forget(nodes, count: 1)
        nodes.removeAll(keepingCapacity: true)
        next = files.lowerBound
    }
}
