internal import CLinux
internal import Linux
public import SystemPackage

/// One piece of guest memory, mapped into this process; unmapped when the last ``GuestMemory`` that shows it is gone.
public final class GuestRegion: Sendable {
    /// Where the region starts for the guest and in its descriptors.
    public let guestAddress: UInt64
    /// Where the region starts in the frontend, in whose addresses the rings are named.
    public let userAddress: UInt64
    /// Bytes.
    public let size: UInt64

    // SAFETY: all three are set once; the memory they name is the guest's, only ever touched by system calls and atomics.
    nonisolated(unsafe) private let base: UnsafeMutableRawPointer
    nonisolated(unsafe) let start: UnsafeMutableRawPointer
    private let mappedLength: Int

    /// Maps a region of the frontend's memory file. The descriptor is not needed afterwards.
    ///
    /// - Parameters:
    ///   - guestAddress: The guest physical address of the first byte.
    ///   - userAddress: The frontend's address of the first byte.
    ///   - size: In bytes, not 0.
    ///   - file: The memory file's descriptor.
    ///   - offset: Where in the file the region starts, in bytes.
    /// - Throws: EINVAL for an empty region; EOVERFLOW for one whose end cannot be counted; ENXIO for one beyond the end of
    ///   the file; what mmap(2) failed with.
    public init(
        guestAddress: UInt64, userAddress: UInt64, size: UInt64, file: CInt, offset: UInt64
    ) throws(Errno) {
        guard size > 0 else { throw .invalidArgument }
        guard !guestAddress.addingReportingOverflow(size).overflow, !userAddress.addingReportingOverflow(size).overflow
        else { throw .overflow }
        var base: UnsafeMutableRawPointer?
        var address: UnsafeMutableRawPointer?
        var length = 0
        try checked(cl_map_guest_region(file, offset, size, &base, &length, &address))
        guard let base, let address else { throw .badAddress }
        self.guestAddress = guestAddress
        self.userAddress = userAddress
        self.size = size
        self.base = base
        self.start = address
        self.mappedLength = length
    }

    deinit {
        _ = cl_unmap_guest_region(base, mappedLength)
    }

    /// Whether its owner has taken a page of it away, and one of zeros is there instead.
    var hasHoles: Bool { cl_region_faults(base) > 0 }

    /// The first guest address behind the region. Cannot overflow: the initialiser has counted it.
    var guestEnd: UInt64 { guestAddress &+ size }

    /// Where a range of the frontend's addresses lies here, when the region has all of it.
    func address(user: UInt64, length: UInt64) -> UnsafeMutableRawPointer? {
        guard user >= userAddress else { return nil }
        let offset = user - userAddress
        guard offset <= size, length <= size - offset else { return nil }
        return start + Int(offset)
    }
}
