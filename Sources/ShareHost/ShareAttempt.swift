internal import Synchronization

/// The time that one caller takes to open a share's directory, for others who want the same share to wait for.
final class ShareAttempt: Sendable {
    private let isUnderWay = Mutex(())

    /// Runs the attempt; from before `body` begins until it has ended, others wait.
    func perform<R, E: Error>(_ body: () throws(E) -> sending R) throws(E) -> sending R {
        try isUnderWay.withLock { _ throws(E) in try body() }
    }

    /// Returns when the attempt has ended. Not for the thread that performs it.
    func wait() {
        isUnderWay.withLock { _ in }
    }
}
