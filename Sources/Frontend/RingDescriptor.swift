/// An entry of a descriptor table (virtio 1.2, 2.7.5), as it lies in guest memory.
public struct RingDescriptor: BitwiseCopyable, Equatable, Sendable {
    /// VIRTQ_DESC_F_*.
    public struct Flags: OptionSet, BitwiseCopyable, Sendable {
        /// The bits in the table.
        public let rawValue: UInt16

        /// Makes a set of any bits.
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        /// The chain goes on at `next`.
        public static let next = Flags(rawValue: 1)
        /// The device writes here; it reads otherwise.
        public static let write = Flags(rawValue: 2)
        /// The buffer is itself a table of descriptors.
        public static let indirect = Flags(rawValue: 4)
    }

    /// Guest physical.
    public var address: UInt64
    /// In bytes.
    public var length: UInt32
    /// What kind of entry it is.
    public var flags: Flags
    /// The index of the next descriptor, where `flags` has `.next`.
    public var next: UInt16

    /// Makes an entry, whatever sense it makes.
    public init(address: UInt64, length: UInt32, flags: Flags = [], next: UInt16 = 0) {
        self.address = address
        self.length = length
        self.flags = flags
        self.next = next
    }
}

/// One buffer of a request, before it is a descriptor.
public struct Segment: BitwiseCopyable, Sendable {
    /// Guest physical.
    public var address: UInt64
    /// In bytes.
    public var length: UInt32
    /// The device writes it; it reads it otherwise.
    public var isReply: Bool

    /// Makes a segment of a part of guest memory.
    public init(address: UInt64, length: Int, isReply: Bool) {
        self.address = address
        self.length = UInt32(truncatingIfNeeded: length)
        self.isReply = isReply
    }

    /// A buffer that the device reads.
    public static func request(_ buffer: GuestBuffer) -> Segment {
        Segment(address: buffer.address, length: buffer.count, isReply: false)
    }

    /// A buffer that the device writes.
    public static func reply(_ buffer: GuestBuffer) -> Segment {
        Segment(address: buffer.address, length: buffer.count, isReply: true)
    }
}
