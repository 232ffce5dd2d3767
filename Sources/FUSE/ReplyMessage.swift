public import SystemPackage

/// A reply as a guest would judge it: for tests and load generators.
public struct ReplyMessage: Sendable {
    /// Its header.
    public let header: OutHeader
    /// What follows the header.
    public let body: [UInt8]

    /// Takes a reply apart, as strictly as Linux 7 does: nil when the length or the number is wrong, the error is out of
    /// range, or an error has a body.
    ///
    /// - Parameters:
    ///   - bytes: As many bytes as the device said it wrote.
    ///   - unique: The request's number.
    public init?(_ bytes: UnsafeRawBufferPointer, unique: UInt64) {
        guard let header = OutHeader(copying: bytes), Int(exactly: header.length) == bytes.count,
            header.unique == unique, header.error <= 0, header.error > -512,
            header.error == 0 || bytes.count == OutHeader.byteCount
        else { return nil }
        self.header = header
        body = Array(bytes.dropFirst(OutHeader.byteCount))
    }

    /// The error that the request was refused with; nil for success.
    public var errno: Errno? { header.error == 0 ? nil : Errno(rawValue: 0 - header.error) }

    /// The body as one structure.
    ///
    /// - Returns: Nil unless the body is exactly as long as the structure.
    public func structure<S: WireStructure>(_ type: S.Type = S.self) -> S? {
        guard errno == nil, body.count == S.byteCount else { return nil }
        return body.withUnsafeBytes { S(copying: $0) }
    }
}
