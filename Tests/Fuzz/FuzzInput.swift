/// An input, taken apart from its start. Beyond its end all is zero and empty.
struct FuzzInput {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isEmpty: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    mutating func short() -> UInt16 { UInt16(byte()) | UInt16(byte()) << 8 }

    /// So many bytes, or those that are left.
    mutating func bytes(_ count: Int) -> [UInt8] {
        let taken = rest.prefix(count)
        rest = rest.dropFirst(taken.count)
        return Array(taken)
    }

    /// All that is left, in pieces as a stream might bring it.
    mutating func pieces() -> [[UInt8]] {
        let size = [1, 7, 64, 4096][Int(byte() & 3)]
        var pieces: [[UInt8]] = []
        while !isEmpty { pieces.append(bytes(size)) }
        return pieces
    }
}
