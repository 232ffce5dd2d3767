import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import SystemPackage

/// The contents of open files: READ, WRITE, LSEEK, FALLOCATE, COPY_FILE_RANGE.
extension RequestDispatcher {
    /// Reads from the host's page cache straight into the guest's memory.
    func read(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        try read(request, reply, node, file(request.structure(ReadIn.self).handle, of: node, session))
    }

    func read(_ request: Request, _ reply: Reply, _ node: Node, _ handle: Handle) throws(Errno) -> UInt32 {
        let asked = try request.structure(ReadIn.self)
        let limit = min(Int(min(asked.size, Negotiation.largestTransfer)), reply.room)
        guard let offset = Int64(exactly: asked.offset), offset <= .max - Int64(limit) else { throw .invalidArgument }
        var total = 0
        // Once, unless the guest's memory is in more pieces than one preadv takes: only at the end of a file is it short.
        try handle.withDescriptor { (file) throws(Errno) in
            while total < limit {
                let (count, bytes) = reply.parts(skip: total, limit: limit - total, scratch: scratch)
                let got = try checked(cl_preadv(file, scratch.parts, count, offset + Int64(total)))
                total += got
                if got < bytes { break }
            }
        }
        counters(of: node).pointee.bytesRead.advance(by: UInt64(truncatingIfNeeded: total))
        return reply.finish(placed: total)
    }

    /// Writes to the host's page cache straight from the guest's memory.
    func write(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        try write(request, reply, session, node, session.file(request.structure(WriteIn.self).handle, of: node))
    }

    func write(
        _ request: Request, _ reply: Reply, _ session: Session, _ node: Node, _ handle: Handle
    ) throws(Errno) -> UInt32 {
        let asked = try request.structure(WriteIn.self)
        try reply.require(WriteOut.byteCount)
        let limit = Int(asked.size)
        guard limit <= request.bodyCount - WriteIn.byteCount else { throw .invalidArgument }
        guard let offset = Int64(exactly: asked.offset), offset <= .max - Int64(limit) else { throw .fileTooLarge }
        // Pages written back by the guest have their place; what a process appends goes where the file ends on the host,
        // unless the guest has more of the file than the host.
        let appends =
            CInt(bitPattern: asked.flags) & O_APPEND != 0 && !asked.writeFlags.contains(.cache)
            && !session.buffersWrites
        let start = InHeader.byteCount + WriteIn.byteCount
        var total = 0
        try handle.withDescriptor { (file) throws(Errno) in
            while total < limit {
                let (count, bytes) = Buffers.slice(
                    request.buffers, skip: start + total, limit: limit - total, into: scratch.parts,
                    capacity: Scratch.partCount)
                let result =
                    appends
                    ? cl_appendv(file, scratch.parts, count)
                    : cl_pwritev(file, scratch.parts, count, offset + Int64(total))
                // What was written before a failure is said first; the next WRITE meets it again.
                if result < 0 && total > 0 { break }
                total += try checked(result)
                if result < bytes { break }
            }
        }
        counters(of: node).pointee.bytesWritten.advance(by: UInt64(truncatingIfNeeded: total))
        if asked.writeFlags.contains(.killPrivileges) { try clearPrivileges(node) }
        return try reply.send(WriteOut { $0.size = UInt32(truncatingIfNeeded: total) })
    }

    func lseek(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try request.structure(LseekIn.self)
        let handle = try file(asked.handle, of: node, session)
        // SEEK_SET, SEEK_END, SEEK_DATA, SEEK_HOLE. The position it leaves means nothing: all else names its own.
        guard [0, 2, 3, 4].contains(asked.whence) else { throw .invalidArgument }
        let found = try handle.withDescriptor { (file) throws(Errno) in
            cl_lseek(file, Int64(bitPattern: asked.offset), CInt(asked.whence))
        }
        guard found >= 0 else { throw Errno(rawValue: CInt(truncatingIfNeeded: 0 - found)) }
        return try reply.send(LseekOut { $0.offset = UInt64(bitPattern: found) })
    }

    func fallocate(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try request.structure(FallocateIn.self)
        let handle = try session.file(asked.handle, of: node)
        let result = try handle.withDescriptor { (file) throws(Errno) in
            cl_fallocate(file, asked.mode, Int64(bitPattern: asked.offset), Int64(bitPattern: asked.size))
        }
        try checked(RequestDispatcher.thisShareOnly(result))
        try clearPrivileges(node, changedBy: request.header)
        return reply.done()
    }

    func copyFileRange(
        _ request: Request, _ reply: Reply, _ session: Session, _ node: Node
    ) throws(Errno) -> UInt32 {
        let asked = try request.structure(CopyFileRangeIn.self)
        let target = try session.node(asked.target)
        try checkWritable()
        let from = try session.file(asked.sourceHandle, of: node)
        let to = try session.file(asked.targetHandle, of: target)
        try reply.require(WriteOut.byteCount)
        guard asked.flags == 0 else { throw .invalidArgument }
        guard let source = Int64(exactly: asked.sourceOffset), let place = Int64(exactly: asked.targetOffset) else {
            throw .invalidArgument
        }
        // The reply counts in 32 bits. Less than was asked for is a legal answer.
        let size = Int(min(asked.size, 1 << 30))
        let result = try from.withDescriptor { (from) throws(Errno) in
            try to.withDescriptor { (to) throws(Errno) in cl_copy_file_range(from, source, to, place, size) }
        }
        let copied = try checked(RequestDispatcher.thisShareOnly(result))
        counters(of: target).pointee.bytesWritten.advance(by: UInt64(truncatingIfNeeded: copied))
        if copied > 0 { try clearPrivileges(target, changedBy: request.header) }
        return try reply.send(WriteOut { $0.size = UInt32(truncatingIfNeeded: copied) })
    }

    /// Clears what a change by an ordinary user clears. Unlike WRITE, these requests do not say whether it is to be: root
    /// is taken for whom it is not.
    private func clearPrivileges(_ node: Node, changedBy caller: InHeader) throws(Errno) {
        if caller.uid != 0 { try clearPrivileges(node) }
    }

    /// The guest remembers ENOSYS for the whole device: one host file system's refusal must not become every share's.
    private static func thisShareOnly<Result: FixedWidthInteger>(_ result: Result) -> Result {
        result == 0 - Result(Errno.noFunction.rawValue) ? 0 - Result(Errno.notSupported.rawValue) : result
    }
}
