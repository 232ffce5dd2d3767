import FUSE
import SystemPackage

extension FuseClient {
    /// What Linux 6.12 offers at INIT.
    public static let linuxFlags = InitFlags(low: 0x7BFF_FFFB, high: 0x1FF)

    /// Starts a session, as the first request of a mount.
    ///
    /// - Parameters:
    ///   - major: Of the protocol version that is offered.
    ///   - minor: Of the protocol version that is offered.
    ///   - flags: What is offered. Without `.extended` the short form is sent, as guests before Linux 5.17 do.
    /// - Returns: What the server agrees to.
    /// - Throws: The server's `Errno`, or a `BackendFault`.
    @discardableResult
    public func initialize(
        major: UInt32 = 7, minor: UInt32 = 41, flags: InitFlags = FuseClient.linuxFlags
    ) throws -> InitOut {
        let reply = try call(opcode: .initialize, node: .none, reply: .exactly(InitOut.byteCount)) { request in
            request.append(
                InitIn {
                    $0.major = major
                    $0.minor = minor
                    $0.maxReadahead = 131_072
                    $0.flags = flags.low
                })
            if flags.contains(.extended) { request.append(InitExtension { $0.flags2 = flags.high }) }
        }
        return try reply.structure(InitOut.self)
    }

    /// Ends the session, as an unmount does.
    ///
    /// - Throws: The server's `Errno`, or a `BackendFault`.
    public func destroy() throws {
        try callWithoutResult(.destroy, .root)
    }

    /// Gives references to a node back. Has no reply; returns when the chain has come back.
    ///
    /// - Throws: A `BackendFault`.
    public func forget(_ node: NodeID, count: UInt64 = 1) throws {
        _ = try call(opcode: .forget, node: node, reply: .none) { request in
            request.append(ForgetIn { $0.count = count })
        }
    }

    /// Gives references to many nodes back. Has no reply; returns when the chain has come back.
    ///
    /// - Throws: A `BackendFault`.
    public func forget(_ nodes: [(node: NodeID, count: UInt64)]) throws {
        _ = try call(opcode: .batchForget, node: .none, reply: .none) { request in
            request.append(BatchForgetIn { $0.count = UInt32(nodes.count) })
            for forgotten in nodes {
                request.append(
                    ForgetOne {
                        $0.node = forgotten.node
                        $0.count = forgotten.count
                    })
            }
        }
    }

    /// Makes a request whose reply is a header alone.
    func callWithoutResult(
        _ opcode: Opcode, _ node: NodeID, data: [UInt8] = [], _ write: (inout RequestWriter) -> Void = { _ in }
    ) throws {
        if let error = try call(opcode: opcode, node: node, reply: .empty, data: data, write).error { throw error }
    }

    /// Makes a request whose reply is one structure.
    func call<T: WireStructure>(
        _ opcode: Opcode, _ node: NodeID, data: [UInt8] = [], returning: T.Type,
        _ write: (inout RequestWriter) -> Void = { _ in }
    ) throws -> T {
        try call(opcode: opcode, node: node, reply: .exactly(T.byteCount), data: data, write).structure(T.self)
    }
}
