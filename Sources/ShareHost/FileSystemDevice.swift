internal import CLinux
public import FileService
internal import Glibc
public import Linux
public import Logging
public import Sandbox
internal import Synchronization
public import SystemPackage
public import VhostUser

/// One vhost-user-fs device: one aggregate, served to one frontend at a time.
///
/// A frontend brings a thread that converses with it and can do nothing else, one that waits for the end of that and puts
/// away, and one for each virtqueue; all of them end with its connection. The
/// aggregate and its shares stay, and what a guest had open in them is forgotten when the next one sends FUSE_INIT.
public final class FileSystemDevice: Sendable {
    /// How long ``stop()`` waits for what the host does not answer, in nanoseconds.
    private static let patience: UInt64 = 3_000_000_000
    /// The most request queues there are. More than vCPUs are of no use, and each is a thread.
    public static let maximumRequestQueues = RequestDispatcher.ringCount - 1

    /// The request queues this device has beside hiprio.
    public let requestQueues: Int
    private let confinement: WorkerConfinement
    /// Nil where no queue is to be watched.
    private let load: ProcessorLoad?
    private let log: Logger
    private let complaints: Complaints
    private let makeHandler: RequestHandlerFactory
    private let onLeave: @Sendable () -> Void
    private let state = Mutex(State())

    /// The connection in hand.
    private final class Attachment: Sendable {
        /// Nil after the session.
        private let socket: Mutex<SharedDescriptor?>
        /// The thread that puts away, by its number, once it runs.
        let threadID = Atomic<Int32>(0)
        /// How the session has ended.
        let end = Mutex(SessionEnd.disconnected)
        /// Signalled when the conversation is over.
        private let silence: Descriptor
        /// Signalled when nothing is left of the connection.
        let departure = Semaphore()

        init(_ socket: SharedDescriptor) throws(Errno) {
            self.socket = Mutex(socket)
            silence = try Descriptor(result: cl_eventfd(0, false))
        }

        /// Holds the conversation; the socket is closed when it returns.
        func converse(with host: WorkerSet) {
            guard let socket = socket.withLock({ $0 }) else { return }
            let end = Session(socket: socket.number, host: host).run()
            self.end.withLock { $0 = end }
            self.socket.withLock { $0 = nil }
            _ = cl_eventfd_signal(silence.number)
        }

        /// Waits until the conversation is over. When the frontend has gone and it is not, `free` is to let its thread go on.
        func awaitSilence(_ free: () -> Void) {
            let socket = socket.withLock { $0 }
            // A number below 0 is not looked at.
            var states = [
                pollfd(fd: silence.number, events: Int16(POLLIN), revents: 0),
                pollfd(fd: socket?.number ?? -1, events: 0, revents: 0),
            ]
            var isGone = false
            while true {
                let count = cl_poll(&states, 2, isGone ? CInt(QueueWorker.patience) : -1)
                if states[0].revents != 0 { return }
                if count == 0 { free() }
                if states[1].revents != 0 { (isGone, states[1].fd) = (true, -1) }
            }
        }

        /// Makes the session end.
        func hangUp() {
            guard let socket = socket.withLock({ $0 }) else { return }
            _ = cl_shutdown_socket(socket.number)
        }

        /// Whether the frontend has gone, or the session was made to end: it waits for no answer any more.
        var isOver: Bool {
            guard let socket = socket.withLock({ $0 }) else { return true }
            var state = pollfd(fd: socket.number, events: 0, revents: 0)
            return cl_poll(&state, 1, 0) == 1 && state.revents & Int16(POLLHUP) != 0
        }
    }

    private struct State {
        var current: Attachment?
        /// Threads of sessions that have ended or will, nobody having joined them yet.
        var threads: [(attachment: Attachment, thread: Linux.Thread)] = []
    }

    /// Makes a device.
    ///
    /// - Parameters:
    ///   - aggregate: What it serves; no other device may.
    ///   - requestQueues: How many queues it has beside hiprio, from 1 to 8; others are cut to that.
    ///   - confinement: What its threads are confined by.
    ///   - mayPoll: Whether a queue whose requests come soon after each other may be watched, where a core is free for it.
    ///   - log: Takes a line when a frontend or a driver misbehaves, and none per request.
    public convenience init(
        aggregate: Aggregate, requestQueues: Int, confinement: WorkerConfinement = WorkerConfinement(),
        mayPoll: Bool = true, log: Logger
    ) {
        self.init(
            requestQueues: requestQueues, confinement: confinement, load: mayPoll ? ProcessorLoad() : nil, log: log,
            onLeave: { aggregate.releaseLocks() }
        ) { lane in
            let dispatcher = RequestDispatcher(aggregate: aggregate, lane: lane)
            return RequestHandler(
                serve: { readable, writable in
                    #if DEBUG
                        StrayCall.make(for: readable)
                    #endif
                    return dispatcher.dispatch(readable: readable, writable: writable)
                },
                pace: { RequestDispatcher.pace(of: $0) },
                serveOrWait: { dispatcher.dispatchOrWait(readable: $0, writable: $1) },
                ticket: { dispatcher.ticket() },
                serveLater: { dispatcher.dispatch(readable: $0, writable: $1, ticket: $2) })
        }
    }

    /// Makes a device of request handlers alone; `onLeave` is called when a frontend has gone.
    init(
        requestQueues: Int, confinement: WorkerConfinement = WorkerConfinement(),
        load: ProcessorLoad? = ProcessorLoad(), log: Logger,
        onLeave: @escaping @Sendable () -> Void = {}, makeHandler: @escaping RequestHandlerFactory
    ) {
        self.confinement = confinement
        self.onLeave = onLeave
        self.requestQueues = min(max(1, requestQueues), Self.maximumRequestQueues)
        self.load = load
        self.log = log
        complaints = Complaints(to: log)
        self.makeHandler = makeHandler
    }

    deinit {
        joinSessions(ended: true)
    }

    /// Whether a frontend is connected.
    public var isServing: Bool { state.withLock { $0.current != nil } }

    /// Serves a frontend until its connection ends, on threads of its own; returns at once.
    ///
    /// - Parameters:
    ///   - connection: The frontend's socket.
    ///   - onEnd: Called once, on a thread of the connection, when every thread and descriptor of the session is gone; the next
    ///     frontend may be served from there.
    /// - Throws: EBUSY while another frontend is served; what a thread or a descriptor could not be made with.
    public func serve(
        _ connection: consuming Descriptor, onEnd: @escaping @Sendable (SessionEnd) -> Void = { _ in }
    ) throws(Errno) {
        joinSessions(ended: true)
        let attachment = try Attachment(SharedDescriptor(connection))
        let isFree = state.withLock { state in
            guard state.current == nil else { return false }
            state.current = attachment
            return true
        }
        guard isFree else { throw .resourceBusy }

        do throws(Errno) {
            let workers = try WorkerSet(
                ringCount: 1 + requestQueues, confinement: confinement, load: load, log: log, complaints: complaints,
                isOver: { attachment.isOver }, makeHandler: makeHandler)
            // The session's thread is the only one to use them from here on, and then the one that waits for its end.
            nonisolated(unsafe) let host = workers
            do throws(Errno) {
                let session = try confinement.start("fs-session", for: .session, prepare: { _ in }) {
                    attachment.converse(with: host)
                }
                do throws(Errno) {
                    let thread = try Linux.Thread(name: "fs-connection") {
                        attachment.threadID.store(cl_thread_id(), ordering: .relaxed)
                        _ = cl_thread_block_signals()
                        attachment.awaitSilence { host.free() }
                        session.join()
                        self.putAway(attachment, host, onEnd)
                        attachment.departure.signal()
                    }
                    state.withLock { $0.threads.append((attachment, thread)) }
                } catch {
                    attachment.hangUp()
                    session.join()
                    throw error
                }
            } catch {
                workers.end()
                throw error
            }
        } catch {
            state.withLock { $0.current = nil }
            throw error
        }
    }

    /// Ends the connection, if there is one, and waits until all of its threads have ended and `onEnd` has returned; not for
    /// long where the host does not answer one of them. From `onEnd` itself it waits for nothing.
    public func stop() {
        state.withLock { $0.current }?.hangUp()
        joinSessions(ended: false)
    }

    /// What is left to do after the conversation: more than a thread may do that had it.
    private func putAway(_ attachment: Attachment, _ workers: WorkerSet, _ onEnd: @Sendable (SessionEnd) -> Void) {
        workers.end()
        onLeave()
        let end = attachment.end.withLock { $0 }
        if case .violation(let violation) = end {
            complaints.note(
                "a frontend broke the vhost-user protocol and is disconnected", ["reason": "\(violation)"])
        }
        state.withLock { $0.current = nil }
        onEnd(end)
    }

    /// Joins the threads of all sessions, or of those that are done with their frontend, but for one that runs this.
    private func joinSessions(ended: Bool) {
        let own = cl_thread_id()
        let threads = state.withLock { state in
            let others = state.threads.filter {
                !(ended && $0.attachment === state.current) && $0.attachment.threadID.load(ordering: .relaxed) != own
            }
            state.threads.removeAll { entry in others.contains { $0.attachment === entry.attachment } }
            return others
        }
        let deadline = cl_monotonic_time() &+ Self.patience
        for entry in threads {
            let now = cl_monotonic_time()
            let left = now < deadline ? (deadline &- now) / 1_000_000 : 0
            if ended || entry.attachment.departure.wait(milliseconds: Int(clamping: left)) {
                entry.thread.join()
            } else {
                log.warning("the host does not answer a thread that serves a guest; it is left to itself")
                entry.thread.detach()
            }
        }
    }
}
