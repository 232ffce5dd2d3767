public import CLinux

/// The device's side of a split virtqueue. Virtio 1.2, 2.7.
///
/// One thread uses it. The driver is not trusted: whatever it writes, at whatever time, leads to a value or a
/// ``QueueError``, and no part of its memory is read twice for one decision.
@frozen
public struct SplitQueue: ~Copyable {
    @usableFromInline let descriptors: UnsafeRawPointer
    @usableFromInline let available: UnsafeRawPointer
    @usableFromInline let usedRing: UnsafeMutableRawPointer
    @usableFromInline let mask: UInt16
    /// Entries of each ring.
    public let size: UInt16
    @usableFromInline let eventIndex: Bool
    @usableFromInline let indirect: Bool

    /// Index of the next available entry to take, counted modulo 2^16; what a driver has to go on with after a stop.
    @inlinable
    public var nextAvailable: UInt16 { takenAvailable }

    @usableFromInline var takenAvailable: UInt16
    /// The available index as last read: entries up to it may be taken without looking again.
    @usableFromInline var seenAvailable: UInt16
    /// Index behind the last used entry written.
    @usableFromInline var nextUsed: UInt16
    /// The used index at the last ``publish()``.
    @usableFromInline var publishedUsed: UInt16
    /// The used index at the last decision about an interrupt; nil when there was none: then it is always sent.
    @usableFromInline var signalledUsed: UInt16?

    /// VIRTQ_AVAIL_F_NO_INTERRUPT.
    @usableFromInline static var noInterrupt: UInt16 { 1 }
    /// VIRTQ_USED_F_NO_NOTIFY.
    @usableFromInline static var noNotify: UInt16 { 1 }

    /// Takes up a queue.
    ///
    /// - Parameters:
    ///   - layout: Where it lies; to be kept by the caller while the queue is used.
    ///   - next: The first available entry to take. The used index goes on where the ring says it is.
    public init(_ layout: SplitQueueLayout, next: UInt16) {
        descriptors = UnsafeRawPointer(layout.descriptors)
        available = UnsafeRawPointer(layout.available)
        usedRing = layout.used
        size = layout.size
        mask = layout.size &- 1
        eventIndex = layout.eventIndex
        indirect = layout.indirect
        takenAvailable = next
        seenAvailable = next
        // Everything taken before was given back before the ring was stopped, in whatever order: the count alone matters.
        let used = UInt16(littleEndian: cl_load16_relaxed(layout.used + 2))
        nextUsed = used
        publishedUsed = used
        signalledUsed = nil
    }

    /// Whether there is an entry to take; looks at the driver's index when all that was seen before is taken.
    ///
    /// What the driver wrote before it moved its index is visible afterwards.
    ///
    /// - Throws: ``QueueError/availableIndexJumped(pending:)``.
    @inlinable
    public mutating func hasAvailable() throws(QueueError) -> Bool {
        if seenAvailable != nextAvailable { return true }
        let index = UInt16(littleEndian: cl_load16_acquire(available + 2))
        let pending = index &- nextAvailable
        guard pending <= size else { throw .availableIndexJumped(pending: pending) }
        seenAvailable = index
        return pending != 0
    }

    /// How many entries the driver says that there are to be taken; nonsense if the ring is broken.
    @inlinable
    public var availableCount: Int {
        Int(UInt16(littleEndian: cl_load16_relaxed(available + 2)) &- takenAvailable)
    }

    /// Takes the next available chain, if there is one.
    ///
    /// - Parameters:
    ///   - chain: Takes the request's buffers.
    ///   - memory: Where the guest's addresses lie.
    /// - Returns: False when there is none.
    /// - Throws: What is wrong with the ring or the chain; the queue is broken then.
    @inlinable
    public mutating func pop(_ chain: inout DescriptorChain, memory: GuestMemoryMap) throws(QueueError) -> Bool {
        guard try hasAvailable() else { return false }
        let entry = available + 4 + 2 &* Int(nextAvailable & mask)
        let head = UInt16(littleEndian: cl_load16_relaxed(entry))
        guard head < size else { throw .headOutOfRange(head) }
        try chain.collect(head: head, table: descriptors, size: size, indirect: indirect, memory: memory)
        takenAvailable &+= 1
        return true
    }

    /// Writes a used entry. The driver sees it after ``expose()`` or ``publish()``.
    ///
    /// - Parameters:
    ///   - head: The chain's head.
    ///   - length: Bytes written to the chain's writable buffers.
    @inlinable
    public mutating func push(head: UInt16, length: UInt32) {
        let entry = usedRing + 4 + 8 &* Int(nextUsed & mask)
        cl_store32_relaxed(entry, UInt32(head).littleEndian)
        cl_store32_relaxed(entry + 4, length.littleEndian)
        nextUsed &+= 1
    }

    /// Lets a driver that happens to look see every used entry written so far, by one store; one that sleeps is woken by the
    /// next ``publish()``, which there has to be when ``waitingCount`` says so.
    @inlinable
    public mutating func expose() {
        cl_store16_release(usedRing + 2, nextUsed.littleEndian)
    }

    /// After how many used entries a driver counts as one that sleeps, whatever it wishes. Indexes are compared modulo 2^16: a
    /// wish that so many went by would be taken for one of the past.
    @usableFromInline static var mostUnpublished: UInt16 { 0x4000 }

    /// How many used entries wait for a ``publish()``, because their driver sleeps until it is interrupted; 0 while it is awake,
    /// unless there are very many. What it wishes at this moment may be seen a moment later only.
    @inlinable
    public var waitingCount: Int {
        let unpublished = nextUsed &- publishedUsed
        if unpublished >= Self.mostUnpublished { return Int(unpublished) }
        guard eventIndex else {
            let isAwake = UInt16(littleEndian: cl_load16_relaxed(available)) & Self.noInterrupt != 0
            return isAwake ? 0 : Int(unpublished)
        }
        guard let before = signalledUsed else { return Int(unpublished) }
        let event = UInt16(littleEndian: cl_load16_relaxed(interruptEvent))
        return Self.passes(event: event, new: nextUsed, old: before) ? Int(nextUsed &- event) : 0
    }

    /// Where the driver says which used entry it wants to be interrupted for.
    @inlinable
    var interruptEvent: UnsafeRawPointer { available + 4 + 2 &* Int(size) }

    /// Whether used entries wait to be published.
    @inlinable
    var hasUnpublished: Bool { nextUsed != publishedUsed }

    /// Shows the driver every used entry written so far.
    ///
    /// - Returns: Whether the driver wants an interrupt for any of them. Virtio 1.2, 2.7.7.2 and 2.7.10.
    @inlinable
    public mutating func publish() -> Bool {
        guard hasUnpublished else { return false }
        cl_store16_release(usedRing + 2, nextUsed.littleEndian)
        publishedUsed = nextUsed
        // The index must be visible before the driver's wish is read: the driver writes its wish, then looks at the index.
        cl_fence_full()
        guard eventIndex else {
            return UInt16(littleEndian: cl_load16_relaxed(available)) & Self.noInterrupt == 0
        }
        let event = UInt16(littleEndian: cl_load16_relaxed(interruptEvent))
        let before = signalledUsed
        signalledUsed = nextUsed
        guard let before else { return true }
        return Self.passes(event: event, new: nextUsed, old: before)
    }

    /// Whether moving an index from `old` to `new` goes past `event`, all modulo 2^16. Virtio 1.2, 2.7.7.1.
    @inlinable
    static func passes(event: UInt16, new: UInt16, old: UInt16) -> Bool {
        new &- event &- 1 < new &- old
    }

    /// Asks the driver not to kick: the device looks by itself. With event indexes there is nothing to write, the driver
    /// stays silent until its index passes the event once more.
    @inlinable
    public mutating func disableNotifications() {
        if !eventIndex { cl_store16_relaxed(usedRing, Self.noNotify.littleEndian) }
    }

    /// Asks the driver to kick for the next entry.
    ///
    /// - Returns: True when an entry has come meanwhile, for which there may be no kick: it has to be taken before waiting.
    /// - Throws: ``QueueError/availableIndexJumped(pending:)``.
    @inlinable
    public mutating func enableNotifications() throws(QueueError) -> Bool {
        if eventIndex {
            cl_store16_relaxed(usedRing + 4 + 8 &* Int(size), nextAvailable.littleEndian)
        } else {
            cl_store16_relaxed(usedRing, 0)
        }
        // The wish must be visible before the index is read: the driver moves its index, then looks at the wish.
        cl_fence_full()
        return try hasAvailable()
    }
}
