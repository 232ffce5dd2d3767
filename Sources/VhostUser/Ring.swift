internal import Linux
internal import Virtio

/// What the frontend has said about one ring.
struct Ring {
    var size: UInt32?
    var address: RingAddress?
    /// The first available entry to take at the next start.
    var next: UInt16 = 0
    /// A kick descriptor came (or the word that there is none), and no GET_VRING_BASE since: "the ring is started".
    var isStarted = false
    var kick: SharedDescriptor?
    var isEnabled = false
    /// The device serves it.
    var isRunning = false

    /// Forgets all but the calling and the error descriptor, which the device holds: a frontend sends those once.
    mutating func reset(enabled: Bool) {
        self = Ring()
        isEnabled = enabled
    }
}
