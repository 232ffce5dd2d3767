internal import Linux
internal import Logging
internal import SystemPackage
internal import VhostUser
internal import Virtio

/// The threads that serve one frontend's rings, one each, for the time of its connection.
final class WorkerSet: RingHost {
    private let workers: [QueueWorker]

    /// Starts the threads.
    ///
    /// - Throws: What a thread could not be started or confined with; those that were are gone again then.
    init(ringCount: Int, log: Logger, makeHandler: @escaping RequestHandlerFactory) throws(Errno) {
        var workers: [QueueWorker] = []
        do throws(Errno) {
            for ring in 0..<ringCount {
                workers.append(try QueueWorker(ring: ring, log: log, makeHandler: makeHandler))
            }
        } catch {
            for worker in workers { worker.end() }
            throw error
        }
        self.workers = workers
    }

    /// Ends all threads and waits for them.
    func end() {
        for worker in workers { worker.end() }
    }

    var ringCount: Int { workers.count }

    func start(ring: Int, _ setup: RingSetup) throws(Errno) {
        try workers[ring].start(setup)
    }

    func stop(ring: Int) -> UInt16 {
        workers[ring].stop()
    }

    func setCall(ring: Int, _ call: SharedDescriptor?) {
        workers[ring].setCall(call)
    }

    func setError(ring: Int, _ error: SharedDescriptor?) {
        workers[ring].setError(error)
    }

    func setMemory(_ memory: GuestMemory, settled: Bool) {
        for worker in workers { worker.setMemory(memory, acknowledge: settled) }
        guard settled else { return }
        for worker in workers { worker.awaitAcknowledgement() }
    }
}
