import FUSE
import SystemPackage

/// Every call throws the server's `Errno`, or a `BackendFault`.
extension FuseClient {
    /// The value of an extended attribute.
    public func getxattr(_ node: NodeID, _ name: FileName, room: Int = 4096) throws -> [UInt8] {
        try call(opcode: .getxattr, node: node, reply: .data(upTo: room)) { request in
            request.append(GetxattrIn { $0.size = UInt32(room) })
            request.append(name)
        }.data()
    }

    /// How many bytes the value of an extended attribute has.
    public func getxattrSize(_ node: NodeID, _ name: FileName) throws -> UInt32 {
        try call(.getxattr, node, returning: GetxattrOut.self) { request in
            request.append(GetxattrIn())
            request.append(name)
        }.size
    }

    /// The names of all extended attributes.
    public func listxattr(_ node: NodeID, room: Int = 4096) throws -> [FileName] {
        let bytes = try call(opcode: .listxattr, node: node, reply: .data(upTo: room)) { request in
            request.append(GetxattrIn { $0.size = UInt32(room) })
        }.data()
        return bytes.split(separator: 0).map { FileName(bytes: [UInt8]($0)) }
    }

    /// How many bytes the names of all extended attributes have.
    public func listxattrSize(_ node: NodeID) throws -> UInt32 {
        try call(.listxattr, node, returning: GetxattrOut.self) { $0.append(GetxattrIn()) }.size
    }

    /// Sets an extended attribute, in the short form that is used without SETXATTR_EXT.
    public func setxattr(_ node: NodeID, _ name: FileName, _ value: [UInt8]) throws {
        try callWithoutResult(.setxattr, node) { request in
            request.append(SetxattrIn { $0.size = UInt32(value.count) })
            request.append(name)
            request.append(bytes: value)
        }
    }

    /// Removes an extended attribute.
    public func removexattr(_ node: NodeID, _ name: FileName) throws {
        try callWithoutResult(.removexattr, node) { $0.append(name) }
    }
}
