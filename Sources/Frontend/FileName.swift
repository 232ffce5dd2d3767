/// A name as a client sends it: any bytes, good or bad.
public struct FileName: Hashable, Sendable, ExpressibleByStringInterpolation, CustomStringConvertible {
    /// Without the NUL that ends it on the wire.
    public let bytes: [UInt8]

    /// Takes any bytes.
    public init(bytes: [UInt8]) { self.bytes = bytes }

    /// Takes text as UTF-8.
    public init(_ text: String) { bytes = [UInt8](text.utf8) }

    /// Takes a literal as UTF-8.
    public init(stringLiteral value: String) { self.init(value) }

    /// The name as text, with what is no UTF-8 replaced.
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}
