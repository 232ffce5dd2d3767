/// One virtio-fs device that serves many shares.
public struct AggregateStatus: Codable, Equatable, Sendable {
    /// Which shares it has: `rw` or `ro`; `wb` those with `writeback`, `fixed` those with `ro,cache=always`.
    public var bucket: String
    /// The tag that the guest mounts it by.
    public var tag: String
    /// How the guest has it: `boot` from the start, `hot-plugged` since, `external` in a QEMU that is not Sheaf's.
    public var device: String
    /// Whether a QEMU is connected.
    public var isConnected: Bool
    /// Its request queues, each with a thread of the launcher's.
    public var requestQueues: Int
    /// How many shares it has.
    public var children: Int

    /// A device.
    public init(
        bucket: String, tag: String, device: String, isConnected: Bool, requestQueues: Int, children: Int
    ) {
        self.bucket = bucket
        self.tag = tag
        self.device = device
        self.isConnected = isConnected
        self.requestQueues = requestQueues
        self.children = children
    }
}
