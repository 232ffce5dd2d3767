import CLinux
import Linux
import SystemPackage

/// A stretch of guest memory: a memory file, mapped here and handed to the backend by its descriptor.
public final class MemoryRegion: @unchecked Sendable {
    /// The memory file.
    public let file: Descriptor
    /// Where the region starts in the file, in bytes.
    public let fileOffset: UInt64
    /// Where the guest sees it.
    public let guestAddress: UInt64
    /// In bytes.
    public let size: UInt64
    /// Where it is mapped in this process; as a number, what vhost-user calls the user address.
    public let base: UnsafeMutableRawPointer

    private var used: UInt64

    /// Makes a memory file and maps it.
    ///
    /// - Parameters:
    ///   - guestAddress: Where the guest sees it.
    ///   - size: In bytes, a multiple of the page size.
    ///   - fileOffset: Where the region starts in its file; a multiple of the page size.
    /// - Throws: What memfd_create(2) or mmap(2) failed with.
    public init(guestAddress: UInt64, size: UInt64, fileOffset: UInt64 = 0) throws(Errno) {
        file = try Descriptor(result: cl_memfd("guest-memory", fileOffset + size))
        var address: UnsafeMutableRawPointer?
        try checked(cl_map_shared(file.number, fileOffset, Int(size), &address))
        guard let address else { throw Errno.noMemory }
        base = address
        self.fileOffset = fileOffset
        self.guestAddress = guestAddress
        self.size = size
        // Address 0 is as good as any other to a device, but it hides mistakes.
        used = 4096
    }

    deinit {
        _ = cl_unmap(base, Int(size))
    }

    /// The user address, by which vhost-user names rings.
    public var userAddress: UInt64 { UInt64(UInt(bitPattern: base)) }

    /// The first guest address past the region.
    public var end: UInt64 { guestAddress + size }

    /// Hands out memory that nobody else has; it is never taken back.
    ///
    /// - Returns: Nil when the region is used up.
    func allocate(_ count: Int, alignment: Int) -> GuestBuffer? {
        let mask = UInt64(alignment - 1)
        let start = (used + mask) & ~mask
        guard start + UInt64(count) <= size else { return nil }
        used = start + UInt64(count)
        return GuestBuffer(address: guestAddress + start, start: base + Int(start), count: count)
    }
}

/// A piece of guest memory: what the guest calls it, and where it is here.
public struct GuestBuffer: @unchecked Sendable {
    /// The guest physical address, by which descriptors name it.
    public let address: UInt64
    /// Where it is mapped.
    public let start: UnsafeMutableRawPointer
    /// In bytes.
    public let count: Int

    /// The user address, by which vhost-user names rings.
    public var userAddress: UInt64 { UInt64(UInt(bitPattern: start)) }

    /// The part of it from `offset` on.
    public func part(_ offset: Int, _ count: Int) -> GuestBuffer {
        precondition(offset >= 0 && count >= 0 && offset + count <= self.count, "a part must lie in its buffer")
        return GuestBuffer(address: address + UInt64(offset), start: start + offset, count: count)
    }

    /// Copies bytes to its start.
    public func store(_ bytes: [UInt8]) {
        precondition(bytes.count <= count, "the bytes must fit the buffer")
        bytes.withUnsafeBytes { source in
            if let from = source.baseAddress { start.copyMemory(from: from, byteCount: source.count) }
        }
    }

    /// A copy of its first bytes.
    public func bytes(_ count: Int) -> [UInt8] {
        precondition(count <= self.count, "the bytes must lie in the buffer")
        return [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }
}
