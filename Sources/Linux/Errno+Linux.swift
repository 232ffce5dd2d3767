internal import CLinux
public import SystemPackage

/// Turns the result of a CLinux wrapper into a value or a thrown errno.
///
/// - Parameter result: A value that is not negative, or a negated errno.
/// - Returns: The value.
/// - Throws: The errno in `result`.
@inlinable
@discardableResult
public func checked(_ result: CInt) throws(Errno) -> CInt {
    if result < 0 { throw Errno(rawValue: 0 &- result) }
    return result
}

/// Turns the result of a CLinux wrapper that counts bytes into a value or a thrown errno.
///
/// - Parameter result: A count, or a negated errno.
/// - Returns: The count.
/// - Throws: The errno in `result`.
@inlinable
@discardableResult
public func checked(_ result: Int) throws(Errno) -> Int {
    if result < 0 { throw Errno(rawValue: CInt(truncatingIfNeeded: 0 &- result)) }
    return result
}

extension Errno {
    /// The error's name in <errno.h>, such as `ENOENT`; its number where it has none.
    public var name: String {
        guard let name = cl_errno_name(rawValue) else { return "errno \(rawValue)" }
        return String(cString: name)
    }

    /// Name and meaning, for a message to a person: `ENOENT (No such file or directory)`.
    public var explained: String { "\(name) (\(description))" }
}
