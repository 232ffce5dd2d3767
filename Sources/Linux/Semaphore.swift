internal import CLinux
internal import Glibc

/// A counter that threads of this process wait for: what an eventfd is, without a descriptor. Corresponds to `sem_wait(3)`.
public final class Semaphore: Sendable {
    // SAFETY: made by the initialiser, destroyed by deinit, in between only passed to sem_post(3) and sem_wait(3).
    nonisolated(unsafe) private let counter: UnsafeMutablePointer<sem_t>

    /// Makes a semaphore that nobody has signalled.
    public init() {
        counter = .allocate(capacity: 1)
        counter.initialize(to: sem_t())
        sem_init(counter, 0, 0)
    }

    deinit {
        sem_destroy(counter)
        counter.deallocate()
    }

    /// Lets one thread go on.
    public func signal() { sem_post(counter) }

    /// Waits for a signal, and takes it.
    public func wait() {
        while sem_wait(counter) != 0, errno == EINTR {}
    }

    /// The same, for so many milliseconds at most.
    ///
    /// - Returns: Whether there was a signal.
    public func wait(milliseconds: Int) -> Bool { cl_semaphore_wait_within(counter, milliseconds) == 0 }
}
