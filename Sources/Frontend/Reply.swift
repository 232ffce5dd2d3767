import FUSE
import SystemPackage

/// What a reply has to look like for a guest to accept it.
public struct ReplyShape: Sendable {
    /// There is a reply at all; FORGET has none.
    var isExpected = true
    /// Bytes of the structure that follows the header of a success, exactly.
    var argumentSize = 0
    /// Bytes of data that may follow at most, into pages.
    var dataCapacity = 0

    /// No reply: the chain comes back with nothing written.
    public static let none = ReplyShape(isExpected: false)
    /// A header alone.
    public static let empty = ReplyShape()

    /// A structure of a fixed size.
    public static func exactly(_ size: Int) -> ReplyShape { ReplyShape(argumentSize: size) }
    /// As many bytes as there are, up to a limit.
    public static func data(upTo limit: Int) -> ReplyShape { ReplyShape(dataCapacity: limit) }
}

/// A reply that has passed every check a strict guest makes.
///
/// Its bytes lie in guest memory and are valid until the slot is used for another request.
public struct Reply: @unchecked Sendable {
    /// The slot the request was made in.
    public let slot: Int
    /// The request's opcode.
    public let opcode: Opcode
    /// What the server refused the request with; nil for a success.
    public let error: Errno?
    /// What follows the header: the structure, or the data.
    public let body: UnsafeRawBufferPointer

    /// The reply's structure.
    ///
    /// - Throws: The error the server answered with.
    public func structure<T: BitwiseCopyable>(_ type: T.Type) throws(Errno) -> T {
        if let error { throw error }
        precondition(MemoryLayout<T>.size <= body.count, "the structure must be the one that was asked for")
        return body.loadUnaligned(as: T.self)
    }

    /// A copy of the reply's data.
    ///
    /// - Throws: The error the server answered with.
    public func data() throws(Errno) -> [UInt8] {
        if let error { throw error }
        return [UInt8](body)
    }
}
