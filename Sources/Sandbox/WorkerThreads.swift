internal import CLinux
public import Linux
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
    private let desk: Rendezvous<Order, Result<Thread, Errno>>
    private let thread: Thread

    private struct Order {
        let name: String
        let body: @Sendable () -> Void
    }

    /// Starts the thread that starts threads.
    ///
    /// - Parameter confinement: What the threads are to be confined by.
    /// - Throws: What pthread_create(3) failed with.
    public init(confinement: WorkerConfinement) throws(Errno) {
        self.confinement = confinement
        let desk = Rendezvous<Order, Result<Thread, Errno>>()
        self.desk = desk
        thread = try Thread(name: "fs-starter") {
            _ = cl_thread_block_signals()
            desk.serve { order in
                Result { () throws(Errno) in try Thread(name: order.name, order.body) }
            }
        }
    }

    deinit {
        desk.end()
        // The last reference may have gone with an order.
        if desk.isServedHere { thread.detach() } else { thread.join() }
    }

    /// Starts a thread, from any thread.
    ///
    /// - Parameters:
    ///   - name: At most 15 bytes.
    ///   - body: What it runs; it has to confine itself first.
    /// - Returns: The thread, which may not have begun.
    /// - Throws: What pthread_create(3) failed with.
    public func start(name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) -> Thread {
        guard let result = desk.ask(Order(name: name, body: body)) else { throw .interrupted }
        return try result.get()
    }
}
