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
        if node.zone == .hidden || isOurs(name, of: node) { throw .noData }
        return try node.withDescriptor { (held) throws(Errno) in
            do throws(Errno) {
                let privileged = privileged(PrivilegedAttributes.isNeeded(toRead: name.bytes))
                return try sendValue(asked.size, reply) {
                    perform(.get(name: name.start, $0, $1), on: held, by: privileged)
                }
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
            // The host shows `trusted.*` to root alone.
            let privileged = privileged(request.header.uid == 0)
            return try sendValue(asked.size, reply) { buffer, size in
                if node.child.owners.areMapped { return namesWithoutRecords(held, buffer, size, privileged) }
                return perform(.list(buffer?.assumingMemoryBound(to: CChar.self), size), on: held, by: privileged)
            }
        }
    }

    /// Who is to make a call: nobody but the caller, unless it takes more than the caller has.
    private func privileged(_ isNeeded: Bool) -> PrivilegedAttributes? {
        isNeeded ? aggregate.privilegedAttributes : nil
    }

    private func perform(
        _ call: PrivilegedAttributes.Call, on held: CInt, by privileged: PrivilegedAttributes?
    ) -> Int {
        privileged.map { $0.perform(call, on: held) } ?? call.perform(on: held)
    }

    /// The names of attributes without what we keep there of a mapped share.
    ///
    /// - Returns: Their bytes, or -errno; with no room given, what they need.
    private func namesWithoutRecords(
        _ held: CInt, _ buffer: UnsafeMutableRawPointer?, _ size: Int, _ privileged: PrivilegedAttributes?
    ) -> Int {
        // The request's memory: it has been read. The longest list fits.
        let all = UnsafeMutableRawBufferPointer(start: scratch.request, count: Int(CL_XATTR_VALUE_MAX))
        let list = all.baseAddress?.assumingMemoryBound(to: CChar.self)
        let got = perform(.list(list, all.count), on: held, by: privileged)
        guard got > 0 else { return got }
        var kept = 0
        var start = 0
        while start < got {
            let name = UnsafeRawBufferPointer(rebasing: all[start..<got]).prefix { $0 != 0 }
            let count = min(name.count + 1, got - start)
            if !Appearance.isRecord(name) {
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
        if isOurs(name, of: node) { throw .notPermitted }
        let value = rest
        let flags = CInt(bitPattern: asked.flags)
        let clears = more.setxattrFlags & 1 != 0
        try node.withDescriptor { (held) throws(Errno) in
            let privileged = privileged(PrivilegedAttributes.isNeeded(toChange: name.bytes))
            let set = {
                CInt(
                    truncatingIfNeeded: self.perform(
                        .set(name: name.start, value.baseAddress, value.count, flags: flags), on: held, by: privileged))
            }
            if node.child.owners.areMapped, clears || RequestDispatcher.isAccessList(name) {
                try changeModeByList(of: held, in: node.child, clearsSetGroupID: clears, set)
            } else {
                try checked(RequestDispatcher.supported(set()))
                if clears { try clearSetGroupID(node) }
            }
        }
        return reply.done()
    }

    func removexattr(_ request: Request, _ reply: Reply, _ node: Node) throws(Errno) -> UInt32 {
        var rest = request.body
        let name = try RequestDispatcher.attributeName(&rest)
        guard rest.isEmpty else { throw .invalidArgument }
        if node.zone == .hidden { throw .readOnlyFileSystem }
        if isOurs(name, of: node) { throw .noData }
        let privileged = privileged(PrivilegedAttributes.isNeeded(toChange: name.bytes))
        let result = try node.withDescriptor { (held) throws(Errno) in
            perform(.remove(name: name.start), on: held, by: privileged)
        }
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

    /// Sets an access control list in a mapped share: the mode that it gives the host's file is the one that the guest sees.
    private func changeModeByList(
        of held: CInt, in child: Child, clearsSetGroupID: Bool, _ set: () -> CInt
    ) throws(Errno) {
        var found = cl_statx()
        try checked(cl_statx(held, nil, &found))
        // Before: the list may forbid the launcher to read it.
        let (present, isRecorded) = try appearance(of: held, found, in: child)
        try checked(RequestDispatcher.supported(set()))
        try checked(cl_statx(held, nil, &found))
        var wanted = present
        wanted.mode = wanted.mode & ~0o777 | found.mode & 0o777
        if clearsSetGroupID { wanted.mode &= ~0o2000 }
        try keep(wanted, as: held, found, isRecorded: isRecorded, in: child)
    }

    /// Whether an attribute is what we keep there of a mapped share: the guest has none of that name.
    private func isOurs(_ name: RequestString, of node: Node) -> Bool {
        node.child.owners.areMapped && Appearance.isRecord(name.bytes)
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
