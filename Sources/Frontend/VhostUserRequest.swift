/// The number of a vhost-user message (QEMU, docs/interop/vhost-user.rst, "Front-end message types").
public struct VhostUserRequest: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let getFeatures = VhostUserRequest(rawValue: 1)
    public static let setFeatures = VhostUserRequest(rawValue: 2)
    public static let setOwner = VhostUserRequest(rawValue: 3)
    public static let resetOwner = VhostUserRequest(rawValue: 4)
    public static let setMemoryTable = VhostUserRequest(rawValue: 5)
    public static let setRingSize = VhostUserRequest(rawValue: 8)
    public static let setRingAddress = VhostUserRequest(rawValue: 9)
    public static let setRingBase = VhostUserRequest(rawValue: 10)
    public static let getRingBase = VhostUserRequest(rawValue: 11)
    public static let setRingKick = VhostUserRequest(rawValue: 12)
    public static let setRingCall = VhostUserRequest(rawValue: 13)
    public static let setRingError = VhostUserRequest(rawValue: 14)
    public static let getProtocolFeatures = VhostUserRequest(rawValue: 15)
    public static let setProtocolFeatures = VhostUserRequest(rawValue: 16)
    public static let getQueueCount = VhostUserRequest(rawValue: 17)
    public static let setRingEnable = VhostUserRequest(rawValue: 18)
    public static let setBackendRequestSocket = VhostUserRequest(rawValue: 21)
    public static let getConfig = VhostUserRequest(rawValue: 24)
    public static let resetDevice = VhostUserRequest(rawValue: 34)
    public static let getMaxMemorySlots = VhostUserRequest(rawValue: 36)
    public static let addMemoryRegion = VhostUserRequest(rawValue: 37)
    public static let removeMemoryRegion = VhostUserRequest(rawValue: 38)

    /// The name in the specification.
    public var description: String { Self.names[rawValue] ?? "request \(rawValue)" }

    private static let names: [UInt32: String] = [
        1: "GET_FEATURES", 2: "SET_FEATURES", 3: "SET_OWNER", 4: "RESET_OWNER", 5: "SET_MEM_TABLE", 8: "SET_VRING_NUM",
        9: "SET_VRING_ADDR", 10: "SET_VRING_BASE", 11: "GET_VRING_BASE", 12: "SET_VRING_KICK", 13: "SET_VRING_CALL",
        14: "SET_VRING_ERR", 15: "GET_PROTOCOL_FEATURES", 16: "SET_PROTOCOL_FEATURES", 17: "GET_QUEUE_NUM",
        18: "SET_VRING_ENABLE", 21: "SET_BACKEND_REQ_FD", 24: "GET_CONFIG", 34: "RESET_DEVICE",
        36: "GET_MAX_MEM_SLOTS", 37: "ADD_MEM_REG", 38: "REM_MEM_REG",
    ]
}

/// Device features as the ring knows them (virtio 1.2, 6), with vhost-user's own bit 30.
public struct VirtioFeatures: OptionSet, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// VIRTIO_F_INDIRECT_DESC
    public static let indirectDescriptors = VirtioFeatures(rawValue: 1 << 28)
    /// VIRTIO_F_EVENT_IDX
    public static let eventIndex = VirtioFeatures(rawValue: 1 << 29)
    /// VHOST_USER_F_PROTOCOL_FEATURES
    public static let protocolFeatures = VirtioFeatures(rawValue: 1 << 30)
    /// VIRTIO_F_VERSION_1
    public static let version1 = VirtioFeatures(rawValue: 1 << 32)
}

/// VHOST_USER_PROTOCOL_F_*.
public struct ProtocolFeatures: OptionSet, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let multiqueue = ProtocolFeatures(rawValue: 1 << 0)
    public static let replyAck = ProtocolFeatures(rawValue: 1 << 3)
    public static let backendRequests = ProtocolFeatures(rawValue: 1 << 5)
    public static let config = ProtocolFeatures(rawValue: 1 << 9)
    public static let backendSendsDescriptors = ProtocolFeatures(rawValue: 1 << 10)
    public static let resetDevice = ProtocolFeatures(rawValue: 1 << 13)
    public static let configureMemorySlots = ProtocolFeatures(rawValue: 1 << 15)
}
