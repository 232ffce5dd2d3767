/// What a vhost-user frontend and backend agree on about their messages: VHOST_USER_PROTOCOL_F_*.
public struct ProtocolFeatures: OptionSet, Sendable {
    /// The bits on the wire.
    public let rawValue: UInt64

    /// Makes a set of any bits.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// VHOST_USER_PROTOCOL_F_MQ
    public static let multiqueue = ProtocolFeatures(rawValue: 1 << 0)
    /// VHOST_USER_PROTOCOL_F_REPLY_ACK
    public static let replyAck = ProtocolFeatures(rawValue: 1 << 3)
    /// VHOST_USER_PROTOCOL_F_BACKEND_REQ
    public static let backendRequests = ProtocolFeatures(rawValue: 1 << 5)
    /// VHOST_USER_PROTOCOL_F_CONFIG
    public static let config = ProtocolFeatures(rawValue: 1 << 9)
    /// VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD
    public static let backendSendsDescriptors = ProtocolFeatures(rawValue: 1 << 10)
    /// VHOST_USER_PROTOCOL_F_RESET_DEVICE
    public static let resetDevice = ProtocolFeatures(rawValue: 1 << 13)
    /// VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS
    public static let configureMemorySlots = ProtocolFeatures(rawValue: 1 << 15)
}
