/// Cuts a byte stream into frames, however it arrives.
public struct FrameReader: Sendable {
    private var pending: [UInt8] = []
    private var start = 0

    /// True once a header was not one: the stream has no frames any more and must be closed.
    public private(set) var isBroken = false

    /// A reader at the start of a stream.
    public init() {}

    /// Takes the next bytes of the stream.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if start > 0, start == pending.count {
            pending.removeAll(keepingCapacity: true)
            start = 0
        } else if start > frameMaximumPayload {
            pending.removeFirst(start)
            start = 0
        }
        pending.append(contentsOf: bytes)
    }

    /// The next whole frame: its header and payload; nil when more bytes are needed or the stream is broken.
    public mutating func next() -> (header: FrameHeader, payload: [UInt8])? {
        guard !isBroken, pending.count - start >= frameHeaderSize else { return nil }
        let start = self.start
        let header = pending.withUnsafeBytes { FrameHeader(UnsafeRawBufferPointer(rebasing: $0[start...])) }
        guard let header else {
            isBroken = true
            return nil
        }
        let end = start + frameHeaderSize + header.length
        guard pending.count >= end else { return nil }
        let payload = [UInt8](pending[(start + frameHeaderSize)..<end])
        self.start = end
        return (header, payload)
    }
}
