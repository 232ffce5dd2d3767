import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import SystemPackage

/// What locks are held by: an open file of its own for each owner, as the kernel knows no other one that is not a process.
/// Closed, it has none any more.
///
/// For a share whose locks the host is to see it is the host's file; for any other it is an anonymous file that stands for
/// it, one for each inode, and the host's kernel still does all that there is to splitting and joining ranges.
final class LockFile: Sendable {
    let key: LockKey
    let node: Node
    /// What the locks are on, when that is not the host's file.
    let stand: LockStand?
    private let descriptor: CInt

    // Guarded by the lock of the table.

    /// Who is about to lock or waits for it: only without one may the file be closed.
    nonisolated(unsafe) var users = 0
    /// The process of the guest that locked last.
    nonisolated(unsafe) var process: UInt32 = 0

    /// Takes over an open file, with its unit of the budget.
    init(_ key: LockKey, node: Node, descriptor: CInt, stand: LockStand?) {
        self.key = key
        self.node = node
        self.descriptor = descriptor
        self.stand = stand
    }

    deinit {
        _ = cl_close(descriptor)
        node.pool.giveBack()
    }

    /// Sets or takes away a lock.
    ///
    /// - Throws: EAGAIN when another is in the way.
    func set(_ range: LockRange) throws(Errno) {
        if key.isWhole {
            try checked(cl_lock_file(descriptor, range.type))
        } else {
            try checked(cl_lock_range(descriptor, range.type, range.start, range.length))
        }
    }

    /// Takes all locks away.
    func clear() { try? set(LockRange.none) }

    /// What is in the way of a lock; nil when nothing is.
    func conflict(with range: LockRange) throws(Errno) -> LockRange? {
        var type = range.type
        var start = range.start
        var length = range.length
        try checked(cl_find_lock(descriptor, &type, &start, &length))
        return type == F_UNLCK ? nil : LockRange(type: type, start: start, length: length)
    }
}

/// Whose locks on what.
struct LockKey: Hashable {
    let node: NodeID
    /// A process of the guest; with flock(2), the handle of an open file.
    let owner: UInt64
    /// Whether they are flock(2)'s: those and ranges are not in each other's way.
    let isWhole: Bool
}

/// A part of a file, and how it is to be locked, in the terms of fcntl(2).
struct LockRange: Equatable {
    let type: CInt
    let start: Int64
    /// 0 where there is no end.
    let length: Int64

    /// No lock on anything.
    static var none: LockRange { LockRange(type: CInt(F_UNLCK), start: 0, length: 0) }

    init(type: CInt, start: Int64, length: Int64) {
        self.type = type
        self.start = start
        self.length = length
    }

    /// - Throws: EINVAL for what is no range.
    init(_ lock: FileLock) throws(Errno) {
        guard let start = Int64(exactly: lock.start), let end = Int64(exactly: lock.end), start <= end, lock.type <= 2
        else { throw .invalidArgument }
        type = CInt(lock.type)
        self.start = start
        length = end == .max ? 0 : end - start + 1
    }

    /// The same for the guest.
    func fileLock(process: UInt32) -> FileLock {
        FileLock {
            $0.type = UInt32(truncatingIfNeeded: type)
            $0.start = UInt64(clamping: start)
            let (end, overflow) = start.addingReportingOverflow(length - 1)
            $0.end = UInt64(length == 0 || overflow ? .max : max(start, end))
            $0.pid = process
        }
    }
}

/// An anonymous file that stands for an inode whose locks are the guest's alone.
final class LockStand: Sendable {
    let descriptor: CInt
    private let pool: DescriptorPool
    /// How many lock files there are of it. Guarded by the lock of the table.
    nonisolated(unsafe) var files = 0

    /// - Throws: ENFILE when every descriptor the guest may have is in use; what memfd_create(2) failed with.
    init(_ pool: DescriptorPool) throws(Errno) {
        try pool.take()
        self.pool = pool
        descriptor = cl_memfd("sheaf-locks", 0)
        if descriptor < 0 { throw Errno(rawValue: 0 &- descriptor) }
    }

    deinit {
        if descriptor >= 0 { _ = cl_close(descriptor) }
        pool.giveBack()
    }
}
