import CAgent

/// The way of bytes from a command to the link.
final class OutputStream {
    /// The frames that carry it.
    let kind: FrameKind
    /// Closed once nothing more comes: that is how a pipe's writer learns that nobody reads it.
    private var source: Descriptor?
    /// How much the launcher takes before it grants more.
    private var window = streamWindow
    /// The bytes that were there when the command ended and that it is owed; nil while it runs.
    private var owed: Int?
    private var quietSince: Int64 = 0

    /// True once nothing more comes.
    var isFinished: Bool { source == nil }

    /// A stream out of an open descriptor that does not wait.
    init(from source: Descriptor, as kind: FrameKind) {
        self.source = source
        self.kind = kind
    }

    /// The descriptor to watch for bytes; nil while none can be taken.
    var descriptor: Int32? { window > 0 ? source?.number : nil }

    /// Takes the launcher's grant.
    func grant(_ bytes: UInt32) {
        window = min(window + Int(bytes), Int(Int32.max))
        quietSince = Clock.now
    }

    /// True while bytes wait to be passed on.
    var hasUnread: Bool { unread > 0 }

    private var unread: Int { source.map { max(Int(agent_readable_bytes($0.number)), 0) } ?? 0 }

    /// Passes on what is there, one frame of it; false where there is nothing or the launcher takes nothing.
    @discardableResult
    func pump(into link: Link, session: UInt16, buffer: UnsafeMutableRawBufferPointer) -> Bool {
        guard let source, window > 0 else { return false }
        do throws(Errno) {
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(min(window, frameMaximumPayload)))
            let count = try source.read(into: room)
            guard count > 0 else {
                end()
                return false
            }
            link.send(kind, session: session, UnsafeRawBufferPointer(rebasing: room[..<count]))
            window -= count
            owed = owed.map { max($0 - count, 0) }
            quietSince = Clock.now
            return true
        } catch .wouldBlock {
            return false
        } catch {
            // A terminal that its last process has left answers EIO.
            end()
            return false
        }
    }

    /// Ends the stream, whatever is still to come.
    func end() { source = nil }

    /// Starts the wait for the end: the command is gone, but others may still hold the stream open.
    func commandEnded() {
        owed = unread
        quietSince = Clock.now
    }

    /// Ends a stream that only processes left behind hold open. What the command itself wrote is passed on in any case;
    /// those others get a short while, and not for ever to chat.
    func expire(at now: Int64, ended: Int64) {
        guard let owed, window > 0 else { return }
        let isQuiet = now - quietSince >= OutputStream.quiet && !hasUnread
        if isQuiet || (owed == 0 && now - ended >= OutputStream.chatter) { end() }
    }

    /// Milliseconds without a byte after which nobody is expected to write any more.
    static let quiet: Int64 = 200
    private static let chatter: Int64 = 2000
}
