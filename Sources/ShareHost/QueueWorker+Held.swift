internal import CLinux
internal import FileService
internal import Linux
internal import Synchronization
internal import VhostUser
internal import Virtio

/// What of a ring is neither in it nor in hand: requests that the pool has, and such as wait.
extension QueueWorker {
    /// A request that was taken off the ring and can be given back.
    enum Completion {
        /// The pool has served it and written so many bytes for the guest.
        case finished(HeldRequest, length: UInt32)
        /// What it waited for has come, or will not.
        case answered(HeldRequest, LateAnswer)
    }

    /// How long what the pool has is waited for once the frontend has gone, in nanoseconds: a host that does not answer
    /// must not keep the launcher from ending.
    private static let lastPatience: UInt64 = 1_000_000_000
    /// How often it is looked whether the frontend has gone, in milliseconds.
    private static let lookInterval: CInt = 100

    /// What the worker signals, the memory it uses, and what it has handed over; its own, no other thread sees it.
    struct Outfit {
        var memory = GuestMemory.none
        var call: SharedDescriptor?
        var error: SharedDescriptor?
        /// Whether to watch the ring.
        var poll = AdaptivePoll()
        /// When the driver is woken for what is finished.
        var batch = Batch()
        /// How many requests the pool has.
        var handedOver = 0
        /// The requests that wait. They outlast a stop of the ring: their guest goes on waiting after it.
        var waiting: [Waiting] = []

        /// How many requests of the ring are neither in it nor in hand.
        var heldCount: Int { handedOver + waiting.count }
    }

    struct Waiting {
        let request: HeldRequest
        let wait: LockWait
        /// The answer, when it came while there was no ring to be told.
        var answer: LateAnswer?
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
    /// The most requests that are off a ring: each is a copy of its chain, which a driver can make long.
    private static var mostHeld: Int { 512 }

    /// Takes a request off the ring that is for the pool or has to wait. At most half of a ring's entries are ever off it:
    /// the rest stay for what is quick.
    ///
    /// - Returns: False when the request is still in hand; `served` are the bytes written if it has been served after all.
    func hold(
        _ chain: borrowing DescriptorChain, of size: UInt16, _ pace: RequestPace, _ handler: RequestHandler,
        _ outfit: inout Outfit, _ served: inout UInt32?
    ) -> Bool {
        guard outfit.heldCount < min(Int(size) / 2, Self.mostHeld) else { return false }
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

    /// Gives back to the ring what is finished; without a ring there is nobody to be told.
    func giveBack(_ outfit: inout Outfit, _ queue: inout SplitQueue?) {
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
        flush(&told, &outfit)
        queue = consume told
    }

    /// Goes on with what waited when the ring was stopped, if this is the same ring: exactly so many requests that were
    /// taken from it were not given back. Else its guest has set it up anew, and knows nothing of them.
    func resumeWaiting(_ outfit: inout Outfit, _ queue: inout SplitQueue?, _ setup: RingSetup) {
        let used = UInt16(littleEndian: cl_load16_relaxed(setup.layout.used + 2))
        guard outfit.waiting.count == Int(setup.next &- used) else { return cancelWaiting(&outfit) }
        for waiting in outfit.waiting {
            guard let answer = waiting.answer else { continue }
            queue?.push(head: waiting.request.head, length: answer.write(to: waiting.request.writable))
        }
        outfit.waiting.removeAll { $0.answer != nil }
        guard var told = queue.take() else { return }
        flush(&told, &outfit)
        queue = consume told
    }

    /// Gives up what waits: there is no ring any more that it could be given back to.
    func cancelWaiting(_ outfit: inout Outfit) {
        for waiting in exchange(&outfit.waiting, with: []) { waiting.wait.cancel() }
    }

    /// Waits until the pool has nothing of this ring, which is left then. A frontend that has gone has no use for what is
    /// not finished: it is left to itself after a while, and the memory it lies in with it.
    func settle(_ outfit: inout Outfit, _ queue: inout SplitQueue?) {
        var deadline: UInt64?
        while outfit.handedOver > 0 {
            sleep(Self.lookInterval)
            giveBack(&outfit, &queue)
            if let deadline, cl_monotonic_time() > deadline { outfit.handedOver = 0 }
            if deadline == nil, isOver() { deadline = cl_monotonic_time() &+ Self.lastPatience }
        }
    }
}
