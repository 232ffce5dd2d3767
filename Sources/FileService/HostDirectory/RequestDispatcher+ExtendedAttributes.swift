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
        let start = try hostName(of: name, of: node)
        return try node.withAttributes { (source) throws(Errno) in
            do throws(Errno) {
                let privileged = privileged(PrivilegedAttributes.isNeeded(toRead: name.bytes), on: node)
                return try sendValue(asked.size, reply) { buffer, size in
                    privileged?.perform(.get(name: start, buffer, size), on: source.descriptor)
                        ?? source.value(start, buffer, size)
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
        return try node.withAttributes { (source) throws(Errno) in
            // The host shows `trusted.*` to root alone.
            let isRoot = request.header.uid == 0
            let privileged = privileged(isRoot, on: node)
            return try sendValue(asked.size, reply) { buffer, size in
                if node.child.owners.areMapped { return namesInMappedShare(source, buffer, size, isRoot: isRoot) }
                return names(source, buffer, size, privileged)
            }
        }
    }

    /// Who is to make a call: nobody but the caller, unless it takes more than the caller has.
    private func privileged(_ isNeeded: Bool, on node: Node) -> PrivilegedAttributes? {
        isNeeded && !node.child.owners.areMapped ? aggregate.privilegedAttributes : nil
    }

    /// The name that an attribute of the guest's has on the host.
    ///
    /// - Throws: ERANGE when it is too long.
    private func hostName(of name: RequestString, of node: Node) throws(Errno) -> UnsafePointer<CChar> {
        guard node.child.owners.areMapped, KeptAttribute.isKept(name.bytes) else { return name.start }
        guard let kept = KeptAttribute.name(keeping: name.bytes, scratch.attributeName) else { throw .outOfRange }
        return kept
    }

    private func names(
        _ source: AttributeSource, _ buffer: UnsafeMutableRawPointer?, _ size: Int, _ privileged: PrivilegedAttributes?
    ) -> Int {
        let list = buffer?.assumingMemoryBound(to: CChar.self)
        return privileged?.perform(.list(list, size), on: source.descriptor) ?? source.names(list, size)
    }

    private func perform(
        _ call: PrivilegedAttributes.Call, on held: CInt, by privileged: PrivilegedAttributes?
    ) -> Int {
        privileged.map { $0.perform(call, on: held) } ?? call.perform(on: held)
    }

    /// The names that attributes of a mapped share have in the guest.
    ///
    /// - Returns: Their bytes, or -errno; with no room given, what they need.
    private func namesInMappedShare(
        _ source: AttributeSource, _ buffer: UnsafeMutableRawPointer?, _ size: Int, isRoot: Bool
    ) -> Int {
        // The request's memory: it has been read. The longest list fits.
        let all = UnsafeMutableRawBufferPointer(start: scratch.request, count: Int(CL_XATTR_VALUE_MAX))
        let got = names(source, all.baseAddress, all.count, nil)
        guard got > 0 else { return got }
        var shown = 0
        var start = 0
        while start < got {
            let hostName = UnsafeRawBufferPointer(rebasing: all[start..<got]).prefix { $0 != 0 }
            start += hostName.count + 1
            guard let name = KeptAttribute.guestName(of: UnsafeRawBufferPointer(rebasing: hostName)),
                let first = name.baseAddress, isRoot || !PrivilegedAttributes.isNeeded(toRead: name)
            else { continue }
            if let buffer {
                guard shown + name.count < size else { return 0 - Int(ERANGE) }
                memcpy(buffer + shown, first, name.count)
                (buffer + shown + name.count).storeBytes(of: 0, as: UInt8.self)
            }
            shown += name.count + 1
        }
        return shown
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
        let start = try hostName(of: name, of: node)
        let call = PrivilegedAttributes.Call.set(
            name: start, rest.baseAddress, rest.count, flags: CInt(bitPattern: asked.flags))
        let clears = more.setxattrFlags & 1 != 0
        let privileged = privileged(PrivilegedAttributes.isNeeded(toChange: name.bytes), on: node)
        try withAttributes(toChange: node) { (held) throws(Errno) in
            let set = { CInt(truncatingIfNeeded: self.perform(call, on: held, by: privileged)) }
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
        let start = try hostName(of: name, of: node)
        let privileged = privileged(PrivilegedAttributes.isNeeded(toChange: name.bytes), on: node)
        try withAttributes(toChange: node) { (held) throws(Errno) in
            _ = try checked(RequestDispatcher.supported(perform(.remove(name: start), on: held, by: privileged)))
        }
        return reply.done()
    }

    /// Runs `body` with what the inode's attributes are changed by; once more where the launcher may not write its own file
    /// and can let itself.
    private func withAttributes(
        toChange node: Node, _ body: (_ held: CInt) throws(Errno) -> Void
    ) throws(Errno) {
        try openingUp(node) { () throws(Errno) in try node.withDescriptor(body) }
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
        node.child.owners.areMapped && (Appearance.isRecord(name.bytes) || KeptAttribute.keeps(name.bytes))
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
