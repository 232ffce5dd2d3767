/// Reads the fields of a payload one after the other. The caller has checked the payload's size; a read beyond it gives 0.
struct PayloadReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func read<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) -> Value {
        let size = MemoryLayout<Value>.size
        guard bytes.count - position >= size else { return 0 }
        let value = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: Value.self) }
        position += size
        // The protocol is in the byte order of the machine: both ends are on it.
        return value
    }
}

/// What is written as a payload: fields in the byte order of the machine, one after the other.
struct PayloadWriter {
    private(set) var bytes: [UInt8] = []

    mutating func write<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    }
}

/// The header of every message: "Message header" in the specification.
public struct MessageHeader: Equatable, Sendable {
    /// The number of a request.
    public var request: UInt32
    /// Version in bits 0 and 1, then the flags below.
    public var flags: UInt32
    /// Bytes of payload.
    public var size: UInt32

    /// Bytes of a header.
    public static let size = 12
    /// The only version there is.
    public static let version: UInt32 = 1
    /// The message answers one.
    public static let reply: UInt32 = 1 << 2
    /// The sender wants an answer (REPLY_ACK).
    public static let needReply: UInt32 = 1 << 3

    /// Makes a header.
    public init(request: UInt32, flags: UInt32 = version, size: UInt32) {
        self.request = request
        self.flags = flags
        self.size = size
    }

    init(_ bytes: [UInt8]) {
        var reader = PayloadReader(bytes)
        request = reader.read()
        flags = reader.read()
        size = reader.read()
    }

    var bytes: [UInt8] {
        var writer = PayloadWriter()
        writer.write(request)
        writer.write(flags)
        writer.write(size)
        return writer.bytes
    }
}

/// "A vring state description": a ring and one number.
struct RingState: Equatable {
    static let size = 8
    var index: UInt32
    var number: UInt32

    init(_ bytes: [UInt8]) {
        var reader = PayloadReader(bytes)
        index = reader.read()
        number = reader.read()
    }

    init(index: UInt32, number: UInt32) {
        self.index = index
        self.number = number
    }

    var bytes: [UInt8] {
        var writer = PayloadWriter()
        writer.write(index)
        writer.write(number)
        return writer.bytes
    }
}

/// "A vring address description": where a ring lies in the frontend's addresses.
struct RingAddress: Equatable {
    static let size = 40
    var index: UInt32
    /// Bit 0 asks for logging, which is not offered and so has no meaning.
    var flags: UInt32
    var descriptors: UInt64
    var used: UInt64
    var available: UInt64
    var log: UInt64

    init(_ bytes: [UInt8]) {
        var reader = PayloadReader(bytes)
        index = reader.read()
        flags = reader.read()
        descriptors = reader.read()
        used = reader.read()
        available = reader.read()
        log = reader.read()
    }
}

/// The payload of SET_VRING_KICK, _CALL and _ERR: a ring, and whether a descriptor comes with it.
struct RingDescriptorPassing: Equatable {
    var index: UInt64
    var hasDescriptor: Bool

    /// Nil when bits are set that have no meaning.
    init?(_ bytes: [UInt8]) {
        var reader = PayloadReader(bytes)
        let value: UInt64 = reader.read()
        guard value & ~0x1ff == 0 else { return nil }
        index = value & 0xff
        hasDescriptor = value & 0x100 == 0
    }
}

/// "Memory region description".
struct MemoryRegion: Equatable {
    static let size = 32
    /// With the padding that comes before a region that comes alone.
    static let singleSize = 40
    var guestAddress: UInt64
    var size: UInt64
    var userAddress: UInt64
    var fileOffset: UInt64

    init(_ reader: inout PayloadReader) {
        guestAddress = reader.read()
        size = reader.read()
        userAddress = reader.read()
        fileOffset = reader.read()
    }

    /// "Single memory region description".
    init(single bytes: [UInt8]) {
        var reader = PayloadReader(bytes)
        let _: UInt64 = reader.read()
        self.init(&reader)
    }
}

/// "Multiple memory regions description".
struct MemoryTable: Equatable {
    static let headerSize = 8
    /// VHOST_MEMORY_BASELINE_NREGIONS
    static let maximumRegions = 8
    var regions: [MemoryRegion]

    /// Nil when the count and the size of the payload disagree.
    init?(_ bytes: [UInt8]) {
        var reader = PayloadReader(bytes)
        let count: UInt32 = reader.read()
        let _: UInt32 = reader.read()
        guard count <= Self.maximumRegions, bytes.count == Self.headerSize + Int(count) * MemoryRegion.size else {
            return nil
        }
        regions = (0..<count).map { _ in MemoryRegion(&reader) }
    }
}
