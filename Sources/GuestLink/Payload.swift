/// Appends fields to a frame's payload: integers little-endian, byte strings with their length (u32) before them.
public struct PayloadWriter: Sendable {
    /// What is written so far.
    public private(set) var bytes: [UInt8] = []

    /// An empty payload.
    public init() {}

    /// Appends one byte.
    public mutating func append(_ value: UInt8) { bytes.append(value) }

    /// Appends two bytes.
    public mutating func append(_ value: UInt16) {
        bytes.append(UInt8(truncatingIfNeeded: value))
        bytes.append(UInt8(truncatingIfNeeded: value >> 8))
    }

    /// Appends four bytes.
    public mutating func append(_ value: UInt32) {
        append(UInt16(truncatingIfNeeded: value))
        append(UInt16(truncatingIfNeeded: value >> 16))
    }

    /// Appends a length and that many bytes.
    public mutating func append(_ value: [UInt8]) {
        append(UInt32(truncatingIfNeeded: value.count))
        bytes.append(contentsOf: value)
    }

    /// Appends a count and that many byte strings.
    public mutating func append(_ values: [[UInt8]]) {
        append(UInt32(truncatingIfNeeded: values.count))
        for value in values { append(value) }
    }

    /// Appends bytes as they are, to the payload's end: the reader takes them with `remainder()`.
    public mutating func appendRemainder(_ value: [UInt8]) { bytes.append(contentsOf: value) }
}

/// Takes fields from a frame's payload in the order in which `PayloadWriter` put them; every one is nil past the end.
public struct PayloadReader: Sendable {
    private let bytes: [UInt8]
    private var position = 0

    /// A reader at the start of a payload.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The next byte.
    public mutating func byte() -> UInt8? {
        guard position < bytes.count else { return nil }
        position += 1
        return bytes[position - 1]
    }

    /// The next two bytes.
    public mutating func short() -> UInt16? {
        guard bytes.count - position >= 2 else { return nil }
        position += 2
        return UInt16(bytes[position - 2]) | UInt16(bytes[position - 1]) << 8
    }

    /// The next four bytes.
    public mutating func word() -> UInt32? {
        guard let low = short(), let high = short() else { return nil }
        return UInt32(low) | UInt32(high) << 16
    }

    /// The next byte string.
    public mutating func string() -> [UInt8]? {
        guard let length = word(), bytes.count - position >= Int(length) else { return nil }
        position += Int(length)
        return [UInt8](bytes[(position - Int(length))..<position])
    }

    /// The next list of byte strings.
    public mutating func strings() -> [[UInt8]]? {
        // Each string takes four bytes at least, so a count past the payload is a lie and not an allocation.
        guard let count = word(), Int(count) <= (bytes.count - position) / 4 else { return nil }
        var values: [[UInt8]] = []
        for _ in 0..<count {
            guard let value = string() else { return nil }
            values.append(value)
        }
        return values
    }

    /// All that is left.
    public mutating func remainder() -> [UInt8] {
        defer { position = bytes.count }
        return [UInt8](bytes[position...])
    }
}
