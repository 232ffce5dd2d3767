internal import CLinux
internal import SystemPackage

/// What a change of the memory table is refused for.
public enum GuestMemoryError: Error, Equatable, Sendable {
    /// Two regions claim the same guest addresses.
    case overlappingRegions
    /// There is no such region to be removed.
    case noSuchRegion
}

/// The memory of a guest at one moment: an immutable table of regions.
///
/// A change makes another table. Whoever uses one keeps a reference to it, and with it every region it shows, so that no
/// thread ever sees memory disappear under it.
public final class GuestMemory: Sendable {
    /// The regions in the order of their guest addresses.
    public let regions: [GuestRegion]

    // SAFETY: filled once by the initialiser, then only read, freed by deinit.
    nonisolated(unsafe) private let spans: UnsafeMutablePointer<GuestMemoryMap.Span>

    /// A guest without memory, as every device starts.
    public static let none = GuestMemory()

    private init() {
        regions = []
        spans = GuestMemory.spans(of: [])
    }

    /// Makes a table.
    ///
    /// - Parameter regions: In any order.
    /// - Throws: ``GuestMemoryError/overlappingRegions``.
    public init(_ regions: [GuestRegion]) throws(GuestMemoryError) {
        let sorted = regions.sorted { $0.guestAddress < $1.guestAddress }
        for (lower, upper) in zip(sorted, sorted.dropFirst()) where upper.guestAddress < lower.guestEnd {
            throw .overlappingRegions
        }
        self.regions = sorted
        spans = GuestMemory.spans(of: sorted)
    }

    /// One for each region, and an empty one where there is none: there is always a first.
    private static func spans(of regions: [GuestRegion]) -> UnsafeMutablePointer<GuestMemoryMap.Span> {
        let spans = UnsafeMutablePointer<GuestMemoryMap.Span>.allocate(capacity: max(1, regions.count))
        spans.initialize(to: GuestMemoryMap.Span(first: 0, size: 0, host: UnsafeMutableRawPointer(spans)))
        for (index, region) in regions.enumerated() {
            (spans + index).initialize(
                to: GuestMemoryMap.Span(first: region.guestAddress, size: region.size, host: region.start))
        }
        return spans
    }

    deinit {
        spans.deallocate()
    }

    /// This table with one region more.
    ///
    /// - Throws: ``GuestMemoryError/overlappingRegions``.
    public func adding(_ region: GuestRegion) throws(GuestMemoryError) -> GuestMemory {
        try GuestMemory(regions + [region])
    }

    /// This table without the region of exactly these bounds.
    ///
    /// - Throws: ``GuestMemoryError/noSuchRegion``.
    public func removing(
        guestAddress: UInt64, userAddress: UInt64, size: UInt64
    ) throws(GuestMemoryError) -> GuestMemory {
        guard
            let index = regions.firstIndex(where: {
                $0.guestAddress == guestAddress && $0.userAddress == userAddress && $0.size == size
            })
        else { throw .noSuchRegion }
        var rest = regions
        rest.remove(at: index)
        return try GuestMemory(rest)
    }

    /// Where a range named in the frontend's addresses lies in this process, and the region to keep for as long as the
    /// pointer is used; nil unless one region has all of it.
    func find(user: UInt64, length: UInt64) -> (region: GuestRegion, address: UnsafeMutableRawPointer)? {
        for region in regions {
            if let address = region.address(user: user, length: length) { return (region, address) }
        }
        return nil
    }

    /// How many pages of any guest's memory were taken away so far: whoever sees it grow may ask ``hasHoles``.
    public static var lostPages: UInt64 { cl_all_region_faults() }

    /// Whether a page of this guest's memory was taken away, by whoever owns its file.
    public var hasHoles: Bool { regions.contains { $0.hasHoles } }

    /// The table as the ring code reads it. Good for as long as this object is kept.
    public var map: GuestMemoryMap { GuestMemoryMap(spans: spans, count: regions.count) }
}

/// A bare view of a ``GuestMemory`` without reference counting, for the time of one batch of requests.
@frozen
public struct GuestMemoryMap {
    /// One region: `size` guest addresses from `first` on, and the first one's place in this process.
    @frozen
    @usableFromInline
    struct Span {
        @usableFromInline let first: UInt64
        @usableFromInline let size: UInt64
        @usableFromInline let host: UnsafeMutableRawPointer

        @inlinable
        init(first: UInt64, size: UInt64, host: UnsafeMutableRawPointer) {
            self.first = first
            self.size = size
            self.host = host
        }

        @inlinable
        func has(_ address: UInt64) -> Bool { address &- first < size }

        /// Where a range lies, when the region has all of it.
        @inlinable
        func contiguous(at address: UInt64, length: UInt32) -> UnsafeMutableRawPointer? {
            let offset = address &- first
            guard offset < size, UInt64(length) <= size &- offset else { return nil }
            return host + Int(truncatingIfNeeded: offset)
        }
    }

    @usableFromInline let spans: UnsafePointer<Span>
    @usableFromInline let count: Int

    @inlinable
    init(spans: UnsafePointer<Span>, count: Int) {
        self.spans = spans
        self.count = count
    }

    /// The region that has an address.
    @inlinable
    func span(of address: UInt64) -> UnsafePointer<Span>? {
        // Binary search for the last region that starts at or before the address.
        var low = 0
        var high = count
        while low < high {
            let middle = (low &+ high) / 2
            if spans[middle].first <= address { low = middle &+ 1 } else { high = middle }
        }
        guard low > 0, spans[low &- 1].has(address) else { return nil }
        return spans + (low &- 1)
    }

    /// Where a range lies, when one region has all of it.
    @inlinable
    public func contiguous(at address: UInt64, length: UInt32) -> UnsafeMutableRawPointer? {
        span(of: address)?.pointee.contiguous(at: address, length: length)
    }
}
