internal import FUSE

/// The handles that were opened last without the guest having asked for it, each to be closed when enough others have been
/// opened since: nobody says when they are not needed any more.
final class RecentHandles: Sendable {
    /// The most there are. Each is an open file, and opening it anew costs a few microseconds.
    private static var most: Int { 256 }

    private let lock = Lock()
    /// Touched only while `lock` is held.
    nonisolated(unsafe) private let ring: UnsafeMutablePointer<UInt64>
    nonisolated(unsafe) private let hand: UnsafeMutablePointer<Int>
    private let capacity: Int

    /// For a guest that may make the launcher hold so many descriptors.
    init(descriptorLimit: Int) {
        capacity = max(1, min(RecentHandles.most, descriptorLimit / 8))
        ring = .allocate(capacity: capacity)
        ring.initialize(repeating: 0, count: capacity)
        hand = .allocate(capacity: 1)
        hand.initialize(to: 0)
    }

    deinit {
        ring.deallocate()
        hand.deallocate()
    }

    /// Takes note of one that was opened.
    ///
    /// - Returns: The one to be closed for it; `none` as long as there are few.
    func add(_ handle: HandleID) -> HandleID {
        lock.hold {
            let old = ring[hand.pointee]
            ring[hand.pointee] = handle.rawValue
            hand.pointee = hand.pointee + 1 < capacity ? hand.pointee + 1 : 0
            return HandleID(rawValue: old)
        }
    }
}
