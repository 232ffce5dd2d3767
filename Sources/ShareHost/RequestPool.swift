internal import CLinux
internal import FileService
internal import Linux
internal import Sandbox
internal import Synchronization
internal import SystemPackage

/// The threads that serve what may take long, so that it holds up nobody else: fsync and its like. One pool for all rings
/// of a connection; it has no thread until there is a request for it.
final class RequestPool: Sendable {
    /// The most threads there are. What comes while all are busy waits for one: a disk is not faster for more.
    static let threadLimit = RequestDispatcher.poolLaneCount

    private struct State {
        var waiting: [HeldRequest] = []
        /// Threads that have nothing to do.
        var idle = 0
        var threads: [Linux.Thread] = []
        var isEnding = false
    }

    private let makeHandler: RequestHandlerFactory
    /// What starts the threads: the worker that has a request for them may not.
    private let threads: WorkerThreads
    private let state = Mutex(State())
    /// Wakes one idle thread, which wakes the next if there is more to do.
    private let arrival: Descriptor
    /// How many threads have ended.
    private let ended = Atomic<Int>(0)
    private let end: Descriptor

    /// Makes a pool without threads.
    ///
    /// - Parameters:
    ///   - confinement: What its threads are confined by.
    ///   - makeHandler: Makes what serves the requests of each.
    /// - Throws: What a descriptor, or what starts the threads, could not be made with.
    init(confinement: WorkerConfinement, makeHandler: @escaping RequestHandlerFactory) throws(Errno) {
        self.makeHandler = makeHandler
        threads = try WorkerThreads(confinement: confinement)
        arrival = try Descriptor(result: cl_eventfd(0, false))
        end = try Descriptor(result: cl_eventfd(0, false))
    }

    /// Takes a request over.
    ///
    /// - Returns: False when there is no thread for it and none could be started.
    func take(_ request: HeldRequest) -> Bool {
        let isTaken = state.withLock { state in
            guard !state.isEnding else { return false }
            if state.waiting.count >= state.idle, state.threads.count < Self.threadLimit { startThread(&state) }
            guard !state.threads.isEmpty else { return false }
            state.waiting.append(request)
            return true
        }
        if isTaken { _ = cl_eventfd_signal(arrival.number) }
        return isTaken
    }

    /// Ends the threads.
    ///
    /// - Parameter patience: How long to wait for those that are in a request, in milliseconds. A thread that the host does
    ///   not answer is left behind then, with nothing but the memory of its request; it ends by itself when the host does.
    func end(patience: CInt) {
        let threads = state.withLock { state in
            state.isEnding = true
            return exchange(&state.threads, with: [])
        }
        let deadline = cl_monotonic_time() &+ UInt64(max(0, patience)) &* 1_000_000
        while ended.load(ordering: .acquiring) < threads.count {
            _ = cl_eventfd_signal(arrival.number)
            let now = cl_monotonic_time()
            guard now < deadline else {
                for thread in threads { thread.detach() }
                return
            }
            var poll = pollfd(fd: end.number, events: Int16(POLLIN), revents: 0)
            if cl_poll(&poll, 1, CInt(clamping: (deadline - now) / 1_000_000 + 1)) == 1 {
                _ = cl_eventfd_wait(end.number)
            }
        }
        for thread in threads { thread.join() }
    }

    // MARK: Threads

    /// Starts a thread and waits until it has confined itself; without one the pool goes on with those it has.
    private func startThread(_ state: inout State) {
        let lane = RequestDispatcher.ringCount + state.threads.count
        let thread = try? threads.confinement.start(
            "fs-pool-\(state.threads.count + 1)", by: threads, prepare: { _ in self.makeHandler(lane) }
        ) { self.run($0) }
        guard let thread else { return }
        state.threads.append(thread)
        state.idle += 1
    }

    private func run(_ handler: RequestHandler) {
        while let request = next() {
            request.perform(handler)
            state.withLock { $0.idle += 1 }
        }
        ended.add(1, ordering: .releasing)
        _ = cl_eventfd_signal(end.number)
    }

    /// The next request; sleeps while there is none. Nil at the end of the pool.
    private func next() -> HeldRequest? {
        while true {
            let (request, isMore) = state.withLock { state -> (HeldRequest?, Bool) in
                guard !state.waiting.isEmpty else { return (nil, state.isEnding) }
                state.idle -= 1
                return (state.waiting.removeFirst(), !state.waiting.isEmpty)
            }
            if let request {
                if isMore { _ = cl_eventfd_signal(arrival.number) }
                return request
            }
            if isMore {
                // So that the next one sees it too.
                _ = cl_eventfd_signal(arrival.number)
                return nil
            }
            _ = cl_eventfd_wait(arrival.number)
        }
    }
}
