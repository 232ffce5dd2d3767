public import SystemPackage

/// Why a QMP command has no answer.
public enum QMPError: Error, Equatable, CustomStringConvertible {
    /// QEMU refused: its error class and its own words.
    case refused(command: String, errorClass: String, description: String)
    /// QEMU has ended, or closed the connection, before it answered.
    case disconnected
    /// The connection failed.
    case failed(Errno)
    /// QEMU, or whoever is there, does not speak QMP; an excerpt of what it said.
    case malformed(String)

    /// For people.
    public var description: String {
        switch self {
        case .refused(let command, _, let description): "QEMU refused \(command): \(description)"
        case .disconnected: "QEMU closed its monitor connection"
        case .failed(let errno): "the connection to QEMU's monitor failed: \(errno.description)"
        case .malformed(let excerpt): "QEMU's monitor sent what is not QMP: \(excerpt)"
        }
    }
}
