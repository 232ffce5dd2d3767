/// The virtio features that this backend speaks of, as bits of VHOST_USER_GET_FEATURES. Virtio 1.2, 6; bit 30 is
/// vhost-user's own.
public struct DeviceFeatures: OptionSet, Sendable {
    /// The bits, as on the wire.
    public let rawValue: UInt64

    /// Takes the bits as they are, known or not.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// VIRTIO_F_INDIRECT_DESC
    public static let indirectDescriptors = DeviceFeatures(rawValue: 1 << 28)
    /// VIRTIO_F_EVENT_IDX
    public static let eventIndex = DeviceFeatures(rawValue: 1 << 29)
    /// VHOST_USER_F_PROTOCOL_FEATURES
    public static let protocolFeatures = DeviceFeatures(rawValue: 1 << 30)
    /// VIRTIO_F_VERSION_1
    public static let version1 = DeviceFeatures(rawValue: 1 << 32)

    /// All that is offered. A frontend passes on to the guest whatever bit it finds here: only what is built is offered.
    public static let offered: DeviceFeatures = [.indirectDescriptors, .eventIndex, .protocolFeatures, .version1]
}

/// The features of the protocol itself, as bits of VHOST_USER_GET_PROTOCOL_FEATURES.
public struct ProtocolFeatures: OptionSet, Sendable {
    /// The bits, as on the wire.
    public let rawValue: UInt64

    /// Takes the bits as they are, known or not.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// VHOST_USER_PROTOCOL_F_MQ: more than the least number of queues.
    public static let multipleQueues = ProtocolFeatures(rawValue: 1 << 0)
    /// VHOST_USER_PROTOCOL_F_REPLY_ACK: any request can ask for an answer.
    public static let replyAcknowledge = ProtocolFeatures(rawValue: 1 << 3)
    /// VHOST_USER_PROTOCOL_F_RESET_DEVICE
    public static let resetDevice = ProtocolFeatures(rawValue: 1 << 13)
    /// VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS: regions come and go one by one.
    public static let memorySlots = ProtocolFeatures(rawValue: 1 << 15)

    /// All that is offered. Not CONFIG (bit 9): QEMU 7.1 to 7.x crashes on a file-system backend that has it, and the
    /// device's configuration is the frontend's own affair.
    public static let offered: ProtocolFeatures = [.multipleQueues, .replyAcknowledge, .resetDevice, .memorySlots]
}
