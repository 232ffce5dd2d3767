import CLinux
import Linux
import SystemPackage

/// The frontend of a vhost-user-fs device, in the place of a VMM and its guest: it owns guest memory and the rings.
///
/// It says what QEMU says, in QEMU's order, and waits where QEMU waits. To be used by one thread at a time.
public final class Frontend {
    /// What a frontend is made with.
    public struct Configuration: Sendable {
        /// How the VMM speaks.
        public var dialect = Dialect.qemu10
        /// Queues beside hiprio.
        public var requestQueues = 1
        /// Entries of each ring.
        public var queueSize: UInt16 = 128
        /// Device features to acknowledge where the backend offers them.
        public var features: VirtioFeatures = [.version1, .protocolFeatures, .eventIndex, .indirectDescriptors]
        /// Sends memory as one table and not region by region.
        public var usesMemoryTable = false
        /// Guest memory above 4 GiB, in bytes.
        public var memorySize: UInt64 = 64 << 20
        /// How long to wait for an answer of the backend, in milliseconds.
        public var timeout: CInt = 10_000

        /// One request queue of 128 entries, and all features.
        public init() {}
    }

    /// The connection to the backend.
    public let socket: VhostUserSocket
    /// What the frontend was made with.
    public let configuration: Configuration
    /// The guest's memory.
    public let memory: GuestMemory
    /// hiprio, then the request queues.
    public let queues: [DriverQueue]

    /// What the backend offered.
    public private(set) var offeredFeatures: VirtioFeatures = []
    /// What of it was agreed on; nothing before the rings are started.
    public private(set) var features: VirtioFeatures = []
    /// What the backend offered.
    public private(set) var offeredProtocolFeatures: ProtocolFeatures = []
    /// What of it was agreed on.
    public private(set) var protocolFeatures: ProtocolFeatures = []
    /// How many queues the backend has.
    public private(set) var maxQueues = 0
    /// How many memory regions it takes; nil when it was not asked.
    public private(set) var maxMemorySlots: UInt64?
    private var isMemoryKnown = false
    private var backendRequests: SocketPair?

    /// Lays out memory and rings; says nothing yet.
    ///
    /// - Throws: `BackendFault.host`.
    public init(
        _ socket: consuming VhostUserSocket, configuration: Configuration = Configuration()
    ) throws(BackendFault) {
        self.socket = socket
        self.configuration = configuration
        let memory = try BackendFault.wrapping("make guest memory") { () throws(Errno) in
            try GuestMemory(high: configuration.memorySize)
        }
        self.memory = memory
        var queues: [DriverQueue] = []
        for index in 0...configuration.requestQueues {
            queues.append(try DriverQueue(index: index, size: configuration.queueSize, memory: memory))
        }
        self.queues = queues
    }

    /// Connects to a backend, greets it and starts the rings.
    ///
    /// - Throws: What the backend does wrong.
    public convenience init(
        path: String, configuration: Configuration = Configuration()
    ) throws(BackendFault) {
        try self.init(
            try VhostUserSocket(path: path, timeout: configuration.timeout), configuration: configuration)
        try greet()
        try start()
    }

    /// The queue for requests that must not wait behind others: FORGET.
    public var hiprio: DriverQueue { queues[0] }

    /// The request queues, which are numbered from 0 here.
    public func requestQueue(_ number: Int) -> DriverQueue { queues[number + 1] }

    // MARK: A device's life

    /// What a VMM says when it creates the device, before the guest runs.
    ///
    /// - Throws: What the backend does wrong.
    public func greet() throws(BackendFault) {
        offeredFeatures = VirtioFeatures(rawValue: try ask(.getFeatures))
        guard offeredFeatures.isSuperset(of: [.version1, .protocolFeatures]) else {
            throw .malformed(
                "the backend offers features \(offeredFeatures.rawValue), without VERSION_1 or PROTOCOL_FEATURES")
        }
        offeredProtocolFeatures = ProtocolFeatures(rawValue: try ask(.getProtocolFeatures))
        protocolFeatures = offeredProtocolFeatures.intersection([
            .multiqueue, .replyAck, .backendRequests, .backendSendsDescriptors, .resetDevice, .configureMemorySlots,
        ])
        try socket.send(.setProtocolFeatures, MessagePayload(protocolFeatures.rawValue))
        if protocolFeatures.contains(.multiqueue) {
            maxQueues = Int(clamping: try ask(.getQueueCount))
            guard maxQueues >= queues.count else {
                throw .malformed("the backend has \(maxQueues) queues, \(queues.count) are needed")
            }
        }
        if protocolFeatures.contains(.configureMemorySlots) { maxMemorySlots = try ask(.getMaxMemorySlots) }
        if protocolFeatures.contains(.backendRequests) { try offerBackendRequests() }
        try socket.send(.setOwner)
        _ = try ask(.getFeatures)
        for queue in queues {
            try sendCall(of: queue)
            try sendRing(.setRingError, of: queue, descriptor: queue.errorEvent.number)
        }
        if configuration.dialect.resetsDevice { try resetDevice() }
    }

    /// What a VMM says when the guest's driver is ready, or when a stopped guest goes on.
    ///
    /// - Parameter bases: Where each ring goes on; zero for a driver that starts anew.
    /// - Throws: What the backend does wrong.
    public func start(bases: [UInt16]? = nil) throws(BackendFault) {
        for queue in queues { try sendCall(of: queue) }
        features = offeredFeatures.intersection(configuration.features)
        for queue in queues { queue.usesEventIndex = features.contains(.eventIndex) }
        try socket.send(.setFeatures, MessagePayload(features.rawValue))
        try shareMemory()
        for queue in queues {
            try socket.send(.setRingSize, MessagePayload(ring: queue.index, UInt32(queue.size)))
            try socket.send(.setRingBase, MessagePayload(ring: queue.index, UInt32(bases?[queue.index] ?? 0)))
            try socket.send(.setRingAddress, MessagePayload(addressesOf: queue))
            try sendRing(.setRingKick, of: queue, descriptor: queue.kickEvent.number)
        }
        for queue in queues { try enable(queue, true) }
        for queue in queues { try replaceCallEvent(of: queue) }
    }

    /// What a VMM says when the guest is stopped, or its driver goes away.
    ///
    /// - Returns: Where each ring stopped.
    /// - Throws: What the backend does wrong.
    @discardableResult
    public func stop() throws(BackendFault) -> [UInt16] {
        for queue in queues { try enable(queue, false) }
        var bases: [UInt16] = []
        for queue in queues {
            bases.append(try ringBase(of: queue))
        }
        for queue in queues { try sendCall(of: queue) }
        return bases
    }

    /// A guest that reboots: rings stopped, device reset, rings empty and started; memory is not sent again.
    ///
    /// - Throws: What the backend does wrong.
    public func reboot() throws(BackendFault) {
        try stop()
        if configuration.dialect.resetsDevice {
            try resetDevice()
            try resetDevice()
        }
        for queue in queues { queue.reset() }
        try start()
    }

    /// Asks for the device to be reset, where the backend knows how. Not acknowledged.
    public func resetDevice() throws(BackendFault) {
        guard protocolFeatures.contains(.resetDevice) else { return }
        try socket.send(.resetDevice)
    }

    /// Plugs more memory into the running guest.
    ///
    /// - Returns: The new region, to allocate from.
    /// - Throws: What the backend does wrong.
    public func plug(_ size: UInt64) throws(BackendFault) -> MemoryRegion {
        let region = try BackendFault.wrapping("make guest memory") { () throws(Errno) in try memory.extend(by: size) }
        if sendsRegionsSingly { try add(region) } else { try sendMemoryTable() }
        return region
    }

    // MARK: Single messages

    /// Sends a message that has a 64-bit value as its reply.
    public func ask(_ request: VhostUserRequest) throws(BackendFault) -> UInt64 {
        try socket.send(request)
        return try socket.receiveValue(replyTo: request)
    }

    /// Sends a message, and waits for its acknowledgement where REPLY_ACK was negotiated.
    ///
    /// - Throws: `.refused` when the acknowledgement is not zero.
    public func command(
        _ request: VhostUserRequest, _ payload: MessagePayload, descriptors: [CInt] = []
    ) throws(BackendFault) {
        let isAcknowledged = protocolFeatures.contains(.replyAck)
        try socket.send(
            request, payload, flags: isAcknowledged ? VhostUserSocket.needReply : 0, descriptors: descriptors)
        guard isAcknowledged else { return }
        let value = try socket.receiveValue(replyTo: request)
        guard value == 0 else { throw .refused(request, value) }
    }

    /// Waits until the backend has taken in everything said so far.
    public func synchronise() throws(BackendFault) {
        _ = try ask(.getFeatures)
    }

    /// Enables or disables one ring.
    public func enable(_ queue: DriverQueue, _ isEnabled: Bool) throws(BackendFault) {
        let payload = MessagePayload(ring: queue.index, isEnabled ? 1 : 0)
        if configuration.dialect.awaitsEnable {
            try command(.setRingEnable, payload)
        } else {
            try socket.send(.setRingEnable, payload)
        }
    }

    /// Stops one ring and learns where it stopped.
    public func ringBase(of queue: DriverQueue) throws(BackendFault) -> UInt16 {
        try socket.send(.getRingBase, MessagePayload(ring: queue.index, 0))
        let payload = try socket.receive(replyTo: .getRingBase).payload
        let index: UInt32 = VhostUserSocket.integer(payload, at: 0)
        let base: UInt32 = VhostUserSocket.integer(payload, at: 4)
        guard payload.count == 8, index == UInt32(queue.index), base <= 0xFFFF else {
            throw .malformed("GET_VRING_BASE of ring \(queue.index) was answered with \(payload)")
        }
        return UInt16(base)
    }

    /// Gives a ring a new call event, as QEMU does when the guest sets up its interrupts.
    public func replaceCallEvent(of queue: DriverQueue) throws(BackendFault) {
        try queue.renewCallEvent()
        try sendCall(of: queue)
    }

    private func sendCall(of queue: DriverQueue) throws(BackendFault) {
        try sendRing(.setRingCall, of: queue, descriptor: queue.callEvent.number)
    }

    private func sendRing(
        _ request: VhostUserRequest, of queue: DriverQueue, descriptor: CInt
    ) throws(BackendFault) {
        let payload = MessagePayload(UInt64(queue.index))
        if configuration.dialect.awaitsRingDescriptors {
            try command(request, payload, descriptors: [descriptor])
        } else {
            try socket.send(request, payload, descriptors: [descriptor])
        }
    }

    // MARK: Hostile drivers

    /// What became of a ring after something was offered to it.
    public enum Outcome: Equatable, Sendable {
        /// A chain came back, with this many bytes written.
        case used(UInt32)
        /// The backend signalled the ring's error event.
        case broken
        /// The backend closed the connection.
        case hungUp
    }

    /// Waits until a chain comes back, the ring is declared broken or the connection ends, whichever is first.
    ///
    /// - Throws: `.silent` when none of these happens.
    public func outcome(of queue: DriverQueue, timeout: CInt = 5_000) throws(BackendFault) -> Outcome {
        while true {
            queue.askForCall()
            if let element = queue.popAny() { return .used(element.length) }
            var polls = [queue.callEvent.number, queue.errorEvent.number, socket.descriptor.number].map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
            guard cl_poll(&polls, 3, timeout) != 0 else {
                throw .silent("what was offered to queue \(queue.index) had no outcome")
            }
            if polls[0].revents != 0 {
                _ = cl_eventfd_wait(queue.callEvent.number)
            } else if polls[1].revents != 0 {
                _ = cl_eventfd_wait(queue.errorEvent.number)
                return .broken
            } else if polls[2].revents != 0 {
                return .hungUp
            }
        }
    }

    // MARK: Memory

    private var sendsRegionsSingly: Bool {
        protocolFeatures.contains(.configureMemorySlots) && !configuration.usesMemoryTable
    }

    /// Once for a connection: a VMM keeps a table of what it has sent, across reboots of the guest.
    private func shareMemory() throws(BackendFault) {
        guard !isMemoryKnown else { return }
        if sendsRegionsSingly {
            for region in memory.regions { try add(region) }
        } else {
            try sendMemoryTable()
        }
        isMemoryKnown = true
    }

    private func add(_ region: MemoryRegion) throws(BackendFault) {
        try command(.addMemoryRegion, MessagePayload(adding: region), descriptors: [region.file.number])
    }

    private func sendMemoryTable() throws(BackendFault) {
        try command(
            .setMemoryTable, MessagePayload(table: memory.regions),
            descriptors: memory.regions.map { $0.file.number })
    }

    private func offerBackendRequests() throws(BackendFault) {
        let pair = try BackendFault.wrapping("make a socket pair") { () throws(Errno) in try SocketPair() }
        try command(.setBackendRequestSocket, MessagePayload(), descriptors: [pair.far.number])
        backendRequests = consume pair
    }
}
