import FUSE
import Frontend
import Glibc
import Linux
import SystemPackage

/// Where the blocks of a file lie that are read or written one after the other, or here and there.
struct BlockOrder {
    let blockSize: Int
    let isRandom: Bool

    private let blocks: UInt64

    init(_ workload: Workload, _ tree: HostTree) {
        blockSize = workload.blockSize
        blocks = tree.extent.fileSize / UInt64(max(1, blockSize))
        isRandom = workload == .randread4k || workload == .randwrite4k
    }

    /// Where block number `number` begins. A step that is odd and far visits every block before the first comes again.
    func offset(_ number: UInt64) -> UInt64 {
        (isRandom ? number &* 7919 : number) % blocks * UInt64(blockSize)
    }

    /// Where those blocks begin that `count` operations from `first` on have met.
    func offsets(from first: UInt64, count: UInt64) -> [UInt64] {
        (0..<min(count, blocks)).map { offset(first &+ $0) }
    }
}

/// Blocks of the file.
struct ReadJob: Job {
    private let tree: ServedTree
    private let order: BlockOrder
    private let handle: HandleID
    private var numbers: [UInt64]

    init(_ workload: Workload, _ tree: ServedTree, _ client: FuseClient, slotCount: Int) throws {
        self.tree = tree
        order = BlockOrder(workload, tree.host)
        handle = try client.open(tree.file).handle
        numbers = [UInt64](repeating: 0, count: slotCount)
    }

    mutating func begin(_ client: FuseClient, slot: Int, number: UInt64) throws(BackendFault) -> Bool {
        numbers[slot] = number
        let (handle, order) = (handle, order)
        try client.submit(slot, opcode: .read, node: tree.file, reply: .data(upTo: order.blockSize)) { request in
            request.append(
                ReadIn {
                    $0.handle = handle
                    $0.offset = order.offset(number)
                    $0.size = UInt32(order.blockSize)
                })
        }
        return true
    }

    mutating func proceed(_ client: FuseClient, _ reply: Reply) throws(BackendFault) -> Int? {
        guard reply.error == nil, reply.body.count == order.blockSize,
            HostTree.stamp.isIn(reply.body, offset: order.offset(numbers[reply.slot]))
        else { throw wrong("READ", reply) }
        return 1
    }

    mutating func settle(_ client: FuseClient, _ forgetter: Forgetter) throws {
        try client.release(tree.file, handle)
    }
}

/// Blocks over what is in the other file, with a stamp that nobody has written before.
struct WriteJob: Job {
    private let tree: ServedTree
    private let order: BlockOrder
    private let stamp: Stamp
    private let handle: HandleID
    private var first: UInt64?
    private var count: UInt64 = 0

    // All queues have the same stamp: they write the same file.
    init(_ workload: Workload, _ tree: ServedTree, _ client: FuseClient, stamp: Stamp) throws {
        self.tree = tree
        self.stamp = stamp
        order = BlockOrder(workload, tree.host)
        handle = try client.open(tree.writtenFile, flags: UInt32(O_RDWR)).handle
    }

    mutating func begin(_ client: FuseClient, slot: Int, number: UInt64) throws(BackendFault) -> Bool {
        if first == nil { first = number }
        count += 1
        let (handle, order) = (handle, order)
        let data = client.data(of: slot)
        stamp.store(
            in: UnsafeMutableRawBufferPointer(start: data.start, count: order.blockSize), offset: order.offset(number))
        try client.submit(
            slot, opcode: .write, node: tree.writtenFile, reply: .exactly(WriteOut.byteCount),
            dataCount: order.blockSize
        ) { request in
            request.append(
                WriteIn {
                    $0.handle = handle
                    $0.offset = order.offset(number)
                    $0.size = UInt32(order.blockSize)
                })
        }
        return true
    }

    mutating func proceed(_ client: FuseClient, _ reply: Reply) throws(BackendFault) -> Int? {
        guard let written = try? reply.structure(WriteOut.self).size, written == UInt32(order.blockSize) else {
            throw wrong("WRITE", reply)
        }
        return 1
    }

    /// Looks at the host's file: what was said to be written must be there.
    mutating func settle(_ client: FuseClient, _ forgetter: Forgetter) throws {
        try client.release(tree.writtenFile, handle)
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: order.blockSize, alignment: 8)
        defer { block.deallocate() }
        let file = try tree.host.open(HostTree.writtenFile, flags: O_RDONLY)
        for offset in order.offsets(from: first ?? 0, count: count) {
            guard pread(file.number, block.baseAddress, block.count, Int(offset)) == block.count,
                stamp.isIn(UnsafeRawBufferPointer(block), offset: offset)
            else { throw BackendFault.malformed("what was written at \(offset) is not in the host's file") }
        }
    }
}
