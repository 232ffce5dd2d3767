import SystemPackage

/// The memory of a guest that exists only as a driver: two regions as a PC has them, below and above 4 GiB.
///
/// Not to be allocated from by two threads at a time.
public final class GuestMemory {
    /// In the order in which the backend is told of them.
    public private(set) var regions: [MemoryRegion]

    /// Makes the memory; pages cost nothing until they are touched.
    ///
    /// - Parameters:
    ///   - low: Bytes below 4 GiB, where rings are put.
    ///   - high: Bytes above 4 GiB, where buffers are put. Its file has an offset, as a VMM's second region does.
    /// - Throws: What memfd_create(2) or mmap(2) failed with.
    public init(low: UInt64 = 4 << 20, high: UInt64 = 64 << 20) throws(Errno) {
        regions = [
            try MemoryRegion(guestAddress: 0, size: low),
            try MemoryRegion(guestAddress: 4 << 30, size: high, fileOffset: 1 << 20),
        ]
    }

    /// The region below 4 GiB.
    public var low: MemoryRegion { regions[0] }
    /// The region above 4 GiB.
    public var high: MemoryRegion { regions[1] }

    /// Makes one more region past all others. The backend has to be told of it (`Frontend.plug`).
    func extend(by size: UInt64) throws(Errno) -> MemoryRegion {
        let end = regions.reduce(0) { max($0, $1.end) }
        let region = try MemoryRegion(guestAddress: end + (1 << 30), size: size)
        regions.append(region)
        return region
    }

    /// Hands out memory for rings.
    public func allocateRing(_ count: Int) throws(BackendFault) -> GuestBuffer {
        try allocate(count, alignment: 4096, in: low)
    }

    /// Hands out memory for requests and replies.
    public func allocate(_ count: Int, alignment: Int = 8) throws(BackendFault) -> GuestBuffer {
        try allocate(count, alignment: alignment, in: high)
    }

    /// Hands out memory of one region; it is never taken back.
    ///
    /// - Throws: `BackendFault.host` when the region is used up.
    public func allocate(_ count: Int, alignment: Int, in region: MemoryRegion) throws(BackendFault) -> GuestBuffer {
        guard let buffer = region.allocate(count, alignment: alignment) else {
            throw .host("allocate \(count) bytes of guest memory", .noMemory)
        }
        return buffer
    }
}
