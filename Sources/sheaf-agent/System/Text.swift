import CAgent

/// Bytes that are read by people or name a file. Embedded Swift's `String` would bring its Unicode tables along.
struct Text: ExpressibleByStringInterpolation {
    var bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    init(stringLiteral literal: StaticString) { bytes = literal.withUTF8Buffer { [UInt8]($0) } }

    init(stringInterpolation: Interpolation) { bytes = stringInterpolation.bytes }

    /// Collects the pieces of an interpolated literal.
    struct Interpolation: StringInterpolationProtocol {
        typealias StringLiteralType = StaticString
        fileprivate var bytes: [UInt8] = []

        init(literalCapacity: Int, interpolationCount: Int) { bytes.reserveCapacity(literalCapacity) }

        mutating func appendLiteral(_ literal: StaticString) { appendInterpolation(literal) }

        mutating func appendInterpolation(_ literal: StaticString) {
            literal.withUTF8Buffer { bytes.append(contentsOf: $0) }
        }

        mutating func appendInterpolation(_ text: Text) { bytes.append(contentsOf: text.bytes) }

        mutating func appendInterpolation(_ text: [UInt8]) { bytes.append(contentsOf: text) }

        mutating func appendInterpolation(_ number: Int) {
            if number < 0 { bytes.append(0x2d) }
            appendDigits(of: number.magnitude)
        }

        private mutating func appendDigits(of number: UInt) {
            if number >= 10 { appendDigits(of: number / 10) }
            bytes.append(UInt8(truncatingIfNeeded: 0x30 + number % 10))
        }

        /// The number alone: its words would be a twentieth of the agent, and the launcher has them.
        mutating func appendInterpolation(_ errno: Errno) { appendInterpolation("errno \(Int(errno.code))" as Text) }
    }

    /// Lends the bytes to C, with a NUL behind them.
    func withCString<Value>(_ body: (UnsafePointer<CChar>) -> Value) -> Value {
        (bytes + [0]).withUnsafeBytes { terminated in
            // SAFETY: there is at least the NUL, so the buffer has a base address.
            body(terminated.assumingMemoryBound(to: CChar.self).baseAddress.unsafelyUnwrapped)
        }
    }

    /// What is left when blanks and line ends are taken from both ends.
    var trimmed: Text {
        var rest = bytes[...]
        while let first = rest.first, first <= 0x20 { rest.removeFirst() }
        while let last = rest.last, last <= 0x20 { rest.removeLast() }
        return Text([UInt8](rest))
    }

    func hasPrefix(_ prefix: Text) -> Bool { bytes.starts(with: prefix.bytes) }

    func hasSuffix(_ suffix: Text) -> Bool { bytes.suffix(suffix.bytes.count) == suffix.bytes[...] }
}

extension Text: Equatable {}

extension StaticString {
    /// Lends a literal to C, which has a NUL behind it as it stands.
    func withCharacters<Value>(_ body: (UnsafePointer<CChar>) -> Value) -> Value {
        utf8Start.withMemoryRebound(to: CChar.self, capacity: utf8CodeUnitCount + 1, body)
    }
}
