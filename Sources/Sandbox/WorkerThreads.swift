internal import CLinux
public import Linux
internal import Synchronization
public import SystemPackage

/// Starts threads for worker threads, which may start none: one thread that does nothing else, and is confined in nothing.
///
/// Made on a thread of the control plane. What it starts would else begin with what the worker has left, and could not
/// prepare itself.
public final class WorkerThreads: Sendable {
    /// Whether what this process starts may have the extended attributes that take CAP_SYS_ADMIN.
    public static var mayLabel: Bool { Capability.administer.isHeld }

    /// What the threads are to be confined by.
    public let confinement: WorkerConfinement
    private let office: Office
    private let thread: Thread

    /// What the thread has of this, so that it does not keep it alive.
    private final class Office: Sendable {
        struct Order {
            let name: String
            let body: @Sendable () -> Void
        }

        struct State {
            var order: Order?
            var result: Result<Thread, Errno>?
            var isEnding = false
        }

        let state = Mutex(State())
        let orders = Semaphore()
        let results = Semaphore()
        /// The thread's number, once it runs.
        let threadID = Atomic<Int32>(0)

        func run() {
            _ = cl_thread_block_signals()
            threadID.store(cl_own_thread_id(), ordering: .relaxed)
            while true {
                orders.wait()
                let (order, isEnding) = state.withLock { ($0.order.take(), $0.isEnding) }
                if isEnding { return }
                guard let order else { continue }
                let result: Result<Thread, Errno>
                do throws(Errno) {
                    result = .success(try Thread(name: order.name, order.body))
                } catch {
                    result = .failure(error)
                }
                state.withLock { $0.result = result }
                results.signal()
            }
        }
    }

    /// One order at a time.
    private let turn = Mutex(())

    /// Starts the thread that starts threads.
    ///
    /// - Parameter confinement: What the threads are to be confined by.
    /// - Throws: What pthread_create(3) failed with.
    public init(confinement: WorkerConfinement) throws(Errno) {
        self.confinement = confinement
        let office = Office()
        self.office = office
        thread = try Thread(name: "fs-starter") { office.run() }
    }

    deinit {
        office.state.withLock { $0.isEnding = true }
        office.orders.signal()
        // The last reference may have gone with an order.
        if office.threadID.load(ordering: .relaxed) == cl_own_thread_id() { thread.detach() } else { thread.join() }
    }

    /// Starts a thread, from any thread.
    ///
    /// - Parameters:
    ///   - name: At most 15 bytes.
    ///   - body: What it runs; it has to confine itself first.
    /// - Returns: The thread, which may not have begun.
    /// - Throws: What pthread_create(3) failed with.
    public func start(name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) -> Thread {
        try turn.withLock { _ throws(Errno) in
            office.state.withLock { $0.order = Office.Order(name: name, body: body) }
            office.orders.signal()
            office.results.wait()
            guard let result = office.state.withLock({ $0.result.take() }) else { throw .interrupted }
            return try result.get()
        }
    }
}
