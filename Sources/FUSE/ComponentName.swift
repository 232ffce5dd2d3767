internal import Glibc
public import SystemPackage

/// A name in a request: one component of a path, checked, in private memory, ended by a NUL.
///
/// This is the only place where names of guests are judged. What passes cannot leave the directory it is used in.
@frozen
public struct ComponentName {
    /// The bytes of the name; a NUL follows them.
    public let start: UnsafePointer<CChar>
    /// How many bytes there are, without the NUL: 1 to 255.
    public let count: Int

    /// The longest name, in bytes.
    @inlinable
    public static var maximumCount: Int { 255 }

    /// The bytes without the NUL.
    @inlinable
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

    /// Checks the one name that ends a request.
    ///
    /// - Parameter bytes: What follows the request's fixed part; must outlive the name.
    /// - Throws: EINVAL when the NUL is missing or does not come last, or when the name is empty, ".", ".." or has a "/";
    ///   ENAMETOOLONG past 255 bytes.
    public init(only bytes: UnsafeRawBufferPointer) throws(Errno) {
        var rest = bytes
        self = try ComponentName(next: &rest)
        guard rest.isEmpty else { throw .invalidArgument }
    }

    /// Checks the first of several strings and drops it from `bytes`.
    ///
    /// - Throws: As `init(only:)`, with anything allowed after the NUL.
    public init(next bytes: inout UnsafeRawBufferPointer) throws(Errno) {
        let string = try RequestString(next: &bytes)
        try ComponentName.check(string.bytes)
        start = string.start
        count = string.count
    }

    /// Judges the bytes of a name.
    ///
    /// - Throws: EINVAL when it is empty, ".", "..", or has a "/" or a NUL; ENAMETOOLONG past 255 bytes.
    public static func check(_ name: UnsafeRawBufferPointer) throws(Errno) {
        guard let start = name.baseAddress, !name.isEmpty else { throw .invalidArgument }
        guard memchr(start, 0x2F, name.count) == nil, memchr(start, 0, name.count) == nil else {
            throw .invalidArgument
        }
        if name[0] == 0x2E {
            if name.count == 1 || (name.count == 2 && name[1] == 0x2E) { throw .invalidArgument }
        }
        guard name.count <= maximumCount else { throw .fileNameTooLong }
    }
}

/// A string in a request that is no name, such as a link's target: any bytes, ended by a NUL.
@frozen
public struct RequestString {
    /// The bytes; a NUL follows them.
    public let start: UnsafePointer<CChar>
    /// How many bytes there are, without the NUL.
    public let count: Int

    /// The bytes without the NUL.
    @inlinable
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

    /// Takes the first string and its NUL off `bytes`, which must outlive it.
    ///
    /// - Throws: EINVAL when there is no NUL.
    public init(next bytes: inout UnsafeRawBufferPointer) throws(Errno) {
        guard let base = bytes.baseAddress, let end = memchr(base, 0, bytes.count) else { throw .invalidArgument }
        count = UnsafeRawPointer(end) - base
        start = base.assumingMemoryBound(to: CChar.self)
        bytes = UnsafeRawBufferPointer(rebasing: bytes[(count + 1)...])
    }
}
