import Linux
import SystemPackage

/// Something a backend did, or failed to do, that no guest and no VMM would put up with.
///
/// An error a FUSE server answers with is no fault: that is an `Errno`.
public enum BackendFault: Error, Equatable, CustomStringConvertible {
    /// The backend closed the connection.
    case hungUp
    /// The backend did not answer in time. What was waited for.
    case silent(String)
    /// A message that asked for an acknowledgement got one that was not zero.
    case refused(VhostUserRequest, UInt64)
    /// An answer breaks the protocol. What is wrong with it.
    case malformed(String)
    /// The host refused what this side needed. What was tried, and the error.
    case host(String, Errno)

    /// For a person: what the backend did.
    public var description: String {
        switch self {
        case .hungUp: "the backend closed the connection"
        case .silent(let what): "the backend did not answer in time: \(what)"
        case .refused(let request, let value): "the backend refused \(request) with \(value)"
        case .malformed(let what): "the backend broke the protocol: \(what)"
        case .host(let what, let error): "cannot \(what): \(error.explained)"
        }
    }

    /// Runs a call of the host, and says what it was for if it fails.
    public static func wrapping<R: ~Copyable>(_ what: String, _ body: () throws(Errno) -> R) throws(BackendFault) -> R {
        do { return try body() } catch { throw .host(what, error) }
    }
}
