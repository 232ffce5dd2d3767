internal import Linux
public import SystemPackage
public import Virtio

/// Why a frontend's connection cannot go on. The session ends with it; the text is for the log.
public enum ProtocolViolation: Error, Equatable, Sendable {
    /// A header whose version is not 1, or that claims to be a reply.
    case badHeader(flags: UInt32)
    /// A request this backend does not know or did not offer.
    case unknownRequest(UInt32)
    /// A payload of a size that the request does not have.
    case wrongSize(Request, size: UInt32)
    /// More or fewer descriptors than the request has.
    case wrongDescriptorCount(Request, count: Int)
    /// Descriptors that came otherwise than with the first byte of a header, or more than any request has.
    case strayDescriptors
    /// Descriptors that this process has no room for: the frontend is not to blame, but they are lost.
    case tooManyOpenFiles
    /// The connection ended within a message.
    case truncatedMessage
    /// Feature bits that were not offered.
    case featuresNotOffered(Request, bits: UInt64)
    /// A ring beyond the device's.
    case noSuchRing(Request, index: UInt64)
    /// A value that the field cannot have.
    case badValue(Request, value: UInt64)
    /// A request that the state of its ring or of the session forbids.
    case wrongState(Request, reason: StaticReason)
    /// A ring whose parts are misaligned or not in guest memory.
    case badRingLayout(ring: Int)
    /// A memory table that contradicts itself.
    case badMemoryTable(Request, GuestMemoryError)
    /// A system call that the request needed has failed.
    case failed(Request, Errno)

    /// The states that forbid a request.
    public enum StaticReason: String, Sendable {
        /// The ring takes requests.
        case ringIsRunning = "the ring is running"
        /// VHOST_USER_F_PROTOCOL_FEATURES is needed for it.
        case protocolFeaturesNotAgreed = "VHOST_USER_F_PROTOCOL_FEATURES was not agreed on"
        /// The protocol feature the request belongs to is needed for it.
        case featureNotAgreed = "its protocol feature was not agreed on"
        /// Size and addresses have to come first.
        case ringIsNotConfigured = "the ring has no size or no addresses yet"
    }
}

extension ProtocolViolation: CustomStringConvertible {
    /// One sentence without a full stop.
    public var description: String {
        switch self {
        case .badHeader(let flags): "a message header has the flags 0x\(String(flags, radix: 16))"
        case .unknownRequest(let number): "request \(number) is unknown or was not offered"
        case .wrongSize(let request, let size): "\(request) has \(size) bytes of payload"
        case .wrongDescriptorCount(let request, let count): "\(request) carries \(count) descriptors"
        case .strayDescriptors: "descriptors came where no request has any, or too many at once"
        case .tooManyOpenFiles: "the limit of open files was reached, and descriptors of a request were lost (EMFILE)"
        case .truncatedMessage: "the connection ended within a message"
        case .featuresNotOffered(let request, let bits):
            "\(request) asks for 0x\(String(bits, radix: 16)), which was not offered"
        case .noSuchRing(let request, let index): "\(request) names ring \(index), which the device does not have"
        case .badValue(let request, let value): "\(request) has the value \(value), which it cannot have"
        case .wrongState(let request, let reason): "\(request) came although \(reason.rawValue)"
        case .badRingLayout(let ring): "ring \(ring) is misaligned, of an odd size, or not in guest memory"
        case .badMemoryTable(let request, .overlappingRegions): "\(request) makes two memory regions overlap"
        case .badMemoryTable(let request, .noSuchRegion): "\(request) names a memory region that is not there"
        case .failed(let request, let error): "\(request) failed: \(error.explained)"
        }
    }
}
