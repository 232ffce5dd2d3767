/// The number of a vhost-user message (QEMU, docs/interop/vhost-user.rst, "Front-end message types").
public struct VhostUserRequest: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The number on the wire.
    public let rawValue: UInt32

    /// Makes a request of any number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The device features that the backend offers. GET_FEATURES.
    public static let getFeatures = VhostUserRequest(rawValue: 1)
    /// The device features that are agreed on. SET_FEATURES.
    public static let setFeatures = VhostUserRequest(rawValue: 2)
    /// Claims the device. SET_OWNER.
    public static let setOwner = VhostUserRequest(rawValue: 3)
    /// Gives the claim up; deprecated. RESET_OWNER.
    public static let resetOwner = VhostUserRequest(rawValue: 4)
    /// All of guest memory at once. SET_MEM_TABLE.
    public static let setMemoryTable = VhostUserRequest(rawValue: 5)
    /// Entries of a ring. SET_VRING_NUM.
    public static let setRingSize = VhostUserRequest(rawValue: 8)
    /// Where a ring lies. SET_VRING_ADDR.
    public static let setRingAddress = VhostUserRequest(rawValue: 9)
    /// Where a ring goes on. SET_VRING_BASE.
    public static let setRingBase = VhostUserRequest(rawValue: 10)
    /// Stops a ring and asks where. GET_VRING_BASE.
    public static let getRingBase = VhostUserRequest(rawValue: 11)
    /// What the driver signals. SET_VRING_KICK.
    public static let setRingKick = VhostUserRequest(rawValue: 12)
    /// What the device signals. SET_VRING_CALL.
    public static let setRingCall = VhostUserRequest(rawValue: 13)
    /// What the device signals when a ring breaks. SET_VRING_ERR.
    public static let setRingError = VhostUserRequest(rawValue: 14)
    /// The protocol features that the backend offers. GET_PROTOCOL_FEATURES.
    public static let getProtocolFeatures = VhostUserRequest(rawValue: 15)
    /// The protocol features that are agreed on. SET_PROTOCOL_FEATURES.
    public static let setProtocolFeatures = VhostUserRequest(rawValue: 16)
    /// How many rings the backend has. GET_QUEUE_NUM.
    public static let getQueueCount = VhostUserRequest(rawValue: 17)
    /// Whether a ring is served. SET_VRING_ENABLE.
    public static let setRingEnable = VhostUserRequest(rawValue: 18)
    /// A socket for messages from the backend. SET_BACKEND_REQ_FD.
    public static let setBackendRequestSocket = VhostUserRequest(rawValue: 21)
    /// Device configuration; not for vhost-user-fs. GET_CONFIG.
    public static let getConfig = VhostUserRequest(rawValue: 24)
    /// All rings back to how they began. RESET_DEVICE.
    public static let resetDevice = VhostUserRequest(rawValue: 34)
    /// How many regions the backend takes. GET_MAX_MEM_SLOTS.
    public static let getMaxMemorySlots = VhostUserRequest(rawValue: 36)
    /// One more region of guest memory. ADD_MEM_REG.
    public static let addMemoryRegion = VhostUserRequest(rawValue: 37)
    /// One region fewer. REM_MEM_REG.
    public static let removeMemoryRegion = VhostUserRequest(rawValue: 38)

    /// The name in the specification.
    public var description: String { Self.names[rawValue] ?? "request \(rawValue)" }

    private static let names: [UInt32: String] = [
        1: "GET_FEATURES", 2: "SET_FEATURES", 3: "SET_OWNER", 4: "RESET_OWNER", 5: "SET_MEM_TABLE",
        8: "SET_VRING_NUM", 9: "SET_VRING_ADDR", 10: "SET_VRING_BASE", 11: "GET_VRING_BASE", 12: "SET_VRING_KICK",
        13: "SET_VRING_CALL", 14: "SET_VRING_ERR", 15: "GET_PROTOCOL_FEATURES", 16: "SET_PROTOCOL_FEATURES",
        17: "GET_QUEUE_NUM", 18: "SET_VRING_ENABLE", 21: "SET_BACKEND_REQ_FD", 24: "GET_CONFIG", 34: "RESET_DEVICE",
        36: "GET_MAX_MEM_SLOTS", 37: "ADD_MEM_REG", 38: "REM_MEM_REG",
    ]
}
