/// A live `unmount` of a target. Answered by a `result` of the same id.
public struct UnmountRequest: Sendable {
    /// Chosen by the launcher, given back in the `result`.
    public var id: UInt32
    /// Set where the target is detached even while it is in use; without it a busy target is an error.
    public var isLazy: Bool
    /// The target: an absolute path, as the guest sees it.
    public var target: [UInt8]

    /// A request to unmount this target.
    public init(id: UInt32, isLazy: Bool, target: [UInt8]) {
        self.id = id
        self.isLazy = isLazy
        self.target = target
    }

    /// Reads a request from its payload; nil for one that is cut short or whose target is no absolute path.
    public init?(payload: [UInt8]) {
        var reader = PayloadReader(payload)
        guard let id = reader.word(), let flags = reader.byte(), let target = reader.string(), isAbsolutePath(target)
        else { return nil }
        self.init(id: id, isLazy: flags & 1 != 0, target: target)
    }

    /// The request as a payload.
    public var payload: [UInt8] {
        var writer = PayloadWriter()
        writer.append(id)
        writer.append(UInt8(isLazy ? 1 : 0))
        writer.append(target)
        return writer.bytes
    }
}
