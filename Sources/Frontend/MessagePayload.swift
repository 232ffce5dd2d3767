/// The body of a vhost-user message, put together field by field in the byte order of the machine.
public struct MessagePayload: Sendable {
    /// What has been put together so far.
    public private(set) var bytes: [UInt8] = []

    /// Nothing yet.
    public init() {}

    /// One 64-bit value: features, protocol features, descriptor words.
    public init(_ value: UInt64) { append(value) }

    /// struct vhost_vring_state.
    public init(ring index: Int, _ value: UInt32) {
        append(UInt32(truncatingIfNeeded: index))
        append(value)
    }

    /// struct vhost_vring_addr of a queue; the log address is not used.
    public init(addressesOf queue: DriverQueue) {
        self.init(
            ring: queue.index, table: queue.table.userAddress, used: queue.used.userAddress,
            available: queue.available.userAddress)
    }

    /// struct vhost_vring_addr.
    public init(ring index: Int, table: UInt64, used: UInt64, available: UInt64) {
        append(UInt32(truncatingIfNeeded: index))
        append(0 as UInt32)
        append(table)
        append(used)
        append(available)
        append(0 as UInt64)
    }

    /// A single memory region description, as ADD_MEM_REG takes it.
    public init(adding region: MemoryRegion) {
        append(0 as UInt64)
        append(region)
    }

    /// A memory region table, as SET_MEM_TABLE takes it.
    public init(table regions: [MemoryRegion]) {
        append(UInt32(regions.count))
        append(0 as UInt32)
        for region in regions { append(region) }
    }

    /// Appends one field.
    public mutating func append<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    }

    /// The fields of a memory region: guest address, size, user address, offset in the file.
    public mutating func appendRegion(guest: UInt64, size: UInt64, user: UInt64, offset: UInt64) {
        append(guest)
        append(size)
        append(user)
        append(offset)
    }

    private mutating func append(_ region: MemoryRegion) {
        appendRegion(
            guest: region.guestAddress, size: region.size, user: region.userAddress, offset: region.fileOffset)
    }
}
