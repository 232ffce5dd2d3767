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

    private let ring: Int
    let pool: RequestPool
    /// What says whether a core is free, where the ring may be watched for a while instead of sleeping at once.
    private let load: ProcessorLoad?
    private let complaints: Complaints
    let isOver: @Sendable () -> Bool
    let orders = Mutex(Orders())
    let completions = Mutex<[Completion]>([])
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
    /// What may be signalled at the moment: by the worker, and by the session with the next one to be taken.
    let signalled = Mutex<(call: SharedDescriptor?, error: SharedDescriptor?, next: SharedDescriptor?)>((nil, nil, nil))
    let hasEnded = Semaphore()
    let thread = Mutex<Linux.Thread?>(nil)

    /// How long the hiprio ring is left alone after it had work, in milliseconds. It carries FORGET, one per inode, which
    /// nobody waits for: a storm of them costs the guest no kick, and an interrupt per nap instead of one each.
    private static let hiprioNap: CInt = 5
    /// How often a ring is looked at between two looks at the clock.
    private static let looksAtOnce = 16
    /// How long the end of the thread is waited for until it is looked what holds it up, in milliseconds.
    static let patience = 20
    /// How often a ring without a kick descriptor is looked at, in milliseconds.
    private static let pollInterval: CInt = 1

    /// Starts the thread; returns when it has confined itself and has its handler.
    ///
    /// - Throws: What a thread or a descriptor could not be made with, or what confining it failed with.
    init(
        ring: Int, pool: RequestPool, confinement: WorkerConfinement, load: ProcessorLoad?, log: Logger,
        complaints: Complaints, isOver: @escaping @Sendable () -> Bool, makeHandler: @escaping RequestHandlerFactory
    ) throws(Errno) {
        self.ring = ring
        self.pool = pool
        self.load = ring == 0 ? nil : load
        self.complaints = complaints
        self.isOver = isOver
        epoll = try Descriptor(result: cl_epoll_create())
        wake = try Descriptor(result: cl_eventfd(0, false))
        try checked(cl_epoll_add(epoll.number, wake.number, true))
        let thread = try confinement.start(
            ring == 0 ? "fs-hiprio" : "fs-queue-\(ring)",
            prepare: { hasOwnUmask in
                if !hasOwnUmask, ring == 0 {
                    log.warning(
                        "unshare(2) is forbidden here: the umask of this process applies to what guests create")
                }
                return makeHandler(ring)
            }
        ) {
            self.run($0)
            self.hasEnded.signal()
        }
        self.thread.withLock { $0 = thread }
    }
}

// MARK: - The worker's side

extension QueueWorker {
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
                    let start = load == nil ? 0 : cl_monotonic_time()
                    sleep(setup.kick == nil ? Self.pollInterval : -1)
                    if load != nil { outfit.poll.noteSleep(cl_monotonic_time() &- start) }
                } catch {
                    flush(&queue, &outfit)
                    stoppedAt.store(queue.nextAvailable, ordering: .releasing)
                    complaints.note(
                        "a ring is broken by its driver; it is not served until the guest sets it up again",
                        ["ring": "\(self.ring)", "reason": "\(error)"])
                    outfit.error?.signal()
                    cancelWaiting(&outfit)
                    return .goOn
                }
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
        let lostPages = GuestMemory.lostPages
        repeat {
            queue.disableNotifications()
            var isWorking = false
            outfit.batch.end()
            while try hasRequest(&queue, &outfit) {
                if hasNews.load(ordering: .acquiring) {
                    flush(&queue, &outfit)
                    return false
                }
                guard try queue.pop(&chain, memory: map) else { break }
                let pace = handler.pace(chain.readable)
                var served: UInt32?
                if pace != .quick {
                    let isHeld = hold(chain, of: queue.size, pace, handler, &outfit, &served)
                    if isHeld { continue }
                    if served == nil { flush(&queue, &outfit) }
                }
                let length = served ?? handler.serve(chain.readable, chain.writable)
                queue.push(head: chain.head, length: length)
                queue.expose()
                outfit.batch.finish()
                isWorking = true
                guard try queue.hasAvailable() else { continue }
                let isDue =
                    ring == 0
                    ? outfit.batch.isForgetLate()
                    : outfit.batch.isDue(
                        waiting: queue.waitingCount, left: queue.availableCount, isCrowded: outfit.poll.isCrowded)
                if isDue { flush(&queue, &outfit) }
            }
            flush(&queue, &outfit)
            if GuestMemory.lostPages != lostPages, memory.hasHoles { throw .memoryTakenAway }
            if isWorking && ring == 0 {
                sleep(Self.hiprioNap)
                if hasNews.load(ordering: .acquiring) { return false }
            }
        } while try queue.enableNotifications()
        return true
    }

    /// Whether there is a request; watches the ring for one, if that is likely to pay.
    @inline(__always)
    private func hasRequest(
        _ queue: inout SplitQueue, _ outfit: inout Outfit
    ) throws(QueueError) -> Bool {
        if try queue.hasAvailable() { return true }
        guard let load, outfit.batch.finished > 0 else { return false }
        return try watch(&queue, load, &outfit)
    }

    private func watch(
        _ queue: inout SplitQueue, _ load: ProcessorLoad, _ outfit: inout Outfit
    ) throws(QueueError) -> Bool {
        let start = cl_monotonic_time()
        guard outfit.poll.isWorthwhile(now: start) else {
            if outfit.poll.isCrowded, outfit.poll.shouldLookForCrowd(now: start) {
                flush(&queue, &outfit)
                outfit.poll.noteCrowdAtRest(load.isCrowded, now: start)
            }
            return false
        }
        flush(&queue, &outfit)
        outfit.batch.end()
        // After the interrupt: a guest's processor that was woken by it is among those that want a core.
        if outfit.poll.shouldLookForCrowd(now: start) {
            let isCrowded = load.isCrowded
            outfit.poll.noteCrowd(isCrowded, now: start)
            if isCrowded { return false }
        }
        var last = cl_monotonic_time()
        while !hasNews.load(ordering: .acquiring) {
            for _ in 0..<Self.looksAtOnce {
                if try queue.hasAvailable() {
                    outfit.poll.noteHit(pause: last &- start)
                    return true
                }
                cl_relax()
            }
            let now = cl_monotonic_time()
            if now &- last > AdaptivePoll.interruption {
                outfit.poll.noteCrowd(true, now: now)
                return false
            }
            if now &- start > AdaptivePoll.longest {
                outfit.poll.noteMiss(now: now)
                return false
            }
            last = now
        }
        return false
    }

    /// Shows the driver what is finished, and interrupts it if it wants that.
    func flush(_ queue: inout SplitQueue, _ outfit: inout Outfit) {
        if queue.publish() { outfit.call?.signal() }
        outfit.batch.show()
    }

    /// Sleeps until a kick, an order, a completion, or for so many milliseconds.
    func sleep(_ milliseconds: CInt) {
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
        if let error = taken.error {
            outfit.error = error
            signalled.withLock { $0.error = error }
        }
        if let call = taken.call {
            outfit.call = call
            signalled.withLock { $0.call = call }
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
}
