internal import CLinux
internal import Linux
internal import SystemPackage

/// A request as it came: known, and of a size and with descriptors that such a request can have.
struct Message {
    let request: Request
    let needsReply: Bool
    let payload: [UInt8]
    /// Owned: what the handler does not keep is closed with the message.
    let descriptors: [SharedDescriptor]
}

/// The framing on a vhost-user socket: header, payload, and descriptors with the header's first byte.
struct Connection: ~Copyable {
    private let socket: CInt

    /// More descriptors than any request has: one too many is seen as such and closed.
    private static let descriptorRoom = MemoryTable.maximumRegions + 1

    /// - Parameter socket: Lent; the owner closes it after the connection is done with.
    init(socket: CInt) {
        self.socket = socket
    }

    /// Waits for the next request.
    ///
    /// - Returns: Nil when the frontend has closed the connection between two messages.
    mutating func receive() throws(ProtocolViolation) -> Message? {
        var descriptors: [SharedDescriptor] = []
        guard let headerBytes = try read(MessageHeader.size, descriptors: &descriptors, atBoundary: true) else {
            return nil
        }
        let header = MessageHeader(headerBytes)
        guard header.flags & 3 == MessageHeader.version, header.flags & MessageHeader.reply == 0 else {
            throw .badHeader(flags: header.flags)
        }
        guard let request = Request(rawValue: header.request) else { throw .unknownRequest(header.request) }
        // Checked before a byte of it is read: no frontend makes this side allocate or wait for more.
        guard request.payloadSizes.contains(Int(header.size)) else { throw .wrongSize(request, size: header.size) }
        guard request.descriptorCounts.contains(descriptors.count) else {
            throw .wrongDescriptorCount(request, count: descriptors.count)
        }
        var none: [SharedDescriptor] = []
        guard let payload = try read(Int(header.size), descriptors: &none, atBoundary: false) else {
            throw .truncatedMessage
        }
        return Message(
            request: request, needsReply: header.flags & MessageHeader.needReply != 0, payload: payload,
            descriptors: descriptors)
    }

    /// Answers a request.
    func reply(to request: Request, _ payload: [UInt8]) throws(ProtocolViolation) {
        let header = MessageHeader(
            request: request.rawValue, flags: MessageHeader.version | MessageHeader.reply, size: UInt32(payload.count))
        let bytes = header.bytes + payload
        var sent = 0
        while sent < bytes.count {
            let result = bytes[sent...].withUnsafeBytes { rest in
                rest.baseAddress.map { cl_send(socket, $0, rest.count, nil, 0) } ?? 0
            }
            do throws(Errno) {
                sent += try checked(result)
            } catch {
                throw .failed(request, error)
            }
        }
    }

    /// Reads exactly `count` bytes; nil when the stream ends before the first of them and that is where it may end.
    private func read(
        _ count: Int, descriptors: inout [SharedDescriptor], atBoundary: Bool
    ) throws(ProtocolViolation) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var position = 0
        while position < count {
            var passed = [CInt](repeating: -1, count: Self.descriptorRoom)
            // Only the first byte of a header has descriptors; without room for them they are closed on arrival.
            var passedCount = atBoundary && position == 0 ? UInt32(Self.descriptorRoom) : 0
            let result = bytes[position...].withUnsafeMutableBytes { rest in
                rest.baseAddress.map { cl_receive(socket, $0, rest.count, &passed, &passedCount) } ?? 0
            }
            for number in passed.prefix(Int(passedCount)) {
                descriptors.append(SharedDescriptor(Descriptor(owning: number)))
            }
            if result == -Int(Errno.messageTooLong.rawValue) { throw .strayDescriptors }
            if result == -Int(Errno.tooManyOpenFiles.rawValue) { throw .tooManyOpenFiles }
            // The owner shuts the socket down to end a session, and a frontend that dies resets it: both are its end.
            if result <= 0 {
                if atBoundary && position == 0 { return nil }
                throw .truncatedMessage
            }
            position += result
        }
        return bytes
    }
}
