import CLinux
internal import Synchronization

/// What the guest may believe of the pages it has cached of a file, so that OPEN can say exactly whether to keep them.
///
/// The guest compares modification time and size of every LOOKUP, GETATTR and READDIRPLUS with what it was told last and
/// drops its pages when they differ (AUTO_INVAL_DATA). A SETATTR's reply changes what it was told but drops nothing: so
/// what was told and what the pages are good for are two things. Two numbers, each a hash; 0 stands for nothing known.
struct PageCacheState: ~Copyable, Sendable {
    /// Modification time and size that the guest was told last.
    private let told = Atomic<UInt64>(0)
    /// The state of the file since which the guest's pages were filled.
    private let good = Atomic<UInt64>(0)

    /// A change so young that another could still get the same timestamp (a tick of the file clock is at most 10 ms).
    private static var unsettledNanoseconds: Int64 { 20_000_000 }

    /// The guest is told attributes by a reply that makes it drop its pages if they differ. The clock is `cl_file_clock()`
    /// from before the attributes were read.
    ///
    /// - Returns: Whether they differ.
    func tell(_ found: cl_statx, clock: Int64) -> Bool {
        let new = PageCacheState.shown(found)
        // Read first: mostly it is the same, and what is only read costs no processor the line that has it.
        guard told.load(ordering: .relaxed) != new, told.exchange(new, ordering: .relaxed) != new else { return false }
        good.store(PageCacheState.state(found, clock: clock), ordering: .relaxed)
        return true
    }

    /// The guest is told attributes by the reply to a change it asked for, which makes it drop nothing.
    func tellAfterChange(_ found: cl_statx) {
        told.store(PageCacheState.shown(found), ordering: .relaxed)
    }

    /// Whether a file that is opened in this state is what the guest's pages show. If not, the guest drops them now.
    func isGood(_ found: cl_statx, clock: Int64) -> Bool {
        let now = PageCacheState.state(found, clock: clock)
        if now != 0, good.load(ordering: .relaxed) == now { return true }
        good.store(now, ordering: .relaxed)
        return false
    }

    private static func shown(_ found: cl_statx) -> UInt64 {
        let time = UInt64(bitPattern: found.mtime_sec) &* 1_000_000_000 &+ UInt64(found.mtime_nsec)
        return mixed(mixed(time) ^ found.size) | 1
    }

    private static func state(_ found: cl_statx, clock: Int64) -> UInt64 {
        let modified = found.mtime_sec &* 1_000_000_000 &+ Int64(found.mtime_nsec)
        let changed = found.ctime_sec &* 1_000_000_000 &+ Int64(found.ctime_nsec)
        guard clock &- max(modified, changed) > unsettledNanoseconds else { return 0 }
        return mixed(shown(found) ^ UInt64(bitPattern: changed)) | 1
    }
}
