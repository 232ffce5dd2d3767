internal import FUSE
import Glibc
internal import SystemPackage

/// The room for one reply. Its functions return the bytes of the whole reply, which is what the device reports.
struct Reply {
    private let unique: UInt64
    private let buffers: UnsafeBufferPointer<iovec>
    private let size: Int
    private let memory: UnsafeMutableRawPointer

    init(unique: UInt64, buffers: UnsafeBufferPointer<iovec>, size: Int, scratch: Scratch) {
        self.unique = unique
        self.buffers = buffers
        self.size = size
        memory = scratch.reply
    }

    /// Bytes that fit after the header.
    var room: Int { size - OutHeader.byteCount }

    /// Checks for room before something is done that could not be undone.
    ///
    /// - Throws: EINVAL when so many bytes do not fit after the header.
    func require(_ count: Int) throws(Errno) {
        guard room >= count else { throw .invalidArgument }
    }

    /// Success without a body.
    func done() -> UInt32 { finish(0) }

    /// Success with one structure.
    @inline(__always)
    func send<S: WireStructure>(_ structure: S) throws(Errno) -> UInt32 {
        try require(S.byteCount)
        memory.storeBytes(of: structure, toByteOffset: OutHeader.byteCount, as: S.self)
        return finish(S.byteCount)
    }

    /// Failure; only the header is sent.
    func fail(_ error: Errno) -> UInt32 {
        guard room >= 0 else { return 0 }
        // Linux takes errors of 1 to 511 only.
        let number = (1..<512).contains(error.rawValue) ? error.rawValue : Errno.ioError.rawValue
        header(length: OutHeader.byteCount, error: 0 - number)
        return scatter(OutHeader.byteCount)
    }

    /// Private memory to build a body in: as much as fits, but not more than `limit`.
    func body(limit: UInt32) -> UnsafeMutableRawBufferPointer {
        let count = max(0, min(Int(limit), room, Scratch.replySize - OutHeader.byteCount))
        return UnsafeMutableRawBufferPointer(start: memory + OutHeader.byteCount, count: count)
    }

    /// Success with `count` bytes that were built in `body`.
    func finish(_ count: Int) -> UInt32 {
        guard room >= 0 else { return 0 }
        header(length: OutHeader.byteCount + count, error: 0)
        return scatter(OutHeader.byteCount + count)
    }

    /// Success with `count` bytes that are in the guest's buffers already.
    func finish(placed count: Int) -> UInt32 {
        header(length: OutHeader.byteCount + count, error: 0)
        _ = scatter(OutHeader.byteCount)
        return UInt32(truncatingIfNeeded: OutHeader.byteCount + count)
    }

    /// The guest's buffers from `skip` bytes after the header on, for the host to write to.
    func parts(skip: Int, limit: Int, scratch: Scratch) -> (count: CInt, bytes: Int) {
        Buffers.slice(
            buffers, skip: OutHeader.byteCount + skip, limit: limit, into: scratch.parts,
            capacity: Scratch.partCount)
    }

    private func header(length: Int, error: Int32) {
        var header = OutHeader()
        header.length = UInt32(truncatingIfNeeded: length)
        header.error = error
        header.unique = unique
        memory.storeBytes(of: header, as: OutHeader.self)
    }

    private func scatter(_ count: Int) -> UInt32 {
        Buffers.scatter(UnsafeRawBufferPointer(start: memory, count: count), to: buffers)
        return UInt32(truncatingIfNeeded: count)
    }
}
