import CLinux
internal import FUSE
import Glibc
internal import SystemPackage

/// A SETLKW that waits: no thread is held by it. Its answer comes when the lock is there, or when it is given up.
public final class LockWait: Sendable {
    let file: LockFile
    let range: LockRange
    let process: UInt32
    let unique: UInt64
    private let table: LockTable

    // Guarded by the lock of the table.

    nonisolated(unsafe) var answer: (@Sendable (LateAnswer) -> Void)?
    /// A thread is trying to get the lock.
    nonisolated(unsafe) var isTried = false
    /// It was given up with this while a thread was trying.
    nonisolated(unsafe) var verdict: Errno?
    nonisolated(unsafe) var isOver = false

    init(_ file: LockFile, _ range: LockRange, process: UInt32, unique: UInt64, table: LockTable) {
        self.file = file
        self.range = range
        self.process = process
        self.unique = unique
        self.table = table
    }

    /// Begins to wait. To be called once.
    ///
    /// - Parameter answer: Called once, on any thread and maybe at once, but not after ``cancel()`` has returned and never
    ///   with a lock held.
    public func start(_ answer: @escaping @Sendable (LateAnswer) -> Void) { table.add(self, answer) }

    /// Gives up without an answer: the request is nobody's any more.
    public func cancel() { table.cancel(self) }
}

/// The answer to a request that had to wait, to be written into the guest's memory by the thread that has its ring.
public struct LateAnswer: Sendable {
    private let header: OutHeader

    init(unique: UInt64, error: Errno?) {
        header = OutHeader {
            $0.length = UInt32(OutHeader.byteCount)
            $0.error = 0 - (error?.rawValue ?? 0)
            $0.unique = unique
        }
    }

    /// Writes the answer.
    ///
    /// - Parameter writable: The room for the reply.
    /// - Returns: Bytes written.
    public func write(to writable: UnsafeBufferPointer<cl_iovec>) -> UInt32 {
        guard let room = Buffers.size(writable), room >= OutHeader.byteCount else { return 0 }
        header.withBytes { Buffers.scatter($0, to: writable) }
        return UInt32(OutHeader.byteCount)
    }
}
