internal import Linux
internal import Logging
internal import Sandbox
internal import SystemPackage
internal import VhostUser
internal import Virtio

/// The threads that serve one frontend's rings, one each, for the time of its connection.
final class WorkerSet: RingHost {
    private let workers: [QueueWorker]
    private let pool: RequestPool

    /// How long the end of a connection waits for a thread of the pool whose requests it no longer waits for, in
    /// milliseconds.
    private static let patience: CInt = 100

    /// Starts the threads.
    ///
    /// - Parameters:
    ///   - ringCount: How many rings there are.
    ///   - confinement: What the threads are confined by.
    ///   - load: What says whether a core is free, where request queues may be watched.
    ///   - log: Takes what is amiss with the threads.
    ///   - complaints: Takes a line when a driver misbehaves.
    ///   - isOver: Whether the frontend has gone. From then on the host gets little more time for what it has not answered.
    ///   - makeHandler: Makes what serves the requests of each.
    /// - Throws: What a thread could not be started or confined with; those that were are gone again then.
    init(
        ringCount: Int, confinement: WorkerConfinement, load: ProcessorLoad?, log: Logger, complaints: Complaints,
        isOver: @escaping @Sendable () -> Bool, makeHandler: @escaping RequestHandlerFactory
    ) throws(Errno) {
        let pool = try RequestPool(confinement: confinement, makeHandler: makeHandler)
        var workers: [QueueWorker] = []
        do throws(Errno) {
            for ring in 0..<ringCount {
                workers.append(
                    try QueueWorker(
                        ring: ring, pool: pool, confinement: confinement, load: load, log: log,
                        complaints: complaints, isOver: isOver, makeHandler: makeHandler))
            }
        } catch {
            for worker in workers { worker.end() }
            throw error
        }
        self.workers = workers
        self.pool = pool
    }

    /// Ends all threads and waits for them; not for long for one of the pool that the host does not answer.
    func end() {
        for worker in workers { worker.end() }
        pool.end(patience: Self.patience)
    }

    /// Lets threads go on that a frontend holds up, which is not waited for any more.
    func free() {
        for worker in workers { worker.free() }
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

    /// A request that the pool has keeps the memory that it lies in, and is not waited for: its guest has it in use.
    func setMemory(_ memory: GuestMemory, settled: Bool) {
        for worker in workers { worker.setMemory(memory, acknowledge: settled) }
        guard settled else { return }
        for worker in workers { worker.awaitAcknowledgement() }
    }
}
