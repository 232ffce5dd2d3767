import FUSE
import Frontend

/// A driver that offers a device anything at all, and sees what becomes of it.
public struct HostileDriver {
    /// What became of an offer, and what the device wrote.
    public struct Verdict {
        /// What became of it.
        public let outcome: Frontend.Outcome
        /// The bytes of the reply buffers, as many as the device says it wrote.
        public let reply: [UInt8]

        /// The error of a reply, negated as on the wire; nil when there is no whole header.
        public var error: Int32? {
            reply.count >= 16 ? VhostUserSocket.integer(reply, at: 4) as Int32 : nil
        }

        /// Whether the device did the least it has to: it answered in a form no guest rejects, or gave the ring up.
        public var isSound: Bool {
            guard case .used(let length) = outcome else { return true }
            guard length > 0 else { return true }
            guard length >= 16, Int(length) == reply.count else { return false }
            let claimed: UInt32 = VhostUserSocket.integer(reply, at: 0)
            guard let error else { return false }
            return claimed == length && error <= 0 && error > -512
        }
    }

    /// The device's frontend.
    public let frontend: Frontend
    /// Where offers are made.
    public let queue: DriverQueue
    /// Room for what the device reads.
    public let request: GuestBuffer
    /// Room for what the device writes.
    public let reply: GuestBuffer
    /// Room for an indirect table of the greatest size.
    public let table: GuestBuffer

    /// Lays out the buffers.
    public init(_ frontend: Frontend, queue: DriverQueue? = nil) throws(BackendFault) {
        self.frontend = frontend
        self.queue = queue ?? frontend.requestQueue(0)
        request = try frontend.memory.allocate(65_536, alignment: 4096)
        reply = try frontend.memory.allocate(65_536, alignment: 4096)
        table = try frontend.memory.allocate(65_536 * 16, alignment: 4096)
    }

    /// The bytes of a request: struct fuse_in_header, and what follows it.
    ///
    /// - Parameters:
    ///   - opcode: What is asked for.
    ///   - node: What it is asked of.
    ///   - length: What the header claims; the true length if nil.
    ///   - unique: What the reply has to repeat.
    ///   - body: What follows the header.
    /// - Returns: The request as it goes into the ring.
    public static func request(
        _ opcode: Opcode, node: NodeID = .root, length: UInt32? = nil, unique: UInt64 = 4711, _ body: [UInt8] = []
    ) -> [UInt8] {
        let header = InHeader {
            $0.length = length ?? UInt32(40 + body.count)
            $0.opcode = opcode
            $0.unique = unique
            $0.node = node
        }
        return header.withBytes { [UInt8]($0) } + body
    }

    /// The bytes of a structure.
    public static func bytes<T: WireStructure>(_ structure: T) -> [UInt8] { structure.withBytes { [UInt8]($0) } }

    /// Offers these bytes with a reply buffer of this size, in two descriptors, or one where either is empty.
    public func send(_ bytes: [UInt8], replyRoom: Int = 4096) throws(BackendFault) -> Verdict {
        request.store(bytes)
        var segments: [Segment] = []
        if !bytes.isEmpty { segments.append(.request(request.part(0, bytes.count))) }
        if replyRoom > 0 { segments.append(.reply(reply.part(0, replyRoom))) }
        queue.add(segments)
        queue.publish()
        return try verdict()
    }

    /// Writes these descriptors at the start of the table and offers the first.
    public func offer(_ descriptors: [RingDescriptor], head: UInt16 = 0) throws(BackendFault) -> Verdict {
        for (index, descriptor) in descriptors.enumerated() { queue.setDescriptor(descriptor, at: index) }
        queue.enqueue(head: head)
        queue.expose()
        queue.kick()
        return try verdict()
    }

    /// Writes these descriptors into an indirect table and offers that, claiming `size` bytes of it.
    public func offerIndirect(
        _ descriptors: [RingDescriptor], size: UInt32? = nil, flags: RingDescriptor.Flags = .indirect
    ) throws(BackendFault) -> Verdict {
        for (index, descriptor) in descriptors.enumerated() {
            DriverQueue.store(descriptor, in: table.start, at: index)
        }
        return try offer([
            RingDescriptor(address: table.address, length: size ?? UInt32(16 * descriptors.count), flags: flags)
        ])
    }

    /// What the device made of the last offer.
    public func verdict() throws(BackendFault) -> Verdict {
        let outcome = try frontend.outcome(of: queue)
        guard case .used(let length) = outcome, length <= reply.count else {
            return Verdict(outcome: outcome, reply: [])
        }
        return Verdict(outcome: outcome, reply: reply.bytes(Int(length)))
    }
}
