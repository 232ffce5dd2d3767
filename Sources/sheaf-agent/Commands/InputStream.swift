import CAgent

/// The way of bytes from the link to a command's standard input.
final class InputStream {
    /// Closed as soon as nothing more is written: that is how a pipe's reader learns of the end.
    private var target: Descriptor?
    private let isTerminal: Bool
    private var pending: [UInt8] = []
    private var written = 0
    private var endsAfterPending = false
    private var lastByte: UInt8 = 0x0a
    /// Bytes that the launcher may send again and has not been told of.
    private var ungranted = 0

    private var isFinished: Bool { target == nil }

    /// A stream into an open descriptor that does not wait.
    init(into target: Descriptor, isTerminal: Bool) {
        self.target = target
        self.isTerminal = isTerminal
    }

    /// The descriptor to watch for room; nil while there is nothing to write.
    var descriptor: Int32? { written < pending.count ? target?.number : nil }

    /// Takes bytes of the launcher; false where they are more than it was granted.
    func append(_ bytes: [UInt8]) -> Bool {
        // A command that reads no more gets no more, and the launcher no credit: so its source waits, as at a full pipe.
        if isFinished || endsAfterPending { return true }
        guard pending.count - written + bytes.count <= streamWindow else { return false }
        pending.append(contentsOf: bytes)
        return true
    }

    /// Ends the stream once all is written.
    func end() {
        guard !endsAfterPending, let target else { return }
        if isTerminal {
            // A terminal has no end: its end-of-file byte says so at a line's start, and elsewhere only ends the line.
            let mark = agent_terminal_end_of_file(target.number)
            if (pending.last ?? lastByte) != 0x0a { pending.append(mark) }
            pending.append(mark)
        }
        endsAfterPending = true
    }

    /// Writes what there is room for; the number of bytes to grant the launcher, 0 while it has enough.
    func flush() -> Int {
        while written < pending.count, let target {
            let count: Int
            do throws(Errno) {
                count = try pending.withUnsafeBufferPointer { (bytes) throws(Errno) in
                    try target.write(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[written...])))
                }
            } catch .wouldBlock {
                break
            } catch {
                discard()
                return 0
            }
            written += count
            ungranted += count
        }
        if written == pending.count {
            lastByte = pending.last ?? lastByte
            pending.removeAll(keepingCapacity: true)
            written = 0
            if endsAfterPending { target = nil }
        } else if written >= streamWindow / 2 {
            pending.removeFirst(written)
            written = 0
        }
        guard ungranted >= streamWindow / 4, !isFinished else { return 0 }
        defer { ungranted = 0 }
        return ungranted
    }

    /// Ends the stream at once.
    func discard() {
        pending.removeAll()
        written = 0
        target = nil
    }
}
