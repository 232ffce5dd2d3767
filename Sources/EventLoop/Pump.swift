public import SystemPackage

/// Carries bytes from one stream to another, no faster than that one takes them.
///
/// When nobody takes them any more the source is closed, so that whoever writes there learns it as well.
public final class Pump {
    /// The most bytes that wait for the sink before the source is left alone.
    private static let limit = 256 * 1024

    /// What to do with the sink when the source has ended.
    public enum End: Sendable {
        /// It is left open: others write there too.
        case leave
        /// It ends as well.
        case pass
    }

    /// Looks at the bytes before they are carried, and may keep them by answering false.
    public var passes: ([UInt8]) -> Bool = { _ in true }
    /// Called once, when nothing is carried any more: the source has ended and the sink has all of it, or takes no more.
    public var onEnd: () -> Void = {}
    /// Why the sink takes no more; nil while it takes all.
    public var failure: Errno? { sink.writeFailure }
    /// Whether ``onEnd`` has been called.
    public private(set) var hasEnded = false

    private let source: ByteStream
    private let sink: ByteStream
    private let end: End
    private var sourceHasEnded = false

    /// A pump between two streams, whose handlers it takes.
    public init(from source: ByteStream, to sink: ByteStream, end: End) {
        self.source = source
        self.sink = sink
        self.end = end
    }

    /// Begins to carry.
    public func begin() {
        sink.onDrained = { [weak self] in self?.drained() }
        sink.onWriteFailure = { [weak self] _ in self?.fail() }
        source.read { [weak self] in self?.take($0) }
    }

    /// Stops at once. The sink still writes what it has.
    public func stop() {
        source.close()
        sourceHasEnded = true
        if end == .pass { sink.endWriting() }
        if sink.pendingBytes == 0 { finish() }
    }

    private func take(_ input: ByteStream.Input) {
        guard case .bytes(let bytes) = input else { return stop() }
        guard passes(bytes) else { return }
        sink.write(bytes)
        if sink.pendingBytes > Self.limit { source.pauseReading() }
    }

    private func drained() {
        if sourceHasEnded { finish() } else { source.resumeReading() }
    }

    private func fail() {
        source.close()
        sourceHasEnded = true
        finish()
    }

    private func finish() {
        guard !hasEnded else { return }
        hasEnded = true
        onEnd()
    }
}
