internal import FUSE
import Glibc

/// A worker's private memory, allocated once: requests are copied here to be parsed, replies are built here.
final class Scratch {
    /// A request's fixed part, names and values: the longest is a SETXATTR with a value of 64 KiB.
    static let requestSize = 65_536 + 4096
    /// A reply: the longest built here is a listing.
    static let replySize = 131_072 + 4096
    /// The most parts of one preadv(2): IOV_MAX.
    static let partCount = 1024

    let request: UnsafeMutableRawPointer
    let reply: UnsafeMutableRawPointer
    let parts: UnsafeMutablePointer<iovec>
    /// What an extended attribute says of an inode, see `Appearance`.
    let record: UnsafeMutableRawPointer
    /// The name of one that stands for another, see `KeptAttribute`.
    let attributeName: UnsafeMutableRawPointer

    init() {
        request = .allocate(byteCount: Scratch.requestSize, alignment: 16)
        reply = .allocate(byteCount: Scratch.replySize, alignment: 16)
        parts = .allocate(capacity: Scratch.partCount)
        record = .allocate(byteCount: Appearance.recordSize, alignment: 16)
        attributeName = .allocate(byteCount: KeptAttribute.nameSize, alignment: 16)
    }

    deinit {
        request.deallocate()
        reply.deallocate()
        parts.deallocate()
        record.deallocate()
        attributeName.deallocate()
    }
}
