internal import FUSE
import Glibc
internal import SystemPackage

/// One request, copied out of the guest's memory once and checked for length.
struct Request {
    let header: InHeader
    /// What follows the header, in private memory; of a WRITE or BATCH_FORGET the fixed part only.
    let body: UnsafeRawBufferPointer
    /// The guest's own buffers, the header included.
    let buffers: UnsafeBufferPointer<iovec>
    /// Bytes after the header that belong to the request, extensions not counted.
    let bodyCount: Int

    /// The most bytes of a request: those of a WRITE. A longer one would hold up its queue.
    private static var longest: Int {
        InHeader.byteCount + WriteIn.byteCount + Int(Negotiation.largestTransfer) + Scratch.requestSize
    }

    /// Copies a request to `memory`, which has room for `Scratch.requestSize` bytes.
    ///
    /// - Throws: EINVAL when its length is not that of what the guest has put there, or more than was agreed on.
    init(
        header: InHeader, buffers: UnsafeBufferPointer<iovec>, size: Int, memory: UnsafeMutableRawPointer
    ) throws(Errno) {
        let length = Int(header.length)
        let extensions = Int(header.extensionLength) * 8
        guard length >= InHeader.byteCount, length <= min(size, Request.longest),
            extensions <= length - InHeader.byteCount
        else {
            throw .invalidArgument
        }
        bodyCount = length - InHeader.byteCount - extensions
        let wanted =
            switch header.opcode {
            case .write: min(bodyCount, WriteIn.byteCount)
            case .batchForget: min(bodyCount, BatchForgetIn.byteCount)
            default: bodyCount
            }
        guard wanted <= Scratch.requestSize else { throw .invalidArgument }
        Buffers.gather(buffers, skip: InHeader.byteCount, count: wanted, to: memory)
        self.header = header
        self.buffers = buffers
        body = UnsafeRawBufferPointer(start: memory, count: wanted)
    }

    /// The fixed part.
    ///
    /// - Throws: EINVAL when the request is too short for it.
    @inline(__always)
    func structure<S: WireStructure>(_ type: S.Type = S.self) throws(Errno) -> S {
        guard let structure = S(copying: body) else { throw .invalidArgument }
        return structure
    }

    /// What follows the fixed part.
    func rest<S: WireStructure>(after type: S.Type) throws(Errno) -> UnsafeRawBufferPointer {
        guard body.count >= S.byteCount else { throw .invalidArgument }
        return UnsafeRawBufferPointer(rebasing: body[S.byteCount...])
    }

    /// The one name that follows the fixed part.
    func name<S: WireStructure>(after type: S.Type) throws(Errno) -> ComponentName {
        try ComponentName(only: rest(after: type))
    }
}
