import CLinux
import Glibc

/// A mutex of POSIX threads at an address of its own.
///
/// Swift's Mutex hands ownership over by priority inheritance, which costs microseconds once more threads run than there
/// are cores; this one costs 12 ns when free.
struct Lock: ~Copyable, @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    /// Makes a lock; a recursive one may be taken again by the thread that holds it.
    init(isRecursive: Bool = false) {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        var attributes = pthread_mutexattr_t()
        pthread_mutexattr_init(&attributes)
        if isRecursive { pthread_mutexattr_settype(&attributes, CInt(PTHREAD_MUTEX_RECURSIVE)) }
        pthread_mutex_init(mutex, &attributes)
        pthread_mutexattr_destroy(&attributes)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Runs `body` with the lock held. What it runs must not call the host: others wait.
    @inline(__always)
    func hold<R: ~Copyable, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Runs `body` with the lock held; nil where somebody else does not let go of it in time.
    func hold<R>(waitingAtMost milliseconds: Int, _ body: () -> R) -> R? {
        guard cl_lock_mutex_within(mutex, milliseconds) == 0 else { return nil }
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
