/// Where a split virtqueue lies in this process, and what was agreed on about it.
///
/// Keeps the memory it lies in mapped: to be kept for as long as a queue uses it.
public struct SplitQueueLayout: Sendable {
    private let regions: [GuestRegion]
    // SAFETY: names guest memory, which is only touched by atomics.
    /// The descriptor table: 16 bytes per entry, at a multiple of 16.
    nonisolated(unsafe) public let descriptors: UnsafeMutableRawPointer
    /// The available ring: 6 bytes and 2 per entry, at a multiple of 2.
    nonisolated(unsafe) public let available: UnsafeMutableRawPointer
    /// The used ring: 6 bytes and 8 per entry, at a multiple of 4.
    nonisolated(unsafe) public let used: UnsafeMutableRawPointer
    /// The number of entries, a power of two up to 32768.
    public let size: UInt16
    /// VIRTIO_F_EVENT_IDX was agreed on.
    public let eventIndex: Bool
    /// VIRTIO_F_INDIRECT_DESC was agreed on.
    public let indirect: Bool

    /// The largest queue there is. Virtio 1.2, 2.7.
    public static let maximumSize = 32768

    /// Finds a ring in guest memory.
    ///
    /// Nil when the size is no power of two up to 32768, when a part is misaligned (virtio 1.2, 2.7), or when one is not in
    /// guest memory as a whole.
    ///
    /// - Parameters:
    ///   - memory: The guest's memory at this moment.
    ///   - size: The number of entries.
    ///   - descriptors: The descriptor table in the frontend's addresses.
    ///   - available: The available ring in the frontend's addresses.
    ///   - used: The used ring in the frontend's addresses.
    ///   - eventIndex: Whether VIRTIO_F_EVENT_IDX was agreed on.
    ///   - indirect: Whether VIRTIO_F_INDIRECT_DESC was agreed on.
    public init?(
        memory: GuestMemory, size: UInt32, descriptors: UInt64, available: UInt64, used: UInt64,
        eventIndex: Bool, indirect: Bool
    ) {
        guard size > 0, size <= Self.maximumSize, size & (size - 1) == 0 else { return nil }
        let entries = UInt64(size)
        guard descriptors % 16 == 0, available % 2 == 0, used % 4 == 0,
            let table = memory.find(user: descriptors, length: 16 * entries),
            let availableRing = memory.find(user: available, length: 6 + 2 * entries),
            let usedRing = memory.find(user: used, length: 6 + 8 * entries),
            // The frontend's addresses are aligned; the file offset that belongs to them need not be.
            UInt(bitPattern: table.address) % 8 == 0, UInt(bitPattern: availableRing.address) % 2 == 0,
            UInt(bitPattern: usedRing.address) % 4 == 0
        else { return nil }
        regions = [table.region, availableRing.region, usedRing.region]
        self.descriptors = table.address
        self.available = availableRing.address
        self.used = usedRing.address
        self.size = UInt16(size)
        self.eventIndex = eventIndex
        self.indirect = indirect
    }
}
