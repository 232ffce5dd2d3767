/// How a VMM of some age speaks vhost-user: what it says, in which order, and which acknowledgements it waits for.
public enum Dialect: String, CaseIterable, Sendable {
    /// QEMU 7.2: the first that enables rings; never resets.
    case qemu7 = "7.2"
    /// QEMU 8.2: resets the device before the first start and waits for a ring to be enabled.
    case qemu8 = "8.2"
    /// QEMU 10.0.
    case qemu10 = "10.0"
    /// QEMU 11: waits for kick, call and error descriptors to be taken over as well.
    case qemu11 = "11.0"

    /// RESET_DEVICE is sent where the backend knows it.
    var resetsDevice: Bool { self != .qemu7 }
    /// SET_VRING_ENABLE is sent with NEED_REPLY.
    var awaitsEnable: Bool { self != .qemu7 }
    /// SET_VRING_KICK, SET_VRING_CALL and SET_VRING_ERR are sent with NEED_REPLY.
    var awaitsRingDescriptors: Bool { self == .qemu11 }
}
