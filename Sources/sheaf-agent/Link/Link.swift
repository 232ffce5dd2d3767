import CAgent

/// The agent's end of the link: frames in, frames out, never waiting for the launcher.
final class Link {
    /// What came of an attempt to read.
    enum Reading {
        /// There may be frames.
        case open
        /// The launcher has gone.
        case closed
        case broken
    }

    private let port: Descriptor
    private var reader = FrameReader()
    private var outgoing: [UInt8] = []
    private var sent = 0
    private var buffer = [UInt8](repeating: 0, count: 64 * 1024)

    /// A link over an open port.
    init(over port: Descriptor) { self.port = port }

    /// The port, to be watched.
    var descriptor: Int32 { port.number }

    /// True while frames wait for room in the port.
    var hasOutgoing: Bool { sent < outgoing.count }

    /// True where the launcher has the other end open.
    var isConnected: Bool { Port.isConnected(port) }

    /// Sends a frame, or keeps it until there is room.
    func send(_ kind: FrameKind, session: UInt16 = 0, _ payload: [UInt8] = []) {
        payload.withUnsafeBytes { send(kind, session: session, $0) }
    }

    /// Sends a frame with a payload that lies elsewhere.
    func send(_ kind: FrameKind, session: UInt16, _ payload: UnsafeRawBufferPointer) {
        let payload = UnsafeRawBufferPointer(rebasing: payload.prefix(frameMaximumPayload))
        FrameHeader(kind: kind, session: session, length: payload.count).append(to: &outgoing)
        outgoing.append(contentsOf: payload)
        flush()
    }

    /// Says what failed.
    func send(_ failure: Failure, session: UInt16) {
        var writer = PayloadWriter()
        writer.append(UInt32(failure.reason.code))
        writer.appendRemainder(failure.attempt.bytes)
        send(.failed, session: session, writer.bytes)
    }

    /// Answers a `mount` or `unmount`.
    func send(result: Errno?, to request: UInt32, _ attempt: Text) {
        var writer = PayloadWriter()
        writer.append(request)
        writer.append(UInt32(result?.code ?? 0))
        writer.appendRemainder(attempt.bytes)
        send(.result, writer.bytes)
    }

    /// Writes what the port has room for.
    func flush() {
        while hasOutgoing {
            let count = outgoing.withUnsafeBytes { bytes in
                (try? port.write(UnsafeRawBufferPointer(rebasing: bytes[sent...]))) ?? 0
            }
            if count == 0 { break }
            sent += count
        }
        if sent == outgoing.count {
            outgoing.removeAll(keepingCapacity: outgoing.count <= streamWindow)
            sent = 0
        } else if sent > streamWindow {
            outgoing.removeFirst(sent)
            sent = 0
        }
    }

    /// Waits until all is written, for `limit` milliseconds at most.
    func drain(for limit: Int64) {
        _ = Clock.poll(every: 5, for: limit) { () -> Bool? in
            flush()
            return hasOutgoing ? nil : true
        }
    }

    /// Reads what the port has.
    func receive() -> Reading {
        do throws(Errno) {
            let count = try buffer.withUnsafeMutableBufferPointer { (bytes) throws(Errno) in
                try port.read(into: UnsafeMutableRawBufferPointer(bytes))
            }
            guard count > 0 else { return .closed }
            buffer.withUnsafeBytes { reader.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            return .open
        } catch .wouldBlock {
            return .open
        } catch {
            return .closed
        }
    }

    /// The next frame that has come whole; nil when there is none.
    func next() -> (header: FrameHeader, payload: [UInt8])? { reader.next() }

    /// True once what came was no frame.
    var isBroken: Bool { reader.isBroken }

    /// Waits for the next frame; nil once the launcher has gone or talks another language.
    func waitForFrame() -> (header: FrameHeader, payload: [UInt8])? {
        while true {
            if let frame = next() { return frame }
            if isBroken { return nil }
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN | (hasOutgoing ? POLLOUT : 0)), revents: 0)
            poll(&entry, 1, -1)
            flush()
            if case .closed = receive(), !waitForReturn() { return nil }
        }
    }

    /// Gives a launcher that seems to be gone a moment to be back; false where it stays away.
    func waitForReturn() -> Bool {
        Clock.poll(every: 20, for: 1000) { isConnected ? true : nil } != nil
    }
}
