internal import CLinux
internal import FileService
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
    struct Orders {
        var stop = false
        var start: RingSetup?
        var memory: GuestMemory?
        var call: SharedDescriptor??
        var error: SharedDescriptor??
        var exit = false
        /// The session waits until this has been taken.
        var acknowledge = false
    }

    /// A request that was taken off the ring and can be given back.
    private enum Completion {
        /// The pool has served it and written so many bytes for the guest.
        case finished(HeldRequest, length: UInt32)
        /// What it waited for has come, or will not.
        case answered(HeldRequest, LateAnswer)
    }

    private let ring: Int
    private let pool: RequestPool
    private let complaints: Complaints
    private let isOver: @Sendable () -> Bool
    let orders = Mutex(Orders())
    private let completions = Mutex<[Completion]>([])
    /// Orders wait, or completions. Looked at after each new available entry was seen and before it is followed: what the
    /// guest was told of in between, such as new memory, has been ordered before.
    let hasNews = Atomic<Bool>(false)
    /// Where the ring was when the worker last let go of it.
    let stoppedAt = Atomic<UInt16>(0)
    /// Holds the kick and the wake descriptor, both edge-triggered. That is one system call per sleep, as cheap as a
    /// blocking read of the kick alone, and it leaves the kick's O_NONBLOCK, which the frontend shares, as it is.
    let epoll: Descriptor
    let wake: Descriptor
    /// What the session waits for: an order taken.
    let acknowledgement = Semaphore()
    let kick = Mutex<SharedDescriptor?>(nil)
    let thread = Mutex<Linux.Thread?>(nil)

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
        ring: Int, pool: RequestPool, confinement: WorkerConfinement, log: Logger,
        complaints: Complaints, isOver: @escaping @Sendable () -> Bool, makeHandler: @escaping RequestHandlerFactory
    ) throws(Errno) {
        self.ring = ring
        self.pool = pool
        self.complaints = complaints
        self.isOver = isOver
        epoll = try Descriptor(result: cl_epoll_create())
        wake = try Descriptor(result: cl_eventfd(0, false))
        try checked(cl_epoll_add(epoll.number, wake.number, true))
        let readiness = Readiness()
        let thread = try Linux.Thread(name: ring == 0 ? "fs-hiprio" : "fs-queue-\(ring)") {
            let handler: RequestHandler
            do throws(Errno) {
                if try !confinement.enter(), ring == 0 {
                    log.warning(
                        "unshare(2) is forbidden here: the umask of this process applies to what guests create")
                }
                handler = makeHandler(ring)
                try confinement.seal()
            } catch {
                return readiness.tell(error)
            }
            readiness.tell()
            self.run(handler)
        }
        do throws(Errno) {
            try readiness.wait()
        } catch {
            thread.join()
            throw error
        }
        self.thread.withLock { $0 = thread }
    }
}

// MARK: - The pool's side

extension QueueWorker {
    /// Takes a request back that was handed over, its reply written.
    func finish(_ request: HeldRequest, length: UInt32) { post(.finished(request, length: length)) }

    private func post(_ completion: Completion) {
        completions.withLock {
            $0.append(completion)
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
        /// How many requests the pool has.
        var handedOver = 0
        /// The requests that wait. They outlast a stop of the ring: their guest goes on waiting after it.
        var waiting: [Waiting] = []

        /// How many requests of the ring are neither in it nor in hand.
        var heldCount: Int { handedOver + waiting.count }
    }

    private struct Waiting {
        let request: HeldRequest
        let wait: LockWait
        /// The answer, when it came while there was no ring to be told.
        var answer: LateAnswer?
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
            case .exit: return cancelWaiting(&outfit)
            case .start(let setup):
                if case .exit = serve(setup, handler, &outfit) { return cancelWaiting(&outfit) }
            case .stop, .goOn:
                sleep(-1)
            }
        }
    }

    /// Serves a ring until it is taken away or breaks.
    private func serve(_ setup: RingSetup, _ handler: RequestHandler, _ outfit: inout Outfit) -> Turn {
        var ring: SplitQueue? = SplitQueue(setup.layout, next: setup.next)
        resumeWaiting(&outfit, &ring, setup)
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
                    complaints.note(
                        "a ring is broken by its driver; it is not served until the guest sets it up again",
                        ["ring": "\(self.ring)", "reason": "\(error)"])
                    outfit.error?.signal()
                    cancelWaiting(&outfit)
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
        let lostPages = GuestMemory.lostPages
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
                let pace = handler.pace(chain.readable)
                var served: UInt32?
                if pace != .quick {
                    let isHeld = hold(chain, of: queue.size, pace, handler, &outfit, &served)
                    if isHeld { continue }
                    if served == nil, hasUnshown {
                        flush(&queue, call)
                        oldest = 0
                    }
                }
                let length = served ?? handler.serve(chain.readable, chain.writable)
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
            if GuestMemory.lostPages != lostPages, memory.hasHoles { throw .memoryTakenAway }
            if isWorking && ring == 0 {
                sleep(Self.hiprioNap)
                if hasNews.load(ordering: .acquiring) { return false }
            }
        } while try queue.enableNotifications()
        return true
    }

    /// Takes a request off the ring that is for the pool or has to wait. At most half of a ring's entries are ever off it:
    /// the rest stay for what is quick.
    ///
    /// - Returns: False when the request is still in hand; `served` are the bytes written if it has been served after all.
    private func hold(
        _ chain: borrowing DescriptorChain, of size: UInt16, _ pace: RequestPace, _ handler: RequestHandler,
        _ outfit: inout Outfit, _ served: inout UInt32?
    ) -> Bool {
        guard outfit.heldCount < Int(size) / 2 else { return false }
        guard pace == .patient else {
            let request = HeldRequest(chain, in: outfit.memory, ticket: handler.ticket(), worker: self)
            guard pool.take(request) else { return false }
            outfit.handedOver += 1
            return true
        }
        let (length, wait) = handler.serveOrWait(chain.readable, chain.writable)
        guard let wait else {
            served = length
            return false
        }
        let request = HeldRequest(chain, in: outfit.memory, ticket: SessionTicket(), worker: self)
        outfit.waiting.append(Waiting(request: request, wait: wait))
        wait.start { self.post(.answered(request, $0)) }
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
        if taken.acknowledge { acknowledgement.signal() }
        if taken.exit { return .exit }
        if let start = taken.start { return .start(start) }
        return taken.stop ? .stop : .goOn
    }

    /// Gives back to the ring what is finished; without a ring there is nobody to be told.
    private func giveBack(_ outfit: inout Outfit, _ queue: inout SplitQueue?) {
        let completions = completions.withLock { exchange(&$0, with: []) }
        guard !completions.isEmpty else { return }
        var ring = queue.take()
        for completion in completions {
            switch completion {
            case .finished(let request, let length):
                outfit.handedOver = max(0, outfit.handedOver - 1)
                ring?.push(head: request.head, length: length)
            case .answered(let request, let answer):
                // Not there: it was given up together with its ring.
                guard let index = outfit.waiting.firstIndex(where: { $0.request === request }) else { continue }
                if ring == nil {
                    outfit.waiting[index].answer = answer
                } else {
                    outfit.waiting.remove(at: index)
                    ring?.push(head: request.head, length: answer.write(to: request.writable))
                }
            }
        }
        guard var told = ring.take() else { return }
        flush(&told, outfit.call)
        queue = consume told
    }

    /// Goes on with what waited when the ring was stopped, if this is the same ring: exactly so many requests that were
    /// taken from it were not given back. Else its guest has set it up anew, and knows nothing of them.
    private func resumeWaiting(_ outfit: inout Outfit, _ queue: inout SplitQueue?, _ setup: RingSetup) {
        let used = UInt16(littleEndian: cl_load16_relaxed(setup.layout.used + 2))
        guard outfit.waiting.count == Int(setup.next &- used) else { return cancelWaiting(&outfit) }
        for waiting in outfit.waiting {
            guard let answer = waiting.answer else { continue }
            queue?.push(head: waiting.request.head, length: answer.write(to: waiting.request.writable))
        }
        outfit.waiting.removeAll { $0.answer != nil }
        guard var told = queue.take() else { return }
        flush(&told, outfit.call)
        queue = consume told
    }

    /// Gives up what waits: there is no ring any more that it could be given back to.
    private func cancelWaiting(_ outfit: inout Outfit) {
        for waiting in exchange(&outfit.waiting, with: []) { waiting.wait.cancel() }
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
