import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import SystemPackage

/// IOCTL: what chattr(1) and lsattr(1) ask for. Anything else is no such ioctl(2): not ENOSYS, which overlayfs in the guest
/// takes for a failure when it copies a file's flags up.
extension RequestDispatcher {
    /// FS_*_FL that an ext4 lets a file's owner change and that are harmless to the host: secrm, unrm, compr, sync, nodump,
    /// noatime, nocomp, notail, dirsync, topdir, nocow. The rest can only be given back as it is.
    private static var ownersFlags: UInt32 { 0x0083_84CF }
    /// FS_EXTENT_FL, which `chattr =A` takes away: an ext4 then stores the whole file in another way. A guest has no say in that,
    /// and chattr(1) says itself that the flag cannot be removed: it stays, and the rest is done.
    private static var storageFlags: UInt32 { 0x0008_0000 }
    /// FS_IMMUTABLE_FL and FS_APPEND_FL: as far as the launcher may, and only for root in the guest.
    private static var rootsFlags: UInt32 { 0x30 }
    /// The same of FS_XFLAG_*: sync, noatime, nodump; immutable, append.
    private static var ownersExtendedFlags: UInt32 { 0xE0 }
    private static var rootsExtendedFlags: UInt32 { 0x18 }

    func ioctl(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try request.structure(IoctlIn.self)
        let data = try request.rest(after: IoctlIn.self)
        let commands = [CL_FS_IOC_GETFLAGS, CL_FS_IOC_SETFLAGS, CL_FS_IOC_FSGETXATTR, CL_FS_IOC_FSSETXATTR]
        guard commands.contains(asked.command) else { throw .inappropriateIOCTLForDevice }
        let handle = try handle(asked.handle, of: node, session)
        guard !handle.isHidden else { throw .inappropriateIOCTLForDevice }
        guard data.count == Int(asked.inSize) else { throw .invalidArgument }
        return try handle.withDescriptor { (file) throws(Errno) in
            switch asked.command {
            case CL_FS_IOC_GETFLAGS: return try sendFlags(of: file, asked, reply)
            case CL_FS_IOC_SETFLAGS: try setFlags(of: file, data, request.header.uid)
            case CL_FS_IOC_FSGETXATTR: return try sendExtendedFlags(of: file, asked, reply)
            default: try setExtendedFlags(of: file, data, request.header.uid)
            }
            return try reply.send(IoctlOut())
        }
    }

    private func sendFlags(of file: CInt, _ asked: IoctlIn, _ reply: Reply) throws(Errno) -> UInt32 {
        // An int is what is meant; the number has it as a long.
        guard asked.outSize == 4 || asked.outSize == 8 else { throw .invalidArgument }
        var flags: UInt32 = 0
        try checked(cl_get_flags(file, &flags))
        return try withUnsafeBytes(of: (flags, UInt32(0))) { (bytes) throws(Errno) in
            try RequestDispatcher.send(UnsafeRawBufferPointer(rebasing: bytes[..<Int(asked.outSize)]), reply)
        }
    }

    private func setFlags(of file: CInt, _ data: UnsafeRawBufferPointer, _ user: UInt32) throws(Errno) {
        try checkWritable()
        guard data.count == 4 || data.count == 8 else { throw .invalidArgument }
        var present: UInt32 = 0
        try checked(cl_get_flags(file, &present))
        let wanted = data.loadUnaligned(as: UInt32.self) | present & RequestDispatcher.storageFlags
        try RequestDispatcher.check(
            present ^ wanted, RequestDispatcher.ownersFlags, RequestDispatcher.rootsFlags, user)
        try checked(cl_set_flags(file, wanted))
    }

    private func sendExtendedFlags(of file: CInt, _ asked: IoctlIn, _ reply: Reply) throws(Errno) -> UInt32 {
        guard Int(asked.outSize) == MemoryLayout<cl_fsxattr>.size else { throw .invalidArgument }
        var attributes = cl_fsxattr()
        try checked(cl_get_fsxattr(file, &attributes))
        return try withUnsafeBytes(of: attributes) { (bytes) throws(Errno) in
            try RequestDispatcher.send(bytes, reply)
        }
    }

    /// The project, which quotas go by, and hints to the allocator stay as they are.
    private func setExtendedFlags(of file: CInt, _ data: UnsafeRawBufferPointer, _ user: UInt32) throws(Errno) {
        try checkWritable()
        guard data.count == MemoryLayout<cl_fsxattr>.size else { throw .invalidArgument }
        let wanted = data.loadUnaligned(as: cl_fsxattr.self)
        var attributes = cl_fsxattr()
        try checked(cl_get_fsxattr(file, &attributes))
        guard wanted.extent_size == attributes.extent_size, wanted.project == attributes.project,
            wanted.cow_extent_size == attributes.cow_extent_size
        else { throw .notSupported }
        try RequestDispatcher.check(
            attributes.xflags ^ wanted.xflags, RequestDispatcher.ownersExtendedFlags,
            RequestDispatcher.rootsExtendedFlags, user)
        attributes.xflags = wanted.xflags
        try checked(cl_set_fsxattr(file, &attributes))
    }

    /// Checks which flags change.
    ///
    /// - Throws: EPERM, EOPNOTSUPP.
    private static func check(
        _ changed: UInt32, _ owners: UInt32, _ roots: UInt32, _ user: UInt32
    ) throws(Errno) {
        guard changed & ~(owners | roots) == 0 else { throw .notSupported }
        guard changed & roots == 0 || user == 0 else { throw .notPermitted }
    }

    /// Replies with what an ioctl(2) has told.
    private static func send(_ told: UnsafeRawBufferPointer, _ reply: Reply) throws(Errno) -> UInt32 {
        let count = IoctlOut.byteCount + told.count
        try reply.require(count)
        let body = reply.body(limit: UInt32(truncatingIfNeeded: count))
        IoctlOut().withBytes { body.copyMemory(from: $0) }
        UnsafeMutableRawBufferPointer(rebasing: body[IoctlOut.byteCount...]).copyMemory(from: told)
        return reply.finish(count)
    }
}
