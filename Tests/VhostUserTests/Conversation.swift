import CLinux
import Linux
import Synchronization
import SystemPackage
import Testing

@testable import VhostUser

/// A session on a thread of its own, and the frontend's end of its socket, driven byte by byte.
final class Conversation {
    let host: RecordingHost
    let memory: Linux.Descriptor
    private let near: Linux.Descriptor
    private let thread: Linux.Thread
    private let result: Result
    private var isJoined = false

    private final class Result: Sendable {
        let end = Mutex<SessionEnd?>(nil)
    }

    static let memorySize: UInt64 = 0x10000
    static let userBase: UInt64 = 0x7f00_0000_0000

    /// Each ring takes `taken` entries between a start and a stop.
    init(ringCount: Int = 3, taken: UInt16 = 0) throws {
        let host = RecordingHost(ringCount: ringCount, taken: taken)
        let result = Result()
        var first: CInt = -1
        var second: CInt = -1
        try checked(cl_socketpair(&first, &second))
        near = Linux.Descriptor(owning: first)
        let far = SharedDescriptor(Linux.Descriptor(owning: second))
        thread = try Linux.Thread(name: "session-test") {
            let end = Session(socket: far.number, host: host).run()
            result.end.withLock { $0 = end }
            // What a device does: the frontend sees the end.
            _ = cl_shutdown_socket(far.number)
        }
        self.host = host
        self.result = result
        memory = try Linux.Descriptor(result: cl_memfd("guest", Self.memorySize))
    }

    deinit {
        if !isJoined { _ = finish() }
    }

    /// Hangs up and waits for the session's end.
    func finish() -> SessionEnd? {
        _ = cl_shutdown_socket(near.number)
        if !isJoined { thread.join() }
        isJoined = true
        return result.end.withLock { $0 }
    }

    /// What the session ended with, when it ended by itself because of what was sent.
    func violation() -> ProtocolViolation? {
        var byte: UInt8 = 0
        while cl_receive(near.number, &byte, 1, nil, nil) > 0 {}
        guard case .violation(let violation) = finish() else { return nil }
        return violation
    }

    // MARK: Messages

    func sendRaw(_ bytes: [UInt8], descriptors: [CInt] = []) throws {
        let sent = try checked(cl_send(near.number, bytes, bytes.count, descriptors, UInt32(descriptors.count)))
        #expect(sent == bytes.count)
    }

    func send(
        _ request: UInt32, _ payload: [UInt8] = [], flags: UInt32 = 1, size: UInt32? = nil, descriptors: [CInt] = []
    ) throws {
        let header = MessageHeader(request: request, flags: flags, size: size ?? UInt32(payload.count))
        try sendRaw(header.bytes + payload, descriptors: descriptors)
    }

    func send(
        _ request: Request, _ payload: [UInt8] = [], needReply: Bool = false, descriptors: [CInt] = []
    ) throws {
        try send(request.rawValue, payload, flags: needReply ? 9 : 1, descriptors: descriptors)
    }

    /// The next message from the session.
    func receive() throws -> (header: MessageHeader, payload: [UInt8]) {
        let header = MessageHeader(try read(MessageHeader.size))
        return (header, try read(Int(header.size)))
    }

    private func read(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var position = 0
        while position < count {
            let result = bytes[position...].withUnsafeMutableBytes { rest in
                rest.baseAddress.map { cl_receive(near.number, $0, rest.count, nil, nil) } ?? 0
            }
            try #require(result > 0, "the session hung up")
            position += result
        }
        return bytes
    }

    func ask(_ request: Request, _ payload: [UInt8] = []) throws -> UInt64 {
        try send(request, payload)
        let reply = try receive()
        #expect(reply.header == MessageHeader(request: request.rawValue, flags: 5, size: 8))
        var reader = PayloadReader(reply.payload)
        return reader.read()
    }

    /// Sends with need_reply and returns what the acknowledgement says.
    func command(_ request: Request, _ payload: [UInt8] = [], descriptors: [CInt] = []) throws -> UInt64 {
        try send(request, payload, needReply: true, descriptors: descriptors)
        let reply = try receive()
        #expect(reply.header == MessageHeader(request: request.rawValue, flags: 5, size: 8))
        var reader = PayloadReader(reply.payload)
        return reader.read()
    }

    /// Waits until all that was sent has been carried out.
    func settle() throws {
        _ = try ask(.getFeatures)
    }

    // MARK: Payloads

    static func number(_ value: UInt64) -> [UInt8] {
        var writer = PayloadWriter()
        writer.write(value)
        return writer.bytes
    }

    static func ring(_ index: UInt32, _ number: UInt32) -> [UInt8] {
        RingState(index: index, number: number).bytes
    }

    static func address(_ index: UInt32, base: UInt64 = userBase) -> [UInt8] {
        var writer = PayloadWriter()
        writer.write(index)
        writer.write(UInt32(0))
        writer.write(base + 0x1000)
        writer.write(base + 0x3000)
        writer.write(base + 0x2000)
        writer.write(UInt64(0))
        return writer.bytes
    }

    static func region(guest: UInt64 = 0, size: UInt64 = memorySize, user: UInt64 = userBase, offset: UInt64 = 0)
        -> [UInt8]
    {
        number(guest) + number(size) + number(user) + number(offset)
    }

    static func singleRegion(
        guest: UInt64 = 0, size: UInt64 = memorySize, user: UInt64 = userBase, offset: UInt64 = 0
    ) -> [UInt8] {
        number(0) + region(guest: guest, size: size, user: user, offset: offset)
    }

    static func table(_ regions: [[UInt8]]) -> [UInt8] {
        var writer = PayloadWriter()
        writer.write(UInt32(regions.count))
        writer.write(UInt32(0))
        return writer.bytes + regions.flatMap { $0 }
    }

    // MARK: Scenes

    static let features: UInt64 = 0x1_7000_0000
    static let protocolFeatures: UInt64 = 1 << 0 | 1 << 3 | 1 << 13 | 1 << 15

    /// What a VMM says when it creates the device.
    func greet() throws {
        #expect(try ask(.getFeatures) == Self.features)
        #expect(try ask(.getProtocolFeatures) == Self.protocolFeatures)
        try send(.setProtocolFeatures, Self.number(Self.protocolFeatures))
        #expect(try ask(.getQueueCount) == UInt64(host.ringCount))
        #expect(try ask(.getMaximumMemorySlots) == 509)
        try send(.setOwner)
        try send(.setFeatures, Self.number(Self.features))
    }

    /// Sets up a ring, without a word on whether it is enabled.
    func setUp(ring: UInt32, base: UInt32 = 0, size: UInt32 = 8) throws {
        let kick = try Linux.Descriptor(result: cl_eventfd(0, false))
        try send(.setRingSize, Self.ring(ring, size))
        try send(.setRingBase, Self.ring(ring, base))
        try send(.setRingAddress, Self.address(ring))
        try send(.setRingKick, Self.number(UInt64(ring)), descriptors: [kick.number])
    }

    func addMemory() throws {
        #expect(try command(.addMemoryRegion, Self.singleRegion(), descriptors: [memory.number]) == 0)
    }
}
