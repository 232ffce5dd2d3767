import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import SystemPackage

/// GETXATTR, LISTXATTR, SETXATTR, REMOVEXATTR. What the host's file system refuses is refused for this file only.
extension RequestDispatcher {
    func getxattr(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try request.structure(GetxattrIn.self)
        var rest = try request.rest(after: GetxattrIn.self)
        let name = try RequestDispatcher.attributeName(&rest)
        guard rest.isEmpty else { throw .invalidArgument }
        if node.zone == .hidden { throw .noData }
        return try node.withDescriptor { (held) throws(Errno) in
            do throws(Errno) {
                return try sendValue(asked.size, reply) { cl_getxattr_held(held, name.start, $0, $1) }
            } catch .notSupported {
                // A guest that goes by lists takes a file system without any for one where nobody may do anything.
                let hasNone = session.flags.contains(.posixACL) && RequestDispatcher.isAccessList(name)
                throw hasNone ? .noData : .notSupported
            }
        }
    }

    func listxattr(_ request: Request, _ reply: Reply, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try request.structure(GetxattrIn.self)
        if node.zone == .hidden { return asked.size == 0 ? try reply.send(GetxattrOut()) : reply.done() }
        return try node.withDescriptor { (held) throws(Errno) in
            try sendValue(asked.size, reply) { buffer, size in
                if request.header.uid != 0, keepsPrivileges { return namesForOthers(held, buffer, size) }
                return cl_listxattr_held(held, buffer?.assumingMemoryBound(to: CChar.self), size)
            }
        }
    }

    /// The names of attributes without `trusted.*`, which the host shows to root alone: that is whom it takes us for.
    ///
    /// - Returns: Their bytes, or -errno; with no room given, what they need.
    private func namesForOthers(_ held: CInt, _ buffer: UnsafeMutableRawPointer?, _ size: Int) -> Int {
        // The request's memory: it has been read. The longest list fits.
        let all = UnsafeMutableRawBufferPointer(start: scratch.request, count: Int(CL_XATTR_VALUE_MAX))
        let got = cl_listxattr_held(held, all.baseAddress?.assumingMemoryBound(to: CChar.self), all.count)
        guard got > 0 else { return got }
        var kept = 0
        var start = 0
        while start < got {
            let name = UnsafeRawBufferPointer(rebasing: all[start..<got]).prefix { $0 != 0 }
            let count = min(name.count + 1, got - start)
            if !name.starts(with: "trusted.".utf8) {
                if let buffer {
                    guard kept + count <= size else { return 0 - Int(ERANGE) }
                    memcpy(buffer + kept, scratch.request + start, count)
                }
                kept += count
            }
            start += count
        }
        return kept
    }

    /// Replies with a value, or with its size where the guest has no room for any.
    private func sendValue(
        _ size: UInt32, _ reply: Reply, _ call: (UnsafeMutableRawPointer?, Int) -> Int
    ) throws(Errno) -> UInt32 {
        if size == 0 {
            let needed = try checked(RequestDispatcher.supported(call(nil, 0)))
            return try reply.send(GetxattrOut { $0.size = UInt32(truncatingIfNeeded: needed) })
        }
        let body = reply.body(limit: min(size, UInt32(CL_XATTR_VALUE_MAX)))
        guard let start = body.baseAddress, body.count > 0 else { throw .outOfRange }
        return reply.finish(try checked(RequestDispatcher.supported(call(start, body.count))))
    }

    func setxattr(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try request.structure(SetxattrIn.self)
        var rest = try request.rest(after: SetxattrIn.self)
        var more = SetxattrExtension()
        if session.flags.contains(.setxattrExtended) {
            guard let there = SetxattrExtension(copying: rest) else { throw .invalidArgument }
            more = there
            rest = UnsafeRawBufferPointer(rebasing: rest[SetxattrExtension.byteCount...])
        }
        let name = try RequestDispatcher.attributeName(&rest)
        guard rest.count == Int(asked.size) else { throw .invalidArgument }
        if node.zone == .hidden { throw .readOnlyFileSystem }
        let value = rest
        let result = try node.withDescriptor { (held) throws(Errno) in
            cl_setxattr_held(held, name.start, value.baseAddress, value.count, CInt(bitPattern: asked.flags))
        }
        try checked(RequestDispatcher.supported(result))
        if more.setxattrFlags & 1 != 0 { try clearSetGroupID(node) }
        return reply.done()
    }

    func removexattr(_ request: Request, _ reply: Reply, _ node: Node) throws(Errno) -> UInt32 {
        var rest = request.body
        let name = try RequestDispatcher.attributeName(&rest)
        guard rest.isEmpty else { throw .invalidArgument }
        if node.zone == .hidden { throw .readOnlyFileSystem }
        let result = try node.withDescriptor { (held) throws(Errno) in cl_removexattr_held(held, name.start) }
        try checked(RequestDispatcher.supported(result))
        return reply.done()
    }

    /// Clears set-group-ID, which the host has left to a launcher with CAP_FSETID.
    private func clearSetGroupID(_ node: Node) throws(Errno) {
        guard keepsPrivileges, !node.isSymlink else { return }
        let mode = try node.status().mode
        guard mode & 0o2000 != 0 else { return }
        try node.withDescriptor { (held) throws(Errno) in
            _ = try checked(cl_chmod_held(aggregate.processDescriptors.number, held, mode & 0o5777))
        }
    }

    private static func isAccessList(_ name: RequestString) -> Bool {
        ["system.posix_acl_access", "system.posix_acl_default"].contains { $0.utf8.elementsEqual(name.bytes) }
    }

    /// The name of an attribute, which is no name of a file: it may be "user./".
    ///
    /// - Throws: EINVAL without a NUL; ERANGE when empty or over 255 bytes, as the host would.
    private static func attributeName(_ rest: inout UnsafeRawBufferPointer) throws(Errno) -> RequestString {
        let name = try RequestString(next: &rest)
        guard name.count > 0, name.count <= 255 else { throw .outOfRange }
        return name
    }

    /// ENOSYS of one host file system must not turn attributes off for every share.
    private static func supported<Result: FixedWidthInteger>(_ result: Result) -> Result {
        result == 0 - Result(Errno.noFunction.rawValue) ? 0 - Result(Errno.notSupported.rawValue) : result
    }
}
