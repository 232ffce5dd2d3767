/// Device features as the ring knows them (virtio 1.2, 6), with vhost-user's own bit 30.
public struct VirtioFeatures: OptionSet, Sendable {
    /// The bits on the wire.
    public let rawValue: UInt64

    /// Makes a set of any bits.
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
