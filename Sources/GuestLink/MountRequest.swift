/// A live `mount`: one more child for the agent to bind. Answered by a `result` of the same id.
public struct MountRequest: Sendable {
    /// Chosen by the launcher, given back in the `result`.
    public var id: UInt32
    /// The child and its target.
    public var share: ShareSetting

    /// A request to bind this share.
    public init(id: UInt32, share: ShareSetting) {
        self.id = id
        self.share = share
    }

    /// Reads a request from its payload; nil for one that is cut short or names what cannot be a child or a target.
    public init?(payload: [UInt8]) {
        var reader = PayloadReader(payload)
        guard let id = reader.word(), let number = reader.byte(), let bucket = Bucket(rawValue: number),
            let subname = reader.string(), isPathComponent(subname), let target = reader.string(),
            isAbsolutePath(target)
        else { return nil }
        self.init(id: id, share: ShareSetting(bucket: bucket, subname: subname, target: target))
    }

    /// The request as a payload: id (u32), bucket (u8), subname, target.
    public var payload: [UInt8] {
        var writer = PayloadWriter()
        writer.append(id)
        writer.append(share.bucket.rawValue)
        writer.append(share.subname)
        writer.append(share.target)
        return writer.bytes
    }
}
