import CLinux
import Linux
import SystemPackage

/// The driver's side of a split virtqueue (virtio 1.2, 2.7): it owns the descriptors, offers chains
/// and takes them back used.
///
/// To be used by one thread at a time.
public final class DriverQueue: @unchecked Sendable {
    /// A chain that the device has finished with.
    public struct Used: Equatable, Sendable {
        /// The chain's first descriptor.
        public let head: UInt16
        /// How many bytes the device says it wrote.
        public let length: UInt32
    }

    /// Which of the device's queues this is; 0 is hiprio.
    public let index: Int
    /// Entries of the ring, a power of two.
    public let size: UInt16
    /// VIRTIO_F_EVENT_IDX was negotiated; set before the queue is first used.
    public internal(set) var usesEventIndex = true

    /// The descriptor table, 16 bytes an entry.
    public let table: GuestBuffer
    /// The ring the driver writes: flags, index, heads, used_event.
    public let available: GuestBuffer
    /// The ring the device writes: flags, index, elements, avail_event.
    public let used: GuestBuffer

    /// What tells the device of new chains.
    public private(set) var kickEvent: Descriptor
    /// What the device tells of used chains.
    public private(set) var callEvent: Descriptor
    /// Holds the call event, edge-triggered: one system call for each wait. A read of the event itself would be as many, but
    /// only where the backend has not set O_NONBLOCK, which is the open file's and so this side's as well.
    private var waiter: Descriptor
    /// What the device tells of a broken ring.
    public let errorEvent: Descriptor

    /// Kicks sent since the queue was made.
    public private(set) var kicks = 0
    /// Calls waited for since the queue was made.
    public private(set) var calls = 0

    /// The free list, and which heads the device has.
    private let links: UnsafeMutablePointer<UInt16>
    private let isOffered: UnsafeMutablePointer<Bool>
    private var freeHead: UInt16 = 0
    private(set) var freeCount: UInt16 = 0
    private var availableIndex: UInt16 = 0
    private var kickedIndex: UInt16 = 0
    private var usedIndex: UInt16 = 0

    /// Lays a queue out in guest memory.
    ///
    /// - Parameters:
    ///   - index: Which of the device's queues it is.
    ///   - size: Entries, a power of two up to 32768.
    ///   - memory: Where the rings go.
    /// - Throws: `BackendFault.host` when memory or descriptors are used up.
    public init(index: Int, size: UInt16, memory: GuestMemory) throws(BackendFault) {
        self.index = index
        self.size = size
        table = try memory.allocateRing(16 * Int(size))
        available = try memory.allocateRing(6 + 2 * Int(size))
        used = try memory.allocateRing(6 + 8 * Int(size))
        kickEvent = try Self.makeEvent()
        callEvent = try Self.makeEvent()
        waiter = try Self.makeWaiter(for: callEvent)
        errorEvent = try Self.makeEvent()
        links = .allocate(capacity: Int(size))
        isOffered = .allocate(capacity: Int(size))
        reset()
    }

    deinit {
        links.deallocate()
        isOffered.deallocate()
    }

    private static func makeEvent() throws(BackendFault) -> Descriptor {
        try BackendFault.wrapping("open an eventfd") { () throws(Errno) in try Descriptor(result: cl_eventfd(0, false))
        }
    }

    private static func makeWaiter(for event: borrowing Descriptor) throws(BackendFault) -> Descriptor {
        let number = event.number
        return try BackendFault.wrapping("wait for an eventfd") { () throws(Errno) in
            let waiter = try Descriptor(result: cl_epoll_create())
            try checked(cl_epoll_add(waiter.number, number, true))
            return waiter
        }
    }

    /// Forgets everything, as a guest that boots does: empty rings, index 0, all descriptors free.
    public func reset() {
        table.start.initializeMemory(as: UInt8.self, repeating: 0, count: table.count)
        available.start.initializeMemory(as: UInt8.self, repeating: 0, count: available.count)
        used.start.initializeMemory(as: UInt8.self, repeating: 0, count: used.count)
        for entry in 0..<size {
            links[Int(entry)] = entry &+ 1
            isOffered[Int(entry)] = false
        }
        freeHead = 0
        freeCount = size
        availableIndex = 0
        kickedIndex = 0
        usedIndex = 0
    }

    /// Replaces the call event; the device has to be told (`Frontend.replaceCallEvent`).
    func renewCallEvent() throws(BackendFault) {
        let event = try Self.makeEvent()
        waiter = try Self.makeWaiter(for: event)
        callEvent = event
    }

    /// How many chains the device has used and `pop` has not yet returned.
    public var readyCount: Int { Int(cl_load16_acquire(used.start + 2) &- usedIndex) }

    /// The index of the used ring as the device has published it.
    public var publishedUsedIndex: UInt16 { cl_load16_acquire(used.start + 2) }

    /// The index of the next chain to be offered.
    public var nextAvailableIndex: UInt16 { availableIndex }

    // MARK: Offering

    /// Puts a chain into the ring; the device learns of it at `publish`.
    ///
    /// - Parameters:
    ///   - segments: At least one; those the device reads come first.
    ///   - indirectTable: Where to lay an indirect table (virtio 1.2, 2.7.5.3), 16 bytes a segment; nil to chain
    ///     in the ring.
    /// - Returns: The head, by which the chain comes back; nil when the ring has no room.
    @discardableResult
    public func add(_ segments: UnsafeBufferPointer<Segment>, indirectTable: GuestBuffer? = nil) -> UInt16? {
        precondition(!segments.isEmpty, "a chain has at least one descriptor")
        let head = freeHead
        if let indirectTable {
            precondition(indirectTable.count >= 16 * segments.count, "the indirect table must hold the chain")
            guard freeCount >= 1 else { return nil }
            for (position, segment) in segments.enumerated() {
                let isLast = position == segments.count - 1
                Self.store(
                    RingDescriptor(segment, next: isLast ? nil : UInt16(truncatingIfNeeded: position + 1)),
                    in: indirectTable.start, at: position)
            }
            freeHead = links[Int(head)]
            freeCount -= 1
            Self.store(
                RingDescriptor(
                    address: indirectTable.address, length: UInt32(16 * segments.count), flags: .indirect),
                in: table.start, at: Int(head))
        } else {
            guard Int(freeCount) >= segments.count else { return nil }
            var entry = head
            for (position, segment) in segments.enumerated() {
                let next = links[Int(entry)]
                let isLast = position == segments.count - 1
                Self.store(RingDescriptor(segment, next: isLast ? nil : next), in: table.start, at: Int(entry))
                freeHead = next
                entry = next
            }
            freeCount -= UInt16(segments.count)
        }
        isOffered[Int(head)] = true
        enqueue(head: head)
        return head
    }

    /// Puts a chain into the ring; the device learns of it at `publish`.
    @discardableResult
    public func add(_ segments: [Segment], indirectTable: GuestBuffer? = nil) -> UInt16? {
        segments.withUnsafeBufferPointer { add($0, indirectTable: indirectTable) }
    }

    /// Writes a head into the available ring, whatever it points to.
    public func enqueue(head: UInt16) {
        let slot = Int(availableIndex & (size - 1))
        cl_store16_relaxed(available.start + 4 + 2 * slot, head)
        availableIndex &+= 1
    }

    /// Publishes all chains added so far, and kicks the device if it asked for it.
    public func publish() {
        expose()
        cl_fence_full()
        if needsKick { kick() }
        kickedIndex = availableIndex
    }

    /// Publishes all chains added so far, and does not tell the device.
    public func expose() {
        cl_store16_release(available.start + 2, availableIndex)
    }

    /// Tells the device to look at the ring, asked for or not.
    public func kick() {
        kicks += 1
        _ = cl_eventfd_signal(kickEvent.number)
    }

    private var needsKick: Bool {
        if usesEventIndex {
            let event = cl_load16_relaxed(used.start + 4 + 8 * Int(size))
            return availableIndex &- event &- 1 < availableIndex &- kickedIndex
        }
        return cl_load16_relaxed(used.start) & 1 == 0
    }

    // MARK: Taking back

    /// The next chain the device has used, whose descriptors are free again.
    ///
    /// - Throws: `BackendFault.malformed` when the device returns what was never offered.
    public func pop() throws(BackendFault) -> Used? {
        guard let element = popRaw() else { return nil }
        guard element.id < UInt32(size), isOffered[Int(element.id)] else {
            throw .malformed("queue \(index) returned descriptor \(element.id), which it was not offered")
        }
        let head = UInt16(element.id)
        isOffered[Int(head)] = false
        free(chain: head)
        return Used(head: head, length: element.length)
    }

    /// The next element of the used ring, sensible or not; a chain that was offered by `add` is freed.
    public func popAny() -> (id: UInt32, length: UInt32)? {
        guard let element = popRaw() else { return nil }
        if element.id < UInt32(size), isOffered[Int(element.id)] {
            isOffered[Int(element.id)] = false
            free(chain: UInt16(element.id))
        }
        return element
    }

    private func popRaw() -> (id: UInt32, length: UInt32)? {
        guard cl_load16_acquire(used.start + 2) != usedIndex else { return nil }
        let element = used.start + 4 + 8 * Int(usedIndex & (size - 1))
        usedIndex &+= 1
        return (cl_load32_relaxed(element), cl_load32_relaxed(element + 4))
    }

    /// Waits until there is something to `pop`.
    ///
    /// - Parameter timeout: In milliseconds; nil to wait for ever.
    /// - Throws: `BackendFault.silent` when nothing came in time.
    public func wait(timeout: CInt? = 10_000) throws(BackendFault) {
        while readyCount == 0 {
            askForCall()
            if readyCount > 0 { return }
            if cl_epoll_wait(waiter.number, timeout ?? -1) == 0 {
                throw .silent("queue \(index) returned nothing within \(timeout ?? -1) ms")
            }
            calls += 1
        }
    }

    /// Asks the device for a call once it has used one chain more.
    public func askForCall() {
        if usesEventIndex {
            cl_store16_relaxed(available.start + 4 + 2 * Int(size), usedIndex)
        } else {
            cl_store16_relaxed(available.start, 0)
        }
        cl_fence_full()
    }

    /// Asks the device for no calls, for a driver that polls.
    public func refuseCalls() {
        if usesEventIndex {
            cl_store16_relaxed(available.start + 4 + 2 * Int(size), usedIndex &- 1)
        } else {
            cl_store16_relaxed(available.start, 1)
        }
    }

    private func free(chain head: UInt16) {
        var entry = head
        var count: UInt16 = 1
        while count < size {
            let descriptor = descriptor(at: Int(entry))
            guard descriptor.flags.contains(.next) else { break }
            entry = descriptor.next & (size - 1)
            count += 1
        }
        links[Int(entry)] = freeHead
        freeHead = head
        freeCount += count
    }

    // MARK: Raw access

    /// Writes an entry of the descriptor table, whatever sense it makes. For tests that play a hostile driver.
    public func setDescriptor(_ descriptor: RingDescriptor, at index: Int) {
        precondition(index >= 0 && index < Int(size), "the entry must lie in the table")
        Self.store(descriptor, in: table.start, at: index)
    }

    /// Reads an entry of the descriptor table.
    public func descriptor(at index: Int) -> RingDescriptor {
        (table.start + 16 * index).load(as: RingDescriptor.self)
    }

    /// Moves the available index by any distance, over heads that were never written.
    public func jump(by distance: UInt16) {
        availableIndex &+= distance
    }

    /// Writes an entry of any table.
    public static func store(_ descriptor: RingDescriptor, in table: UnsafeMutableRawPointer, at index: Int) {
        (table + 16 * index).storeBytes(of: descriptor, as: RingDescriptor.self)
    }
}

extension RingDescriptor {
    fileprivate init(_ segment: Segment, next: UInt16?) {
        self.init(
            address: segment.address, length: segment.length,
            flags: segment.isReply ? (next == nil ? .write : [.write, .next]) : (next == nil ? [] : .next),
            next: next ?? 0)
    }
}
