public import CLinux

/// The buffers of one request, as pieces of this process's memory: first what the driver wrote for the device, then
/// what the device may write. The room for them is made once and used for every request of a queue.
@frozen
public struct DescriptorChain: ~Copyable {
    /// The chain's first descriptor, by which the request is given back.
    @inlinable
    public var head: UInt16 { first }

    // Not a variable first: Swift 6.3 makes broken code of that for ThreadSanitizer.
    @usableFromInline let pieces: UnsafeMutablePointer<iovec>
    @usableFromInline let capacity: Int
    @usableFromInline var readableCount = 0
    @usableFromInline var count = 0
    @usableFromInline var first: UInt16 = 0

    /// Makes the room.
    ///
    /// - Parameter capacity: The number of pieces; what a guest needs beyond that breaks its queue.
    public init(capacity: Int) {
        self.capacity = max(1, capacity)
        pieces = .allocate(capacity: self.capacity)
    }

    deinit {
        pieces.deallocate()
    }

    /// What the driver wrote for the device, in order; none is empty. Good until the next chain is collected.
    @inlinable
    public var readable: UnsafeBufferPointer<iovec> { UnsafeBufferPointer(start: pieces, count: readableCount) }

    /// What the device may write, in order; none is empty. Good until the next chain is collected.
    @inlinable
    public var writable: UnsafeBufferPointer<iovec> {
        UnsafeBufferPointer(start: pieces + readableCount, count: count &- readableCount)
    }

    /// The least longest chain a device has to take. Linux before 5.18 sends a FUSE request of 256 pages through one
    /// indirect table, however short its ring is.
    @usableFromInline static var leastLimit: Int { 1024 }

    /// Follows a chain and notes its buffers.
    ///
    /// - Parameters:
    ///   - head: Index of the first descriptor, already known to be within the table.
    ///   - table: The ring's descriptor table.
    ///   - size: The table's entries.
    ///   - indirect: Whether VIRTIO_F_INDIRECT_DESC was agreed on.
    ///   - memory: Where the guest's addresses lie.
    /// - Throws: What is wrong with the chain. Nothing of it is to be used then.
    @inlinable
    mutating func collect(
        head: UInt16, table: UnsafeRawPointer, size: UInt16, indirect: Bool, memory: GuestMemoryMap
    ) throws(QueueError) {
        first = head
        readableCount = 0
        count = 0
        var table = table
        var entries = Int(size)
        var inIndirectTable = false
        var index = Int(head)
        // Every descriptor counts, also the empty ones: a chain that loops ends here.
        var left = Int(size)
        var writing = false
        var noted = 0
        // Buffers of one request mostly lie in one region: that of the last is looked at first.
        var span = memory.spans.pointee
        // Where the last piece ends, as long as it may be continued: what may be written stays apart from what may not.
        var end: UnsafeMutableRawPointer?

        while true {
            guard left > 0 else { throw .chainTooLong }
            left &-= 1
            let descriptor = RingDescriptor(at: table + index &* RingDescriptor.stride)

            if descriptor.has(RingDescriptor.indirect) {
                // Virtio 1.2, 2.7.5.3: one level, never continued; the write flag of the descriptor itself is ignored.
                guard indirect else { throw .indirectNotNegotiated }
                guard !inIndirectTable else { throw .nestedIndirectTable }
                guard !descriptor.has(RingDescriptor.continues) else { throw .continuedIndirectTable }
                entries = Int(descriptor.length) / RingDescriptor.stride
                guard
                    entries > 0, Int(descriptor.length) % RingDescriptor.stride == 0, descriptor.address % 8 == 0
                else { throw .malformedIndirectTable(address: descriptor.address, length: descriptor.length) }
                let limit = max(Int(size), Self.leastLimit)
                guard entries <= limit else { throw .chainTooLong }
                guard let found = memory.span(of: descriptor.address),
                    let start = found.pointee.contiguous(at: descriptor.address, length: descriptor.length)
                else { throw .addressOutOfRange(address: descriptor.address, length: descriptor.length) }
                span = found.pointee
                table = UnsafeRawPointer(start)
                left = limit
                inIndirectTable = true
                index = 0
                continue
            }

            if descriptor.has(RingDescriptor.writable) != writing {
                guard !writing else { throw .readableAfterWritable }
                writing = true
                readableCount = noted
                end = nil
            }

            // From the region's end on in pieces.
            var address = descriptor.address
            var bytesLeft = UInt64(descriptor.length)
            while bytesLeft > 0 {
                var offset = address &- span.first
                if offset >= span.size {
                    guard let found = memory.span(of: address) else {
                        throw .addressOutOfRange(address: address, length: UInt32(truncatingIfNeeded: bytesLeft))
                    }
                    span = found.pointee
                    offset = address &- span.first
                }
                let start = span.host + Int(truncatingIfNeeded: offset)
                let bytes = min(bytesLeft, span.size &- offset)
                let length = Int(truncatingIfNeeded: bytes)
                if start == end {
                    pieces[noted &- 1].iov_len &+= length
                } else {
                    guard noted < capacity else { throw .tooManyPieces }
                    (pieces + noted).initialize(to: iovec(iov_base: start, iov_len: length))
                    noted &+= 1
                }
                end = start + length
                bytesLeft &-= bytes
                // The piece ends within its region, whose end is countable: this cannot wrap while anything is left.
                address &+= bytes
            }

            guard descriptor.has(RingDescriptor.continues) else { break }
            index = Int(descriptor.next)
            guard index < entries else { throw .nextOutOfRange(descriptor.next) }
        }
        if !writing { readableCount = noted }
        count = noted
    }
}
