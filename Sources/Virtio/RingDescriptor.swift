public import CLinux

/// One entry of a descriptor table, read once. Virtio 1.2, 2.7.5 `struct virtq_desc`.
@frozen
@usableFromInline
struct RingDescriptor {
    /// Bytes of one entry.
    @usableFromInline static var stride: Int { 16 }
    /// VIRTQ_DESC_F_NEXT: the chain goes on at `next`.
    @usableFromInline static var continues: UInt16 { 1 }
    /// VIRTQ_DESC_F_WRITE: the device may write the buffer, and not read it.
    @usableFromInline static var writable: UInt16 { 2 }
    /// VIRTQ_DESC_F_INDIRECT: the buffer holds a table of descriptors.
    @usableFromInline static var indirect: UInt16 { 4 }

    @usableFromInline let address: UInt64
    @usableFromInline let length: UInt32
    @usableFromInline let flags: UInt16
    @usableFromInline let next: UInt16

    /// Copies an entry out of guest memory by two atomic loads: whatever the guest writes meanwhile, each field has one
    /// value here.
    @inlinable
    @inline(__always)
    init(at pointer: UnsafeRawPointer) {
        address = UInt64(littleEndian: cl_load64_relaxed(pointer))
        let rest = UInt64(littleEndian: cl_load64_relaxed(pointer + 8))
        length = UInt32(truncatingIfNeeded: rest)
        flags = UInt16(truncatingIfNeeded: rest >> 32)
        next = UInt16(truncatingIfNeeded: rest >> 48)
    }

    @inlinable
    @inline(__always)
    func has(_ flag: UInt16) -> Bool { flags & flag != 0 }
}
