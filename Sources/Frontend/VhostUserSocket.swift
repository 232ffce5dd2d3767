import CLinux
import Linux
import SystemPackage

/// The frontend's end of a vhost-user socket: messages as they are, sensible or not.
public struct VhostUserSocket: ~Copyable, Sendable {
    /// A message from the backend.
    public struct Answer: Sendable {
        /// What it answers.
        public let request: VhostUserRequest
        /// Version and flags of the header.
        public let flags: UInt32
        /// What follows the header.
        public let payload: [UInt8]
    }

    /// The version every message carries in the lowest two bits of its flags.
    public static let version: UInt32 = 1
    /// The backend is to acknowledge the message (REPLY_ACK).
    public static let needReply: UInt32 = 1 << 3
    private static let isReply: UInt32 = 1 << 2
    /// struct vhost_user_header.
    private static let headerSize = 12

    /// The connected socket.
    public let descriptor: Descriptor
    /// How long to wait for an answer, in milliseconds.
    public let timeout: CInt

    /// Takes over a connected socket.
    public init(_ descriptor: consuming Descriptor, timeout: CInt = 10_000) {
        self.descriptor = descriptor
        self.timeout = timeout
    }

    /// Connects to a listening backend.
    ///
    /// - Throws: `BackendFault.host` with connect(2)'s error.
    public init(path: String, timeout: CInt = 10_000) throws(BackendFault) {
        let descriptor = try BackendFault.wrapping("connect to \(path)") { () throws(Errno) in
            try Descriptor(result: cl_connect_unix(path))
        }
        self.init(descriptor, timeout: timeout)
    }

    /// Sends a message.
    ///
    /// - Parameters:
    ///   - request: Its number.
    ///   - payload: What follows the header.
    ///   - flags: Added to the version.
    ///   - descriptors: Attached to the first byte.
    ///   - size: What the header says of the payload's length; its true length unless told otherwise.
    /// - Throws: `.hungUp`, or `.host`.
    public func send(
        _ request: VhostUserRequest, _ payload: MessagePayload = MessagePayload(), flags: UInt32 = 0,
        descriptors: [CInt] = [], size: UInt32? = nil
    ) throws(BackendFault) {
        var message = MessagePayload()
        message.append(request.rawValue)
        message.append(Self.version | flags)
        message.append(size ?? UInt32(payload.bytes.count))
        try send(bytes: message.bytes + payload.bytes, descriptors: descriptors)
    }

    /// Sends any bytes, with descriptors attached to the first of them.
    ///
    /// - Throws: `.hungUp`, or `.host`.
    public func send(bytes: [UInt8], descriptors: [CInt] = []) throws(BackendFault) {
        var sent = 0
        while sent < bytes.count {
            let result = bytes.withUnsafeBytes { buffer -> Int in
                guard let start = buffer.baseAddress else { return 0 }
                return cl_send(
                    self.descriptor.number, start + sent, buffer.count - sent, descriptors,
                    sent == 0 ? UInt32(descriptors.count) : 0)
            }
            guard result >= 0 else {
                let error = Errno(rawValue: CInt(truncatingIfNeeded: 0 - result))
                if error == .brokenPipe || error == .connectionReset { throw .hungUp }
                throw .host("send to the backend", error)
            }
            sent += result
        }
    }

    /// Reads the next message.
    ///
    /// - Parameter request: What it has to be the reply to.
    /// - Returns: The message.
    /// - Throws: `.silent`, `.hungUp`, `.malformed` when it is no reply to `request`, or `.host`.
    public func receive(replyTo request: VhostUserRequest) throws(BackendFault) -> Answer {
        let header = try read(Self.headerSize, waitingFor: "\(request)")
        let answer = Answer(
            request: VhostUserRequest(rawValue: Self.integer(header, at: 0)), flags: Self.integer(header, at: 4),
            payload: try read(Int(Self.integer(header, at: 8) as UInt32), waitingFor: "the payload of \(request)"))
        guard answer.request == request, answer.flags & 3 == Self.version, answer.flags & Self.isReply != 0 else {
            throw .malformed("\(answer.request) with flags \(answer.flags) came where a reply to \(request) was due")
        }
        return answer
    }

    /// Reads a reply that is one 64-bit value.
    ///
    /// - Throws: As `receive`, and `.malformed` for another size.
    public func receiveValue(replyTo request: VhostUserRequest) throws(BackendFault) -> UInt64 {
        let payload = try receive(replyTo: request).payload
        guard payload.count == 8 else { throw .malformed("the reply to \(request) has \(payload.count) bytes, not 8") }
        return Self.integer(payload, at: 0)
    }

    /// Waits until the backend closes the connection, throwing away what it still sends.
    ///
    /// - Throws: `.silent` when it does not.
    public func expectHangUp() throws(BackendFault) {
        while true {
            do { _ = try read(1, waitingFor: "the end of the connection") } catch .hungUp { return }
        }
    }

    /// Closes both directions, as a frontend that dies does.
    public func hangUp() {
        _ = cl_shutdown_socket(descriptor.number)
    }

    /// The integer that lies at `offset` of a payload; zero past its end.
    public static func integer<T: FixedWidthInteger>(_ bytes: [UInt8], at offset: Int) -> T {
        guard offset + MemoryLayout<T>.size <= bytes.count else { return 0 }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: T.self) }
    }

    private func read(_ count: Int, waitingFor what: String) throws(BackendFault) -> [UInt8] {
        guard count <= 65_536 else { throw .malformed("\(what) claims \(count) bytes") }
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            var poll = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
            if cl_poll(&poll, 1, timeout) == 0 { throw .silent(what) }
            let result = bytes.withUnsafeMutableBytes { buffer -> Int in
                guard let start = buffer.baseAddress else { return 0 }
                var room: UInt32 = 0
                return cl_receive(descriptor.number, start + done, count - done, nil, &room)
            }
            if result == 0 || result == -Int(Errno.connectionReset.rawValue) { throw .hungUp }
            guard result > 0 else {
                throw .host("read from the backend", Errno(rawValue: CInt(truncatingIfNeeded: 0 - result)))
            }
            done += result
        }
        return bytes
    }
}
