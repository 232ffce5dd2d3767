internal import CLinux
internal import Glibc
internal import Linux
internal import Logging
internal import Sandbox
internal import Synchronization
internal import SystemPackage
internal import VhostUser
internal import Virtio

/// The thread of one virtqueue: sleeps until the guest kicks, empties the ring, goes back to sleep.
///
/// The session's thread never touches the ring; it leaves orders, which the worker takes between two requests. So neither
/// needs a lock while requests are served, and a request that takes long holds up no order but that to stop. What may take
/// long is handed to the pool, and given back to the ring here when it is finished: no other thread touches the ring.
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

    /// A request that the pool is done with.
    private struct Completion {
        let request: PooledRequest
        /// Bytes written for the guest.
        let length: UInt32
    }

    private let ring: Int
    private let pool: RequestPool
    private let log: Logger
    private let isOver: @Sendable () -> Bool
    private let orders = Mutex(Orders())
    private let completions = Mutex<[Completion]>([])
    /// Orders wait, or completions. Looked at after each new available entry was seen and before it is followed: what the
    /// guest was told of in between, such as new memory, has been ordered before.
    private let hasNews = Atomic<Bool>(false)
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
    /// How long what the pool has is waited for once the frontend has gone, in nanoseconds: a host that does not answer
    /// must not keep the launcher from ending.
    private static let lastPatience: UInt64 = 1_000_000_000
    /// How often it is looked whether the frontend has gone, in milliseconds.
    private static let lookInterval: CInt = 100

    /// Starts the thread; returns when it has confined itself and has its handler.
    ///
    /// - Throws: What a thread or a descriptor could not be made with, or what confining it failed with.
    init(
        ring: Int, pool: RequestPool, log: Logger, isOver: @escaping @Sendable () -> Bool,
        makeHandler: @escaping RequestHandlerFactory
    ) throws(Errno) {
        self.ring = ring
        self.pool = pool
        self.log = log
        self.isOver = isOver
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

    /// Takes the ring away; returns when the requests in hand, the pool's among them, are finished and no other was begun.
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
            hasNews.store(true, ordering: .releasing)
        }
        _ = cl_eventfd_signal(wake.number)
    }
}

// MARK: - The pool's side

extension QueueWorker {
    /// Takes a request back that was handed over, its reply written.
    func finish(_ request: PooledRequest, length: UInt32) {
        completions.withLock {
            $0.append(Completion(request: request, length: length))
            hasNews.store(true, ordering: .releasing)
        }
        _ = cl_eventfd_signal(wake.number)
    }
}

// MARK: - The worker's side

extension QueueWorker {
    /// What the worker signals, the memory it uses, and what it has handed over; its own, no other thread sees it.
    private struct Outfit {
        var memory = GuestMemory.none
        var call: SharedDescriptor?
        var error: SharedDescriptor?
        /// Requests that the pool has.
        var handedOver = 0
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
        var none: SplitQueue?
        while true {
            switch takeNews(&outfit, &none) {
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
        var ring: SplitQueue? = SplitQueue(setup.layout, next: setup.next)
        // As long as the longest chain that is followed, and half of its buffers lying across two regions.
        var chain = DescriptorChain(capacity: 2 * max(1024, Int(setup.layout.size)))
        return withExtendedLifetime(setup) {
            while true {
                switch takeNews(&outfit, &ring) {
                case .goOn: break
                case .start(let setup): return .start(setup)
                case .stop: return .stop
                case .exit: return .exit
                }
                guard var queue = ring.take() else { return .goOn }
                do throws(QueueError) {
                    let isDone = try drain(&queue, &chain, handler, &outfit)
                    ring = consume queue
                    guard isDone else { continue }
                } catch {
                    flush(&queue, outfit.call)
                    stoppedAt.store(queue.nextAvailable, ordering: .releasing)
                    log.error(
                        "a ring is broken by its driver; it is not served until the guest sets it up again",
                        metadata: ["ring": "\(self.ring)", "reason": "\(error)"])
                    outfit.error?.signal()
                    return .goOn
                }
                sleep(setup.kick == nil ? Self.pollInterval : -1)
            }
        }
    }

    /// Answers requests until there is none, or until there is news.
    ///
    /// - Returns: False when there is news.
    private func drain(
        _ queue: inout SplitQueue, _ chain: inout DescriptorChain, _ handler: RequestHandler, _ outfit: inout Outfit
    ) throws(QueueError) -> Bool {
        let memory = outfit.memory
        defer { withExtendedLifetime(memory) {} }
        let map = memory.map
        let call = outfit.call
        repeat {
            queue.disableNotifications()
            var isWorking = false
            var hasUnshown = false
            var oldest: UInt64 = 0
            while try queue.hasAvailable() {
                if hasNews.load(ordering: .acquiring) {
                    flush(&queue, call)
                    return false
                }
                guard try queue.pop(&chain, memory: map) else { break }
                if handler.mayTakeLong(chain.readable) {
                    if handOver(chain, of: queue.size, handler, &outfit) { continue }
                    if hasUnshown {
                        flush(&queue, call)
                        oldest = 0
                    }
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
                if hasNews.load(ordering: .acquiring) { return false }
            }
        } while try queue.enableNotifications()
        return true
    }

    /// Hands a request to the pool. At most half of a ring's entries are ever there: the rest stay for what is quick.
    ///
    /// - Returns: False when the request is to be served here.
    private func handOver(
        _ chain: borrowing DescriptorChain, of size: UInt16, _ handler: RequestHandler, _ outfit: inout Outfit
    ) -> Bool {
        guard outfit.handedOver < Int(size) / 2 else { return false }
        let request = PooledRequest(chain, in: outfit.memory, ticket: handler.ticket(), worker: self)
        guard pool.take(request) else { return false }
        outfit.handedOver += 1
        return true
    }

    /// Shows the driver what is finished, and interrupts it if it wants that.
    private func flush(_ queue: inout SplitQueue, _ call: SharedDescriptor?) {
        if queue.publish() { call?.signal() }
    }

    /// Sleeps until a kick, an order, a completion, or for so many milliseconds.
    private func sleep(_ milliseconds: CInt) {
        // Nothing can fail here while both descriptors are open; if it did, the ring would still be looked at.
        if cl_epoll_wait(epoll.number, milliseconds) < 0 { _ = usleep(1000) }
    }

    /// Takes what was ordered and what was finished, if anything.
    private func takeNews(_ outfit: inout Outfit, _ queue: inout SplitQueue?) -> Turn {
        guard hasNews.load(ordering: .acquiring) else { return .goOn }
        let taken = orders.withLock { orders in
            hasNews.store(false, ordering: .relaxed)
            return exchange(&orders, with: Orders())
        }
        giveBack(&outfit, &queue)
        if let memory = taken.memory { outfit.memory = memory }
        if let error = taken.error { outfit.error = error }
        if let call = taken.call {
            outfit.call = call
            // Whatever was signalled to the one before may be lost to the driver (QEMU before 10.2); one too many is not.
            call?.signal()
        }
        if taken.stop || taken.start != nil || taken.exit {
            settle(&outfit, &queue)
            if let next = queue?.nextAvailable { stoppedAt.store(next, ordering: .releasing) }
        }
        if taken.acknowledge { _ = cl_eventfd_signal(acknowledgement.number) }
        if taken.exit { return .exit }
        if let start = taken.start { return .start(start) }
        return taken.stop ? .stop : .goOn
    }

    /// Gives back to the ring what the pool has finished; without a ring there is nobody to be told.
    private func giveBack(_ outfit: inout Outfit, _ queue: inout SplitQueue?) {
        let finished = completions.withLock { exchange(&$0, with: []) }
        guard !finished.isEmpty else { return }
        outfit.handedOver = max(0, outfit.handedOver - finished.count)
        guard var ring = queue.take() else { return }
        for completion in finished { ring.push(head: completion.request.head, length: completion.length) }
        flush(&ring, outfit.call)
        queue = consume ring
    }

    /// Waits until the pool has nothing of this ring, which is left then. A frontend that has gone has no use for what is
    /// not finished: it is left to itself after a while, and the memory it lies in with it.
    private func settle(_ outfit: inout Outfit, _ queue: inout SplitQueue?) {
        var deadline: UInt64?
        while outfit.handedOver > 0 {
            sleep(Self.lookInterval)
            giveBack(&outfit, &queue)
            if let deadline, cl_monotonic_time() > deadline { outfit.handedOver = 0 }
            if deadline == nil, isOver() { deadline = cl_monotonic_time() &+ Self.lastPatience }
        }
    }
}
