internal import CLinux
internal import Linux
internal import SystemPackage
internal import Virtio

/// How a session came to its end.
public enum SessionEnd: Equatable, Sendable {
    /// The frontend, or the owner of the socket, closed the connection.
    case disconnected
    /// The frontend broke the protocol, or a request could not be carried out and the frontend does not wait for answers.
    case violation(ProtocolViolation)
}

/// One frontend's conversation with a device, from its first message to its last.
///
/// Runs on a thread of its own and blocks there; whoever owns the socket ends it by shutting the socket down. The states
/// and messages are those of the vhost-user specification (QEMU, docs/interop/vhost-user.rst).
public final class Session {
    private let host: any RingHost
    private var connection: Connection
    private var rings: [Ring]
    private var memory = GuestMemory.none
    private var features: DeviceFeatures = []
    private var protocolFeatures: ProtocolFeatures = []

    /// What QEMU wants to see before it lets virtio-mem cut its memory into slots: 509, and all a device is asked to add.
    static let memorySlots = 509

    /// Prepares a session.
    ///
    /// - Parameters:
    ///   - socket: Lent; kept open by the caller until ``run()`` has returned.
    ///   - host: The device; every ring of it is idle.
    public init(socket: CInt, host: any RingHost) {
        self.host = host
        connection = Connection(socket: socket)
        rings = Array(repeating: Ring(), count: host.ringCount)
    }

    /// Serves the frontend until the connection ends, then stops every ring.
    public func run() -> SessionEnd {
        var end = SessionEnd.disconnected
        do throws(ProtocolViolation) {
            while let message = try connection.receive() {
                try answer(message)
            }
        } catch {
            end = .violation(error)
        }
        for index in rings.indices { stop(index) }
        return end
    }

    /// Carries out one request and answers it if it is to be answered.
    private func answer(_ message: Message) throws(ProtocolViolation) {
        let request = message.request
        // As it was before the request: the one that agrees on REPLY_ACK cannot use it yet.
        let acknowledges = message.needsReply && protocolFeatures.contains(.replyAcknowledge)
        do throws(ProtocolViolation) {
            if let payload = try carryOut(message) {
                try connection.reply(to: request, payload)
            } else if acknowledges {
                try connection.reply(to: request, Self.number(0))
            }
        } catch {
            // A frontend that waits for an answer can cope with what this machine lacks, such as memory to map.
            if case .failed(request, let errno) = error, acknowledges, errno != .brokenPipe {
                try connection.reply(to: request, Self.number(1))
            } else {
                throw error
            }
        }
    }

    /// - Returns: The payload of the request's own reply, for those that have one.
    private func carryOut(_ message: Message) throws(ProtocolViolation) -> [UInt8]? {
        switch message.request {
        case .getFeatures: return Self.number(DeviceFeatures.offered.rawValue)
        case .getProtocolFeatures: return Self.number(ProtocolFeatures.offered.rawValue)
        case .getQueueCount: return Self.number(UInt64(rings.count))
        case .getMaximumMemorySlots: return Self.number(UInt64(Self.memorySlots))
        case .getRingBase: return try getRingBase(message)
        case .setFeatures: try setFeatures(message)
        case .setProtocolFeatures: try setProtocolFeatures(message)
        case .setOwner, .resetOwner: break
        case .setMemoryTable: try setMemoryTable(message)
        case .addMemoryRegion: try addMemoryRegion(message)
        case .removeMemoryRegion: try removeMemoryRegion(message)
        case .setRingSize: try setRingSize(message)
        case .setRingAddress: try setRingAddress(message)
        case .setRingBase: try setRingBase(message)
        case .setRingKick: try setRingKick(message)
        case .setRingCall:
            let (index, descriptor) = try ringSignal(message)
            host.setCall(ring: index, descriptor)
        case .setRingError:
            let (index, descriptor) = try ringSignal(message)
            host.setError(ring: index, descriptor)
        case .setRingEnable: try setRingEnable(message)
        case .resetDevice: try resetDevice(message)
        }
        return nil
    }

    private static func number(_ value: UInt64) -> [UInt8] {
        var writer = PayloadWriter()
        writer.write(value)
        return writer.bytes
    }
}

// MARK: - Features

extension Session {
    private func setFeatures(_ message: Message) throws(ProtocolViolation) {
        var reader = PayloadReader(message.payload)
        let asked = DeviceFeatures(rawValue: reader.read())
        guard asked.isSubset(of: .offered) else {
            throw .featuresNotOffered(message.request, bits: asked.subtracting(.offered).rawValue)
        }
        features = asked
        // "If VHOST_USER_F_PROTOCOL_FEATURES has not been negotiated, the ring is initialized in an enabled state."
        if !asked.contains(.protocolFeatures) {
            for index in rings.indices {
                rings[index].isEnabled = true
                try startIfReady(index, message.request)
            }
        }
    }

    private func setProtocolFeatures(_ message: Message) throws(ProtocolViolation) {
        var reader = PayloadReader(message.payload)
        let asked = ProtocolFeatures(rawValue: reader.read())
        guard asked.isSubset(of: .offered) else {
            throw .featuresNotOffered(message.request, bits: asked.subtracting(.offered).rawValue)
        }
        protocolFeatures = asked
    }

    /// Rings go back to how they were before the first message. Guest memory stays: a frontend does not send it again.
    private func resetDevice(_ message: Message) throws(ProtocolViolation) {
        guard protocolFeatures.contains(.resetDevice) else {
            throw .wrongState(message.request, reason: .featureNotAgreed)
        }
        for index in rings.indices {
            stop(index)
            rings[index].reset(enabled: !features.isEmpty && !features.contains(.protocolFeatures))
        }
    }
}

// MARK: - Memory

extension Session {
    private func map(
        _ region: MemoryRegion, _ file: SharedDescriptor, _ request: Request
    ) throws(ProtocolViolation) -> GuestRegion {
        do throws(Errno) {
            return try GuestRegion(
                guestAddress: region.guestAddress, userAddress: region.userAddress, size: region.size,
                file: file.number, offset: region.fileOffset)
        } catch {
            throw .failed(request, error)
        }
    }

    private func setMemoryTable(_ message: Message) throws(ProtocolViolation) {
        guard let table = MemoryTable(message.payload) else {
            throw .wrongSize(message.request, size: UInt32(message.payload.count))
        }
        guard message.descriptors.count == table.regions.count else {
            throw .wrongDescriptorCount(message.request, count: message.descriptors.count)
        }
        var regions: [GuestRegion] = []
        for (region, file) in zip(table.regions, message.descriptors) {
            regions.append(try map(region, file, message.request))
        }
        let memory: GuestMemory
        do throws(GuestMemoryError) {
            memory = try GuestMemory(regions)
        } catch {
            throw .badMemoryTable(message.request, error)
        }
        // The frontend's addresses may have moved with the table: running rings are found again by the new one.
        let running = rings.indices.filter { rings[$0].isRunning }
        for index in running { stop(index) }
        replaceMemory(memory, settled: true)
        for index in running { try startIfReady(index, message.request) }
    }

    private func addMemoryRegion(_ message: Message) throws(ProtocolViolation) {
        try requireMemorySlots(message)
        guard let file = message.descriptors.first else {
            throw .wrongDescriptorCount(message.request, count: 0)
        }
        guard memory.regions.count < Self.memorySlots else { throw .failed(message.request, .noSpace) }
        let region = try map(MemoryRegion(single: message.payload), file, message.request)
        do throws(GuestMemoryError) {
            // Not waited for: the guest learns of the memory after this, and a ring looks for a new table before it
            // follows an entry that it did not know of.
            replaceMemory(try memory.adding(region), settled: false)
        } catch {
            throw .badMemoryTable(message.request, error)
        }
    }

    private func removeMemoryRegion(_ message: Message) throws(ProtocolViolation) {
        try requireMemorySlots(message)
        let region = MemoryRegion(single: message.payload)
        do throws(GuestMemoryError) {
            replaceMemory(
                try memory.removing(
                    guestAddress: region.guestAddress, userAddress: region.userAddress, size: region.size),
                settled: true)
        } catch {
            throw .badMemoryTable(message.request, error)
        }
    }

    private func requireMemorySlots(_ message: Message) throws(ProtocolViolation) {
        guard protocolFeatures.contains(.memorySlots) else {
            throw .wrongState(message.request, reason: .featureNotAgreed)
        }
    }

    private func replaceMemory(_ memory: GuestMemory, settled: Bool) {
        self.memory = memory
        host.setMemory(memory, settled: settled)
    }
}

// MARK: - Rings

extension Session {
    /// The ring a message names.
    private func ringIndex(_ index: UInt64, _ request: Request) throws(ProtocolViolation) -> Int {
        guard index < UInt64(rings.count) else { throw .noSuchRing(request, index: index) }
        return Int(index)
    }

    /// The ring a message of SET_VRING_NUM, _BASE and _ENABLE names, and the number that comes with it.
    private func ringState(_ message: Message) throws(ProtocolViolation) -> (index: Int, number: UInt32) {
        let state = RingState(message.payload)
        return (try ringIndex(UInt64(state.index), message.request), state.number)
    }

    /// The ring a message of SET_VRING_KICK, _CALL and _ERR names, and the descriptor it brings, if any.
    private func ringDescriptor(
        _ message: Message
    ) throws(ProtocolViolation) -> (index: Int, descriptor: SharedDescriptor?) {
        guard let passing = RingDescriptorPassing(message.payload) else {
            var reader = PayloadReader(message.payload)
            throw .badValue(message.request, value: reader.read())
        }
        guard message.descriptors.count == (passing.hasDescriptor ? 1 : 0) else {
            throw .wrongDescriptorCount(message.request, count: message.descriptors.count)
        }
        return (try ringIndex(passing.index, message.request), message.descriptors.first)
    }

    /// The same for one that is to be signalled: an eventfd, because writing to any other kind of file may take its time.
    private func ringSignal(
        _ message: Message
    ) throws(ProtocolViolation) -> (index: Int, descriptor: SharedDescriptor?) {
        let (index, descriptor) = try ringDescriptor(message)
        do throws(Errno) {
            if let descriptor { try checked(cl_require_eventfd(descriptor.number)) }
        } catch {
            throw .failed(message.request, error)
        }
        return (index, descriptor)
    }

    /// A ring that runs keeps the shape it has.
    private func requireStopped(_ index: Int, _ request: Request) throws(ProtocolViolation) {
        if rings[index].isRunning { throw .wrongState(request, reason: .ringIsRunning) }
    }

    private func setRingSize(_ message: Message) throws(ProtocolViolation) {
        let (index, size) = try ringState(message)
        try requireStopped(index, message.request)
        guard size > 0, size <= SplitQueueLayout.maximumSize, size & (size - 1) == 0 else {
            throw .badValue(message.request, value: UInt64(size))
        }
        rings[index].size = size
    }

    private func setRingAddress(_ message: Message) throws(ProtocolViolation) {
        let address = RingAddress(message.payload)
        let index = try ringIndex(UInt64(address.index), message.request)
        // A frontend that logs sends the same addresses again; logging is not offered, moving a running ring is no use.
        if rings[index].isRunning, rings[index].address != address {
            throw .wrongState(message.request, reason: .ringIsRunning)
        }
        rings[index].address = address
    }

    private func setRingBase(_ message: Message) throws(ProtocolViolation) {
        let (index, base) = try ringState(message)
        try requireStopped(index, message.request)
        guard let next = UInt16(exactly: base) else { throw .badValue(message.request, value: UInt64(base)) }
        rings[index].next = next
    }

    private func getRingBase(_ message: Message) throws(ProtocolViolation) -> [UInt8] {
        let index = try ringState(message).index
        stop(index)
        // "Ring is stopped": the next kick descriptor starts it again. What the frontend said of its shape stays.
        rings[index].isStarted = false
        rings[index].kick = nil
        return RingState(index: UInt32(index), number: UInt32(rings[index].next)).bytes
    }

    private func setRingKick(_ message: Message) throws(ProtocolViolation) {
        let (index, kick) = try ringDescriptor(message)
        // A new descriptor may stand for kicks that went to the one before: the ring is looked at when it starts again.
        stop(index)
        rings[index].kick = kick
        rings[index].isStarted = true
        try startIfReady(index, message.request)
    }

    private func setRingEnable(_ message: Message) throws(ProtocolViolation) {
        let (index, value) = try ringState(message)
        guard features.contains(.protocolFeatures) else {
            throw .wrongState(message.request, reason: .protocolFeaturesNotAgreed)
        }
        guard value <= 1 else { throw .badValue(message.request, value: UInt64(value)) }
        rings[index].isEnabled = value == 1
        if value == 1 {
            try startIfReady(index, message.request)
        } else {
            stop(index)
        }
    }

    /// Hands a ring to the device if it is started and enabled and not handed over already.
    private func startIfReady(_ index: Int, _ request: Request) throws(ProtocolViolation) {
        let ring = rings[index]
        guard ring.isStarted, ring.isEnabled, !ring.isRunning else { return }
        guard let size = ring.size, let address = ring.address else {
            throw .wrongState(request, reason: .ringIsNotConfigured)
        }
        guard
            let layout = SplitQueueLayout(
                memory: memory, size: size, descriptors: address.descriptors, available: address.available,
                used: address.used, eventIndex: features.contains(.eventIndex),
                indirect: features.contains(.indirectDescriptors))
        else { throw .badRingLayout(ring: index) }
        do throws(Errno) {
            try host.start(ring: index, RingSetup(layout: layout, next: ring.next, kick: ring.kick))
        } catch {
            throw .failed(request, error)
        }
        rings[index].isRunning = true
    }

    /// Takes a ring from the device and notes where it has to go on.
    private func stop(_ index: Int) {
        guard rings[index].isRunning else { return }
        rings[index].next = host.stop(ring: index)
        rings[index].isRunning = false
    }
}
