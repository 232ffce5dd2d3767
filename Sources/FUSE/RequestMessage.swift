/// A request as a guest would send it: for tests and load generators.
public struct RequestMessage: Sendable {
    /// The whole request; its header's length is always right.
    public private(set) var bytes: [UInt8] = []
    private var header: InHeader

    /// Starts a request with nothing but its header.
    public init(
        _ opcode: Opcode, node: NodeID = .root, unique: UInt64 = 1, uid: UInt32 = 0, gid: UInt32 = 0, pid: UInt32 = 0
    ) {
        header = InHeader {
            $0.opcode = opcode
            $0.node = node
            $0.unique = unique
            $0.uid = uid
            $0.gid = gid
            $0.pid = pid
        }
        bytes = [UInt8](repeating: 0, count: InHeader.byteCount)
        sealLength()
    }

    /// Adds a structure.
    public func adding(_ structure: some WireStructure) -> RequestMessage {
        structure.withBytes { adding(bytes: $0) }
    }

    /// Adds a string and its NUL.
    public func adding(name: String) -> RequestMessage {
        var copy = self
        copy.bytes.append(contentsOf: name.utf8)
        copy.bytes.append(0)
        copy.sealLength()
        return copy
    }

    /// Adds bytes as they are.
    public func adding(bytes more: some Sequence<UInt8>) -> RequestMessage {
        var copy = self
        copy.bytes.append(contentsOf: more)
        copy.sealLength()
        return copy
    }

    /// Adds an extension, after everything else: a multiple of 8 bytes, its head included.
    public func adding(extension more: [UInt8]) -> RequestMessage {
        var copy = self
        copy.header.extensionLength &+= UInt16(truncatingIfNeeded: more.count / 8)
        copy.bytes.append(contentsOf: more)
        copy.sealLength()
        return copy
    }

    private mutating func sealLength() {
        header.length = UInt32(truncatingIfNeeded: bytes.count)
        header.withBytes { header in
            for index in 0..<header.count { bytes[index] = header[index] }
        }
    }
}
