/// A bucket's device as a status view shows it.
public struct DeviceSummary: Equatable, Sendable {
    /// Which shares it has.
    public let bucket: Bucket
    /// Its request queues beside hiprio.
    public let requestQueues: Int
    /// Whether a frontend is connected.
    public let isServing: Bool
    /// How many shares it has now.
    public let childCount: Int

    /// Its mount tag.
    public var tag: String { bucket.tag }
}
