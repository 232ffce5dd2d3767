internal import CLinux
internal import Glibc
internal import Linux
internal import Logging
internal import Sandbox
internal import Synchronization
internal import SystemPackage
internal import VhostUser
internal import Virtio

/// What answers the requests of one ring. Used on one thread.
struct RequestHandler {
    /// Answers one request: reads the first buffers, writes the second, returns how many bytes it wrote.
    let serve: (_ readable: UnsafeBufferPointer<iovec>, _ writable: UnsafeBufferPointer<iovec>) -> UInt32
    /// Whether a request may take so long that those finished before it must not wait for it.
    let mayTakeLong: (_ readable: UnsafeBufferPointer<iovec>) -> Bool
}

/// Makes the handler of a ring, on the thread that will use it.
typealias RequestHandlerFactory = @Sendable (_ ring: Int) -> RequestHandler

/// The thread of one virtqueue: sleeps until the guest kicks, empties the ring, goes back to sleep.
///
/// The session's thread never touches the ring; it leaves orders, which the worker takes between two requests. So neither
/// needs a lock while requests are served, and a request that takes long holds up no order but that to stop.
final class QueueWorker: Sendable {
    /// What the session wants changed. Later orders replace earlier ones that were not taken yet.
    private struct Orders {
        var stop = false
        var start: RingSetup?
        var memory: GuestMemory?
        var call: SharedDescriptor??
        var error: SharedDescriptor??
        var exit = false
        /// The session waits until this has been taken.
        var acknowledge = false
    }

    private let ring: Int
    private let log: Logger
    private let orders = Mutex(Orders())
    /// Orders wait. Looked at after each new available entry was seen and before it is followed: what the guest was told
    /// of in between, such as new memory, has been ordered before.
    private let hasOrders = Atomic<Bool>(false)
    /// Where the ring was when the worker last let go of it.
    private let stoppedAt = Atomic<UInt16>(0)
    /// Holds the kick and the wake descriptor, both edge-triggered. That is one system call per sleep, as cheap as a
    /// blocking read of the kick alone, and it leaves the kick's O_NONBLOCK, which the frontend shares, as it is.
    private let epoll: Descriptor
    private let wake: Descriptor
    private let acknowledgement: Descriptor
    private let kick = Mutex<SharedDescriptor?>(nil)
    private let thread = Mutex<Linux.Thread?>(nil)

    /// How long the hiprio ring is left alone after it had work, in milliseconds. It carries FORGET, one per inode, which
    /// nobody waits for: a storm of them costs the guest no kick, and an interrupt per nap instead of one each.
    private static let hiprioNap: CInt = 5
    /// How often a ring without a kick descriptor is looked at, in milliseconds.
    private static let pollInterval: CInt = 1
    /// How long a finished request may wait for the others of its batch, in nanoseconds.
    private static let patience: UInt64 = 30_000

    /// Starts the thread; returns when it has confined itself and has its handler.
    ///
    /// - Throws: What a thread or a descriptor could not be made with, or what confining it failed with.
    init(ring: Int, log: Logger, makeHandler: @escaping RequestHandlerFactory) throws(Errno) {
        self.ring = ring
        self.log = log
        epoll = try Descriptor(result: cl_epoll_create())
        wake = try Descriptor(result: cl_eventfd(0, false))
        acknowledgement = try Descriptor(result: cl_eventfd(0, false))
        try checked(cl_epoll_add(epoll.number, wake.number, true))
        let failure = Atomic<CInt>.Box(0)
        let thread = try Linux.Thread(name: ring == 0 ? "fs-hiprio" : "fs-queue-\(ring)") {
            do throws(Errno) {
                if try !WorkerConfinement.enter(), ring == 0 {
                    log.warning(
                        "unshare(2) is forbidden here: the umask of this process applies to what guests create")
                }
            } catch {
                failure.value.store(error.rawValue, ordering: .releasing)
                _ = cl_eventfd_signal(self.acknowledgement.number)
                return
            }
            let handler = makeHandler(ring)
            _ = cl_eventfd_signal(self.acknowledgement.number)
            self.run(handler)
        }
        _ = cl_eventfd_wait(acknowledgement.number)
        let error = failure.value.load(ordering: .acquiring)
        guard error == 0 else {
            thread.join()
            throw Errno(rawValue: error)
        }
        self.thread.withLock { $0 = thread }
    }
}

extension Atomic where Value == CInt {
    /// An atomic that a closure can hold.
    fileprivate final class Box: Sendable {
        let value: Atomic<CInt>

        init(_ value: CInt) {
            self.value = Atomic(value)
        }
    }
}

// MARK: - The session's side

extension QueueWorker {
    /// Serves a ring; it is looked at whether it was kicked or not.
    ///
    /// - Throws: What the kick descriptor cannot be waited for with.
    func start(_ setup: RingSetup) throws(Errno) {
        if let kick = setup.kick {
            try checked(cl_epoll_add(epoll.number, kick.number, true))
            self.kick.withLock { $0 = kick }
        }
        post { $0.start = setup }
    }

    /// Takes the ring away; returns when the request in hand, if any, is finished and no other was begun.
    ///
    /// - Returns: The first available entry that was not taken.
    func stop() -> UInt16 {
        post {
            $0.stop = true
            $0.start = nil
            $0.acknowledge = true
        }
        awaitAcknowledgement()
        kick.withLock { kick in
            guard let number = kick?.number else { return }
            _ = cl_epoll_remove(epoll.number, number)
            // The counter was never read. A frontend that takes the eventfd back finds it empty, as it lent it.
            var state = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
            if cl_poll(&state, 1, 0) == 1, state.revents & Int16(POLLIN) != 0 { _ = cl_eventfd_wait(number) }
            kick = nil
        }
        return stoppedAt.load(ordering: .acquiring)
    }

    /// Takes another descriptor to signal. A full eventfd or pipe, which a frontend can pass as well, must not hold a worker
    /// for ever; QEMU's are not blocking in the first place.
    func setCall(_ call: SharedDescriptor?) {
        if let call { _ = cl_set_nonblocking(call.number, true) }
        post { $0.call = .some(call) }
        // And signalled at once: the worker may be in a long request, and have told of those before it by the last one.
        call?.signal()
    }

    func setError(_ error: SharedDescriptor?) {
        if let error { _ = cl_set_nonblocking(error.number, true) }
        post { $0.error = .some(error) }
    }

    /// Gives the worker another memory table; see ``awaitAcknowledgement()`` when it is to be acknowledged.
    func setMemory(_ memory: GuestMemory, acknowledge: Bool) {
        post {
            $0.memory = memory
            $0.acknowledge = acknowledge
        }
    }

    /// Waits until the orders before the last one that was to be acknowledged are taken.
    func awaitAcknowledgement() {
        _ = cl_eventfd_wait(acknowledgement.number)
    }

    /// Ends the thread and waits for its end.
    func end() {
        post { $0.exit = true }
        thread.withLock { thread in
            thread?.join()
            thread = nil
        }
    }

    private func post(_ change: (inout Orders) -> Void) {
        orders.withLock {
            change(&$0)
            hasOrders.store(true, ordering: .releasing)
        }
        _ = cl_eventfd_signal(wake.number)
    }
}

// MARK: - The worker's side

extension QueueWorker {
    /// What the worker signals, and the memory it uses; its own, no other thread sees it.
    private struct Outfit {
        var memory = GuestMemory.none
        var call: SharedDescriptor?
        var error: SharedDescriptor?
    }

    /// What the worker does next.
    private enum Turn {
        case goOn
        case start(RingSetup)
        case stop
        case exit
    }

    private func run(_ handler: RequestHandler) {
        var outfit = Outfit()
        while true {
            switch takeOrders(&outfit, at: nil) {
            case .exit: return
            case .start(let setup):
                if case .exit = serve(setup, handler, &outfit) { return }
            case .stop, .goOn:
                sleep(-1)
            }
        }
    }

    /// Serves a ring until it is taken away or breaks.
    private func serve(_ setup: RingSetup, _ handler: RequestHandler, _ outfit: inout Outfit) -> Turn {
        var queue = SplitQueue(setup.layout, next: setup.next)
        // As long as the longest chain that is followed, and half of its buffers lying across two regions.
        var chain = DescriptorChain(capacity: 2 * max(1024, Int(setup.layout.size)))
        return withExtendedLifetime(setup) {
            while true {
                switch takeOrders(&outfit, at: queue.nextAvailable) {
                case .goOn: break
                case .start(let setup): return .start(setup)
                case .stop: return .stop
                case .exit: return .exit
                }
                do throws(QueueError) {
                    let memory = outfit.memory
                    let isDone = try drain(&queue, &chain, memory, outfit.call, handler)
                    withExtendedLifetime(memory) {}
                    guard isDone else { continue }
                } catch {
                    flush(&queue, outfit.call)
                    stoppedAt.store(queue.nextAvailable, ordering: .releasing)
                    log.error(
                        "a ring is broken by its driver; it is not served until the guest sets it up again",
                        metadata: ["ring": "\(ring)", "reason": "\(error)"])
                    outfit.error?.signal()
                    return .goOn
                }
                sleep(setup.kick == nil ? Self.pollInterval : -1)
            }
        }
    }

    /// Answers requests until there is none, or until orders wait.
    ///
    /// - Returns: False when orders wait.
    private func drain(
        _ queue: inout SplitQueue, _ chain: inout DescriptorChain, _ memory: GuestMemory, _ call: SharedDescriptor?,
        _ handler: RequestHandler
    ) throws(QueueError) -> Bool {
        let map = memory.map
        repeat {
            queue.disableNotifications()
            var isWorking = false
            var hasUnshown = false
            var oldest: UInt64 = 0
            while try queue.hasAvailable() {
                if hasOrders.load(ordering: .acquiring) {
                    flush(&queue, call)
                    return false
                }
                guard try queue.pop(&chain, memory: map) else { break }
                if hasUnshown, handler.mayTakeLong(chain.readable) {
                    flush(&queue, call)
                    oldest = 0
                }
                let length = handler.serve(chain.readable, chain.writable)
                queue.push(head: chain.head, length: length)
                isWorking = true
                hasUnshown = true
                // The clock is read only when another request would make this one wait.
                if try queue.hasAvailable() {
                    let now = cl_monotonic_time()
                    if oldest == 0 {
                        oldest = now
                    } else if now &- oldest > Self.patience {
                        flush(&queue, call)
                        hasUnshown = false
                        oldest = 0
                    }
                }
            }
            flush(&queue, call)
            if isWorking && ring == 0 {
                sleep(Self.hiprioNap)
                if hasOrders.load(ordering: .acquiring) { return false }
            }
        } while try queue.enableNotifications()
        return true
    }

    /// Shows the driver what is finished, and interrupts it if it wants that.
    private func flush(_ queue: inout SplitQueue, _ call: SharedDescriptor?) {
        if queue.publish() { call?.signal() }
    }

    /// Sleeps until a kick, an order, or for so many milliseconds.
    private func sleep(_ milliseconds: CInt) {
        // Nothing can fail here while both descriptors are open; if it did, the ring would still be looked at.
        if cl_epoll_wait(epoll.number, milliseconds) < 0 { _ = usleep(1000) }
    }

    /// Takes what was ordered, if anything. `next` is where the ring in hand stands; nil when there is none.
    private func takeOrders(_ outfit: inout Outfit, at next: UInt16?) -> Turn {
        guard hasOrders.load(ordering: .acquiring) else { return .goOn }
        let taken = orders.withLock { orders in
            hasOrders.store(false, ordering: .relaxed)
            let taken = orders
            orders = Orders()
            return taken
        }
        if let memory = taken.memory { outfit.memory = memory }
        if let error = taken.error { outfit.error = error }
        if let call = taken.call {
            outfit.call = call
            // Whatever was signalled to the one before may be lost to the driver (QEMU before 10.2); one too many is not.
            call?.signal()
        }
        let leaves = taken.stop || taken.start != nil || taken.exit
        if leaves, let next { stoppedAt.store(next, ordering: .releasing) }
        if taken.acknowledge { _ = cl_eventfd_signal(acknowledgement.number) }
        if taken.exit { return .exit }
        if let start = taken.start { return .start(start) }
        return taken.stop ? .stop : .goOn
    }
}
