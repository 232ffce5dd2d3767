internal import Synchronization

/// Work that waits for a thread, first in, first out.
final class JobQueue: Sendable {
    typealias Job = @Sendable () -> Void

    private let jobs = Mutex<[Job]>([])

    /// Adds work.
    func append(_ job: @escaping Job) {
        jobs.withLock { $0.append(job) }
    }

    /// The next work; nil when there is none.
    func next() -> Job? {
        jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }

    /// Whether work waits.
    var isEmpty: Bool { jobs.withLock { $0.isEmpty } }
}
