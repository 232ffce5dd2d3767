import CLinux
import FUSE
import Glibc
import Linux
import SystemPackage

/// A FUSE client on one request queue: requests in slots, replies checked as the strictest guest checks them.
///
/// Requests are made one at a time (`call`), or many are kept going (`acquire`, `submit`, `complete`, `release`).
/// To be used by one thread at a time; the clients of different queues are independent.
public final class FuseClient: @unchecked Sendable {
    /// struct fuse_in_header and struct fuse_out_header.
    static let requestHeaderSize = 40
    static let replyHeaderSize = 16
    /// Room for the arguments of a request: structures and up to two names of the greatest length.
    private static let argumentCapacity = 12_288
    private static let replyArgumentCapacity = 1024

    /// The memory of one request in flight.
    private struct Slot {
        let request: GuestBuffer
        let reply: GuestBuffer
        let data: GuestBuffer
        let table: GuestBuffer
        var unique: UInt64 = 0
        var opcode = Opcode(rawValue: 0)
        var shape = ReplyShape.empty
        var isBusy = false
    }

    /// The device the queue belongs to, which lives as long as its clients.
    public let frontend: Frontend
    /// The queue that requests go through.
    public let queue: DriverQueue
    /// How requests are cut into descriptors.
    public var layout: ChainLayout
    /// The user whom requests are made for.
    public var uid = getuid()
    /// The group whom requests are made for.
    public var gid = getgid()
    /// The process that requests are made for.
    public var pid = UInt32(getpid())
    /// How long `call` and `complete` wait, in milliseconds; nil for ever.
    public var timeout: CInt? = 10_000
    /// Requests that have not been completed.
    public private(set) var inFlight = 0
    /// Bytes of data that a request or a reply can have.
    public let dataCapacity: Int

    private let slots: UnsafeMutableBufferPointer<Slot>
    private let segments: UnsafeMutableBufferPointer<Segment>
    private let slotOfHead: UnsafeMutablePointer<Int32>
    private var freeSlots: [Int]
    private var nextUnique: UInt64

    /// Lays the slots out in guest memory.
    ///
    /// - Parameters:
    ///   - frontend: Whose memory is used.
    ///   - queue: The queue to make requests on; the first request queue if nil.
    ///   - depth: How many requests can be in flight.
    ///   - dataCapacity: Bytes of data that a request or a reply can have.
    /// - Throws: `BackendFault.host` when guest memory is used up.
    public init(
        _ frontend: Frontend, queue: DriverQueue? = nil, depth: Int = 1, dataCapacity: Int = 128 << 10
    ) throws(BackendFault) {
        let queue = queue ?? frontend.requestQueue(0)
        let memory = frontend.memory
        self.frontend = frontend
        self.queue = queue
        self.dataCapacity = dataCapacity
        layout = frontend.features.contains(.indirectDescriptors) ? .linux : .direct
        slots = .allocate(capacity: depth)
        segments = .allocate(capacity: Int(queue.size))
        slotOfHead = .allocate(capacity: Int(queue.size))
        slotOfHead.initialize(repeating: -1, count: Int(queue.size))
        freeSlots = Array((0..<depth).reversed())
        nextUnique = UInt64(queue.index) << 40 + 2
        for index in 0..<depth {
            (slots.baseAddress.unsafelyUnwrapped + index).initialize(
                to: Slot(
                    request: try memory.allocate(Self.requestHeaderSize + Self.argumentCapacity),
                    reply: try memory.allocate(Self.replyHeaderSize + Self.replyArgumentCapacity),
                    data: try memory.allocate(dataCapacity, alignment: 4096),
                    table: try memory.allocate(16 * Int(queue.size), alignment: 16)))
        }
    }

    deinit {
        slots.deallocate()
        segments.deallocate()
        slotOfHead.deallocate()
    }

    // MARK: Many requests

    /// How many slots there are; their numbers are below it, in no order.
    public var slotCount: Int { slots.count }

    /// A free slot to make a request in; nil when all are taken.
    public func acquire() -> Int? { freeSlots.popLast() }

    /// Gives a slot back once its reply has been looked at.
    public func release(_ slot: Int) { freeSlots.append(slot) }

    /// The data pages of a slot: to be filled before a request that sends data.
    public func data(of slot: Int) -> GuestBuffer { slots[slot].data }

    /// The number of the request that was made in a slot.
    public func unique(of slot: Int) -> UInt64 { slots[slot].unique }

    /// Puts a request into the ring; `queue.publish()` shows it to the device.
    ///
    /// - Parameters:
    ///   - slot: From `acquire`.
    ///   - opcode: FUSE_*.
    ///   - node: The node id the request is about.
    ///   - shape: What its reply has to look like.
    ///   - dataCount: Bytes of the slot's data pages that belong to the request.
    ///   - write: Writes what follows the header.
    /// - Throws: `.host` when the ring has no room.
    public func submit(
        _ slot: Int, opcode: Opcode, node: NodeID, reply shape: ReplyShape, dataCount: Int = 0,
        _ write: (inout RequestWriter) -> Void
    ) throws(BackendFault) {
        precondition(!slots[slot].isBusy, "a slot has one request at a time")
        precondition(dataCount <= dataCapacity && shape.dataCapacity <= dataCapacity, "data must fit its pages")
        let request = slots[slot].request
        var writer = RequestWriter(
            start: request.start + Self.requestHeaderSize, capacity: request.count - Self.requestHeaderSize)
        write(&writer)
        let unique = nextUnique
        nextUnique += 2
        storeHeader(
            at: request.start, length: Self.requestHeaderSize + writer.count + dataCount, opcode: opcode,
            unique: unique, node: node)

        let reply = slots[slot].reply
        let data = slots[slot].data
        var count = 0
        cut(request.address, Self.requestHeaderSize, isReply: false, piece: layout.headerPiece, &count)
        cut(
            request.address + UInt64(Self.requestHeaderSize), writer.count, isReply: false,
            piece: layout.headerPiece, &count)
        cut(data.address, dataCount, isReply: false, piece: layout.dataPiece, &count)
        if shape.isExpected {
            // A device that answers with less than it should must not find the last reply in its place.
            (reply.start).storeBytes(of: 0, as: UInt64.self)
            (reply.start + 8).storeBytes(of: 0, as: UInt64.self)
            cut(reply.address, Self.replyHeaderSize, isReply: true, piece: layout.headerPiece, &count)
            cut(
                reply.address + UInt64(Self.replyHeaderSize), shape.argumentSize, isReply: true,
                piece: layout.headerPiece, &count)
            cut(data.address, shape.dataCapacity, isReply: true, piece: layout.dataPiece, &count)
        }
        let chain = UnsafeBufferPointer(rebasing: segments[0..<min(count, segments.count)])
        guard count <= segments.count,
            let head = queue.add(chain, indirectTable: layout.isIndirect ? slots[slot].table : nil)
        else { throw .host("put a request of \(count) descriptors into queue \(queue.index)", .noBufferSpace) }
        slotOfHead[Int(head)] = Int32(slot)
        slots[slot].unique = unique
        slots[slot].opcode = opcode
        slots[slot].shape = shape
        slots[slot].isBusy = true
        inFlight += 1
    }

    /// Takes one finished request back; waits if there is none yet.
    ///
    /// - Parameter busyPoll: Spins on the used ring and asks for no call.
    /// - Returns: Its reply, whose slot is to be released.
    /// - Throws: `.silent`, or `.malformed` when a strict guest would not accept the reply.
    public func complete(busyPoll: Bool = false) throws(BackendFault) -> Reply {
        precondition(inFlight > 0, "there must be a request to wait for")
        if busyPoll {
            while queue.readyCount == 0 { continue }
        } else {
            try queue.wait(timeout: timeout)
        }
        guard let reply = try completeNow() else { throw .silent("queue \(queue.index) was ready and is not") }
        return reply
    }

    /// Takes one finished request back; nil if there is none.
    ///
    /// - Throws: `.malformed` when a strict guest would not accept the reply.
    public func completeNow() throws(BackendFault) -> Reply? {
        guard let used = try queue.pop() else { return nil }
        let slot = Int(slotOfHead[Int(used.head)])
        guard slot >= 0, slots[slot].isBusy else {
            throw .malformed("queue \(queue.index) returned chain \(used.head), which is not a request")
        }
        slotOfHead[Int(used.head)] = -1
        slots[slot].isBusy = false
        inFlight -= 1
        return try check(slots[slot], index: slot, used: Int(used.length))
    }

    // MARK: One request

    /// Makes a request and waits for its reply.
    ///
    /// - Parameters:
    ///   - opcode: FUSE_*.
    ///   - node: The node id the request is about.
    ///   - shape: What its reply has to look like.
    ///   - data: Sent after the arguments, in pages.
    ///   - write: Writes what follows the header.
    /// - Returns: The reply, valid until the next request.
    /// - Throws: What the backend does wrong; an error the server answers with is in the reply.
    public func call(
        opcode: Opcode, node: NodeID, reply shape: ReplyShape, data: [UInt8] = [],
        _ write: (inout RequestWriter) -> Void = { _ in }
    ) throws(BackendFault) -> Reply {
        precondition(inFlight == 0, "one request at a time, or many: not both")
        guard let slot = acquire() else { throw .host("find a free slot", .noBufferSpace) }
        defer { release(slot) }
        if !data.isEmpty { slots[slot].data.store(data) }
        try submit(slot, opcode: opcode, node: node, reply: shape, dataCount: data.count, write)
        queue.publish()
        return try complete()
    }

    // MARK: Details

    /// What Linux checks of a reply (fs/fuse/virtio_fs.c and dev.c, 7.x).
    private func check(_ slot: Slot, index: Int, used: Int) throws(BackendFault) -> Reply {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        guard slot.shape.isExpected else {
            guard used == 0 else {
                throw .malformed("\(used) bytes for opcode \(slot.opcode.rawValue), which has no reply")
            }
            return Reply(slot: index, opcode: slot.opcode, error: nil, body: nothing)
        }
        let length = Int(slot.reply.start.load(as: UInt32.self))
        let error = slot.reply.start.load(fromByteOffset: 4, as: Int32.self)
        let unique = slot.reply.start.load(fromByteOffset: 8, as: UInt64.self)
        guard length == used, used >= Self.replyHeaderSize else {
            throw .malformed("opcode \(slot.opcode.rawValue): the header says \(length) bytes, the ring \(used)")
        }
        guard unique == slot.unique else {
            throw .malformed("opcode \(slot.opcode.rawValue): reply \(unique) to request \(slot.unique)")
        }
        guard error <= 0, error > -512 else { throw .malformed("opcode \(slot.opcode.rawValue): error \(error)") }
        let body = length - Self.replyHeaderSize
        guard error == 0 else {
            guard body == 0 else {
                throw .malformed("opcode \(slot.opcode.rawValue): error \(error) with \(body) bytes")
            }
            return Reply(slot: index, opcode: slot.opcode, error: Errno(rawValue: -error), body: nothing)
        }
        if slot.shape.dataCapacity > 0 {
            guard body <= slot.shape.dataCapacity else {
                throw .malformed(
                    "opcode \(slot.opcode.rawValue): \(body) bytes of data, \(slot.shape.dataCapacity) at most")
            }
            return Reply(
                slot: index, opcode: slot.opcode, error: nil,
                body: UnsafeRawBufferPointer(start: slot.data.start, count: body))
        }
        guard body == slot.shape.argumentSize else {
            throw .malformed("opcode \(slot.opcode.rawValue): \(body) bytes where \(slot.shape.argumentSize) are due")
        }
        return Reply(
            slot: index, opcode: slot.opcode, error: nil,
            body: UnsafeRawBufferPointer(start: slot.reply.start + Self.replyHeaderSize, count: body))
    }

    /// struct fuse_in_header.
    private func storeHeader(
        at start: UnsafeMutableRawPointer, length: Int, opcode: Opcode, unique: UInt64, node: NodeID
    ) {
        start.storeBytes(of: UInt32(truncatingIfNeeded: length), as: UInt32.self)
        start.storeBytes(of: opcode.rawValue, toByteOffset: 4, as: UInt32.self)
        start.storeBytes(of: unique, toByteOffset: 8, as: UInt64.self)
        start.storeBytes(of: node.rawValue, toByteOffset: 16, as: UInt64.self)
        start.storeBytes(of: uid, toByteOffset: 24, as: UInt32.self)
        start.storeBytes(of: gid, toByteOffset: 28, as: UInt32.self)
        start.storeBytes(of: pid, toByteOffset: 32, as: UInt32.self)
        start.storeBytes(of: 0, toByteOffset: 36, as: UInt32.self)
    }

    /// Cuts a buffer into descriptors; counts on past the room there is.
    private func cut(_ address: UInt64, _ count: Int, isReply: Bool, piece: Int, _ used: inout Int) {
        var offset = 0
        while offset < count {
            let length = min(count - offset, piece)
            if used < segments.count {
                segments[used] = Segment(address: address + UInt64(offset), length: length, isReply: isReply)
            }
            used += 1
            offset += length
        }
    }
}
