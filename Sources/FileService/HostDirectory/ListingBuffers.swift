import Glibc
internal import Synchronization

/// The memory into which a session's listings read ahead, each while it is under way.
///
/// A guest may have far more directories open than this is for: a listing more gives its buffer back after each request, and
/// seeks at the next.
final class ListingBuffers: Sendable {
    /// Bytes of one. As much as glibc's readdir(3) takes.
    static var size: Int { 32 * 1024 }
    /// How many listings may keep theirs: 16 MiB.
    private static var most: Int { 512 }

    private let number = Atomic<Int>(0)

    /// Whether a listing had better not keep its buffer.
    var areMany: Bool { number.load(ordering: .relaxed) > ListingBuffers.most }

    func take() -> UnsafeMutableRawPointer {
        number.add(1, ordering: .relaxed)
        return .allocate(byteCount: ListingBuffers.size, alignment: 8)
    }

    func giveBack(_ buffer: UnsafeMutableRawPointer) {
        buffer.deallocate()
        number.subtract(1, ordering: .relaxed)
    }
}
