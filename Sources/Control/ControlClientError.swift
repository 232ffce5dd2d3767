internal import Linux
public import SystemPackage

/// Why a VM did not answer.
public enum ControlClientError: Error, Equatable, CustomStringConvertible {
    /// Nobody could be reached at the path: `ENOENT` where there is no socket, `ECONNREFUSED` where nobody listens any more,
    /// `ENAMETOOLONG` past 107 bytes.
    case cannotConnect(path: FilePath, Errno)
    /// The VM took longer than the call may.
    case timedOut
    /// The VM closed the connection, as it does when it ends.
    case disconnected
    /// The connection failed.
    case failed(Errno)
    /// Whoever is there does not speak the protocol; an excerpt of what it said.
    case malformed(String)
    /// The VM speaks another version of the protocol.
    case otherProtocol(Int)
    /// The VM did not do what it was asked for.
    case refused(ControlFailure)

    /// For people.
    public var description: String {
        switch self {
        case .cannotConnect(let path, let error): "nobody can be reached at '\(path)': \(error.explained)"
        case .timedOut: "the VM does not answer"
        case .disconnected: "the VM closed the connection: it has ended, most likely"
        case .failed(let error): "the connection to the VM failed: \(error.explained)"
        case .malformed(let excerpt): "what answers is no VM of Sheaf's: it says '\(excerpt)'"
        case .otherProtocol(let version):
            "the VM speaks version \(version) of the protocol, and not \(Greeting.currentProtocol): "
                + "it was started by another version of Sheaf"
        case .refused(let failure): failure.message
        }
    }
}
