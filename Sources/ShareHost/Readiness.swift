internal import Linux
internal import Synchronization
internal import SystemPackage

/// What a thread that was just started has to say before it works: that it has confined itself, or why it could not.
final class Readiness: Sendable {
    private let told = Semaphore()
    private let failure = Atomic<CInt>(0)

    /// Says it, on the new thread. To be called once.
    ///
    /// - Parameter error: Why the thread ends; nil when it is ready.
    func tell(_ error: Errno? = nil) {
        failure.store(error?.rawValue ?? 0, ordering: .releasing)
        told.signal()
    }

    /// Waits until it is said.
    ///
    /// - Throws: Why the thread ends.
    func wait() throws(Errno) {
        told.wait()
        let error = failure.load(ordering: .acquiring)
        guard error == 0 else { throw Errno(rawValue: error) }
    }
}
