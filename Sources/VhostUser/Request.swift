/// The requests of a vhost-user frontend that this backend knows, by their numbers in the protocol's specification
/// (QEMU, docs/interop/vhost-user.rst, "Front-end message types").
public enum Request: UInt32, Sendable, CaseIterable {
    /// VHOST_USER_GET_FEATURES
    case getFeatures = 1
    /// VHOST_USER_SET_FEATURES
    case setFeatures = 2
    /// VHOST_USER_SET_OWNER
    case setOwner = 3
    /// VHOST_USER_RESET_OWNER: deprecated; different frontends meant different things by it.
    case resetOwner = 4
    /// VHOST_USER_SET_MEM_TABLE
    case setMemoryTable = 5
    /// VHOST_USER_SET_VRING_NUM
    case setRingSize = 8
    /// VHOST_USER_SET_VRING_ADDR
    case setRingAddress = 9
    /// VHOST_USER_SET_VRING_BASE
    case setRingBase = 10
    /// VHOST_USER_GET_VRING_BASE
    case getRingBase = 11
    /// VHOST_USER_SET_VRING_KICK
    case setRingKick = 12
    /// VHOST_USER_SET_VRING_CALL
    case setRingCall = 13
    /// VHOST_USER_SET_VRING_ERR
    case setRingError = 14
    /// VHOST_USER_GET_PROTOCOL_FEATURES
    case getProtocolFeatures = 15
    /// VHOST_USER_SET_PROTOCOL_FEATURES
    case setProtocolFeatures = 16
    /// VHOST_USER_GET_QUEUE_NUM
    case getQueueCount = 17
    /// VHOST_USER_SET_VRING_ENABLE
    case setRingEnable = 18
    /// VHOST_USER_RESET_DEVICE
    case resetDevice = 34
    /// VHOST_USER_GET_MAX_MEM_SLOTS
    case getMaximumMemorySlots = 36
    /// VHOST_USER_ADD_MEM_REG
    case addMemoryRegion = 37
    /// VHOST_USER_REM_MEM_REG
    case removeMemoryRegion = 38

    /// Whether the request has an answer of its own, which takes the place of the one that REPLY_ACK gives.
    public var hasReply: Bool {
        switch self {
        case .getFeatures, .getProtocolFeatures, .getQueueCount, .getRingBase, .getMaximumMemorySlots: true
        default: false
        }
    }

    /// The sizes its payload may have, in bytes.
    var payloadSizes: ClosedRange<Int> {
        switch self {
        case .getFeatures, .setOwner, .resetOwner, .getProtocolFeatures, .getQueueCount, .resetDevice,
            .getMaximumMemorySlots:
            0...0
        case .setFeatures, .setProtocolFeatures, .setRingKick, .setRingCall, .setRingError:
            8...8
        case .setRingSize, .setRingBase, .getRingBase, .setRingEnable:
            RingState.size...RingState.size
        case .setRingAddress:
            RingAddress.size...RingAddress.size
        case .setMemoryTable:
            MemoryTable.headerSize...MemoryTable.headerSize + MemoryTable.maximumRegions * MemoryRegion.size
        case .addMemoryRegion, .removeMemoryRegion:
            MemoryRegion.singleSize...MemoryRegion.singleSize
        }
    }

    /// The numbers of descriptors it may carry.
    var descriptorCounts: ClosedRange<Int> {
        switch self {
        case .setRingKick, .setRingCall, .setRingError: 0...1
        case .setMemoryTable: 0...MemoryTable.maximumRegions
        case .addMemoryRegion: 1...1
        // Frontends before 2021 passed the region's descriptor here as well.
        case .removeMemoryRegion: 0...1
        default: 0...0
        }
    }
}
