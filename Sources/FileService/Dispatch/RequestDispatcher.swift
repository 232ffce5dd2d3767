// Both without an access level, as everywhere in this module: whether the public `iovec` counts as CLinux's or Glibc's
// differs between debug and release builds.
import CLinux
internal import FUSE
import Glibc
internal import Sandbox
internal import SystemPackage

/// Serves the requests of one virtqueue: decodes, does what is asked, encodes the answer.
///
/// One per worker thread, made on that thread and used on no other; its thread has gone through
/// `WorkerConfinement.enter()`, so that files get exactly the modes guests ask for, and not yet through `seal()`, which
/// lets it change nothing of itself any more.
public final class RequestDispatcher {
    /// How many rings a device can have, hiprio among them. Each has a lane, from 0 on.
    public static let ringCount = 9
    /// How many threads can serve, beside the rings' own, what may take long. Theirs are the lanes from `ringCount` on.
    public static let poolLaneCount = 4
    /// How many lanes there are.
    public static let laneCount = ringCount + poolLaneCount

    let aggregate: Aggregate
    /// Which of every share's counters this thread writes.
    let lane: Int
    let scratch = Scratch()
    let credentials = ThreadCredentials()
    /// Whether the host leaves set-user-ID bits alone when we write (CAP_FSETID), so that they are ours to clear.
    let keepsPrivileges: Bool
    /// Whether this thread has a umask that no other one goes by.
    let hasOwnMask: Bool
    private var knownSession: Session? {
        didSet { usedSession = knownSession.map { .passUnretained($0) } }
    }
    /// The same, to be used by one request without a count of it, which costs as much as a look at a table.
    private var usedSession: Unmanaged<Session>?
    private var knownEpoch: UInt64 = 0
    /// Whether a request may be answered later, by what it then leaves in `wait`.
    private(set) var mayWait = false
    var wait: LockWait?
    /// Whether the session is that of a ticket.
    private var isSessionGiven = false

    /// Makes a dispatcher for the calling thread.
    ///
    /// - Parameters:
    ///   - aggregate: What it serves.
    ///   - lane: The number of its ring or of its thread, below `laneCount`. Two threads that have the same miscount what they do.
    public init(aggregate: Aggregate, lane: Int = 0) {
        self.aggregate = aggregate
        self.lane = min(max(0, lane), RequestDispatcher.laneCount - 1)
        keepsPrivileges = cl_thread_may_change_ids()
        hasOwnMask = cl_has_own_fs()
    }

    /// Serves one request.
    ///
    /// - Parameters:
    ///   - readable: The request in the guest's memory, split in any way.
    ///   - writable: Room for the reply in the guest's memory, split in any way.
    /// - Returns: Bytes written to `writable` from its start; 0 for what has no reply (FORGET, BATCH_FORGET, INTERRUPT)
    ///   and for what is too short to be answered.
    public func dispatch(readable: UnsafeBufferPointer<cl_iovec>, writable: UnsafeBufferPointer<cl_iovec>) -> UInt32 {
        guard let size = Buffers.size(readable), size >= InHeader.byteCount, let room = Buffers.size(writable) else {
            return 0
        }
        if let first = readable.first, first.iov_len >= InHeader.byteCount, let start = first.iov_base {
            // As mostly: a copy of known length, which no function is called for.
            scratch.request.copyMemory(from: start, byteCount: InHeader.byteCount)
        } else {
            Buffers.gather(readable, skip: 0, count: InHeader.byteCount, to: scratch.request)
        }
        let header = scratch.request.loadUnaligned(as: InHeader.self)
        let reply = Reply(unique: header.unique, buffers: writable, size: room, scratch: scratch)
        let isAnswered = header.opcode.isAnswered
        if isAnswered && reply.room < 0 { return 0 }
        do throws(Errno) {
            let request = try Request(header: header, buffers: readable, size: size, memory: scratch.request)
            if isAnswered { return try serve(request, reply) }
            try take(request)
            return 0
        } catch {
            return isAnswered ? reply.fail(error) : 0
        }
    }

    /// Serves one request that may have to wait for somebody else, a SETLKW.
    ///
    /// - Parameters:
    ///   - readable: The request in the guest's memory, split in any way.
    ///   - writable: Room for the reply in the guest's memory, split in any way.
    /// - Returns: Bytes written to `writable` from its start; or, with nothing of value written, what is to be started and
    ///   brings the answer.
    public func dispatchOrWait(
        readable: UnsafeBufferPointer<cl_iovec>, writable: UnsafeBufferPointer<cl_iovec>
    ) -> (length: UInt32, wait: LockWait?) {
        mayWait = true
        defer { mayWait = false }
        let length = dispatch(readable: readable, writable: writable)
        return (length, wait.take())
    }

    /// What requests that come now are about: for another thread to serve them.
    public func ticket() -> SessionTicket { SessionTicket(session: session()?.takeUnretainedValue()) }

    /// Serves one request that another dispatcher has taken from its ring: nodes and handles are those of the session in
    /// which it came, also if there is another by now.
    ///
    /// - Parameters:
    ///   - readable: The request in the guest's memory, split in any way.
    ///   - writable: Room for the reply in the guest's memory, split in any way.
    ///   - ticket: Of the dispatcher of the request's ring, from when it came.
    /// - Returns: Bytes written to `writable` from its start.
    public func dispatch(
        readable: UnsafeBufferPointer<cl_iovec>, writable: UnsafeBufferPointer<cl_iovec>, ticket: SessionTicket
    ) -> UInt32 {
        (knownSession, isSessionGiven) = (ticket.session, true)
        defer { (knownSession, knownEpoch, isSessionGiven) = (nil, 0, false) }
        return dispatch(readable: readable, writable: writable)
    }

    /// This thread's counters of a node's share; there as long as the node.
    @inline(__always)
    func counters(of node: Node) -> UnsafeMutablePointer<ActivityLane> { node.child.counters.lanes + lane }

    /// How long a request may take, by its kind. A guess, to be made before the request is read: its opcode is read again
    /// when it is served.
    ///
    /// - Parameter readable: The request in the guest's memory, split in any way.
    /// - Returns: `.quick` also for a request whose opcode does not lie in its first part.
    public static func pace(of readable: UnsafeBufferPointer<cl_iovec>) -> RequestPace {
        guard let first = readable.first, first.iov_len >= 8, let start = first.iov_base else { return .quick }
        switch Opcode(rawValue: start.loadUnaligned(fromByteOffset: 4, as: UInt32.self)) {
        case .fsync, .fsyncdir, .syncfs, .fallocate, .copyFileRange: return .slow
        case .setlkw: return .patient
        default: return .quick
        }
    }

    /// What is not answered. A request before INIT is about nothing.
    private func take(_ request: Request) throws(Errno) {
        guard let session = session()?.takeUnretainedValue() else { return }
        switch request.header.opcode {
        case .forget:
            session.forget(request.header.node, count: try request.structure(ForgetIn.self).count, lane: lane)
        case .batchForget: try batchForget(request, session)
        // Every other request is soon done.
        case .interrupt: session.locks?.interrupt(try request.structure(InterruptIn.self).unique)
        default: break  // NOTIFY_REPLY: nothing was notified.
        }
    }

    private func serve(_ request: Request, _ reply: Reply) throws(Errno) -> UInt32 {
        switch request.header.opcode {
        case .initialize: return try initialize(request, reply)
        case .destroy:
            aggregate.endSession()
            return reply.done()
        default: break
        }
        guard let session = session() else { throw .ioError }
        // Not by a throw: what it calls says `rethrows`, which is any error.
        let result = session._withUnsafeGuaranteedRef { session in
            do throws(Errno) {
                return Result<UInt32, Errno>.success(try serve(request, reply, session))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func serve(_ request: Request, _ reply: Reply, _ session: Session) throws(Errno) -> UInt32 {
        if request.header.node == .root { return try serveRoot(request, reply, session) }
        if let handle = handleOfData(request, session) {
            return try count(request.header.opcode, handle.node) { (node) throws(Errno) in
                request.header.opcode == .read
                    ? try read(request, reply, node, handle) : try write(request, reply, session, node, handle)
            }
        }
        let node = try session.node(request.header.node)
        return try count(request.header.opcode, node) { (node) throws(Errno) in
            try serve(request, reply, session, node)
        }
    }

    /// The open file of a READ or WRITE, which leads to its node: one look at a table instead of two. Nil for all that is not
    /// as it mostly is, which goes the other way.
    @inline(__always)
    private func handleOfData(_ request: Request, _ session: Session) -> Handle? {
        let opcode = request.header.opcode
        guard opcode == .read || opcode == .write && aggregate.access == .readWrite,
            request.body.count >= MemoryLayout<HandleID>.size
        else { return nil }
        // Both begin with it.
        let id = request.body.loadUnaligned(as: HandleID.self)
        guard let handle = session.handle(id), handle.node.id == request.header.node, handle.stream == nil,
            !handle.node.child.isRevoked, handle.node.isReferenced
        else { return nil }
        return handle
    }

    /// Serves a request about a node, and counts it and what it fails with.
    @inline(__always)
    private func count(
        _ opcode: Opcode, _ node: Node, _ body: (Node) throws(Errno) -> UInt32
    ) throws(Errno) -> UInt32 {
        counters(of: node).pointee.requests.advance(by: 1)
        do throws(Errno) {
            return try body(node)
        } catch {
            throw counted(error, opcode, node)
        }
    }

    /// What the guest is told of an error.
    @inline(never)
    private func counted(_ error: Errno, _ opcode: Opcode, _ node: Node) -> Errno {
        // In a directory that the host has deleted there is nothing, but there may be in another of its name: ESTALE
        // makes the guest walk the path again.
        var error = error
        if error == .noSuchFileOrDirectory, node.isDirectory, node.isDeletedByHost() { error = .staleNFSFileHandle }
        if !opcode.isOrdinary(error) { counters(of: node).pointee.record(error, of: opcode) }
        return error
    }

    private func serve(
        _ request: Request, _ reply: Reply, _ session: Session, _ node: Node
    ) throws(Errno) -> UInt32 {
        if aggregate.access == .readOnly, request.header.opcode.alwaysMutates { throw .readOnlyFileSystem }
        switch request.header.opcode {
        case .lookup: return try lookup(request, reply, session, node)
        case .getattr: return try getattr(request, reply, session, node)
        case .setattr: return try setattr(request, reply, session, node)
        case .statx: return try statx(request, reply, session, node)
        case .readlink: return try readlink(reply, node)
        case .symlink: return try symlink(request, reply, session, node)
        case .mknod: return try mknod(request, reply, session, node)
        case .mkdir: return try mkdir(request, reply, session, node)
        case .unlink: return try unlink(request, reply, session, node, isDirectory: false)
        case .rmdir: return try unlink(request, reply, session, node, isDirectory: true)
        case .rename, .rename2: return try rename(request, reply, session, node)
        case .link: return try link(request, reply, session, node)
        case .open: return try open(request, reply, session, node)
        case .create: return try create(request, reply, session, node)
        case .tmpfile: return try tmpfile(request, reply, session, node)
        case .read: return try read(request, reply, session, node)
        case .write: return try write(request, reply, session, node)
        case .flush: return try flush(request, reply, session, node)
        case .release, .releasedir: return try release(request, reply, session, node)
        case .fsync, .fsyncdir: return try fsync(request, reply, session, node)
        case .lseek: return try lseek(request, reply, session, node)
        case .fallocate: return try fallocate(request, reply, session, node)
        case .copyFileRange: return try copyFileRange(request, reply, session, node)
        case .getlk: return try getlk(request, reply, session, node)
        case .setlk, .setlkw: return try setlk(request, reply, session, node)
        case .opendir: return try opendir(reply, session, node)
        case .readdir: return try readdir(request, reply, session, node, plus: false)
        case .readdirplus: return try readdir(request, reply, session, node, plus: true)
        case .statfs: return try statfs(reply, node)
        case .syncfs: return try syncfs(reply)
        case .getxattr: return try getxattr(request, reply, session, node)
        case .listxattr: return try listxattr(request, reply, node)
        case .setxattr: return try setxattr(request, reply, session, node)
        case .removexattr: return try removexattr(request, reply, node)
        case .ioctl: return try ioctl(request, reply, session, node)
        // ACCESS among the rest: the guest checks permissions itself (default_permissions).
        default: throw .noFunction
        }
    }

    /// The session of the last INIT; nil before the first and after DESTROY.
    @inline(__always)
    private func session() -> Unmanaged<Session>? {
        if !isSessionGiven, aggregate.currentEpoch != knownEpoch {
            (knownSession, knownEpoch) = aggregate.currentSession()
        }
        return usedSession
    }

    private func initialize(_ request: Request, _ reply: Reply) throws(Errno) -> UInt32 {
        let asked = try request.structure(InitIn.self)
        let more = InitExtension(copying: request.body, at: InitIn.byteCount)
        try reply.require(InitOut.byteCount)
        while true {
            let wanted = aggregate.wantedFlags
            guard let negotiation = Negotiation(request: asked, extension: more, offering: wanted) else {
                throw .protocolError
            }
            // A guest that rebooted says nothing but this: what the one before it had open goes.
            if negotiation.begins {
                guard try aggregate.beginSession(flags: negotiation.flags, wanted: wanted) else { continue }
            } else {
                aggregate.endSession()
            }
            return try reply.send(negotiation.reply)
        }
    }

    private func batchForget(_ request: Request, _ session: Session) throws(Errno) {
        let asked = try request.structure(BatchForgetIn.self)
        var left = min(Int(asked.count), (request.bodyCount - BatchForgetIn.byteCount) / ForgetOne.byteCount)
        var skip = InHeader.byteCount + BatchForgetIn.byteCount
        // Many at a time: the guest's buffers may be many too, and are gone through from the first on.
        let room = Scratch.requestSize / ForgetOne.byteCount
        while left > 0 {
            let count = min(left, room)
            Buffers.gather(request.buffers, skip: skip, count: count * ForgetOne.byteCount, to: scratch.request)
            for index in 0..<count {
                let one = scratch.request.loadUnaligned(
                    fromByteOffset: index * ForgetOne.byteCount, as: ForgetOne.self)
                session.forget(one.node, count: one.count, lane: lane)
            }
            left -= count
            skip += count * ForgetOne.byteCount
        }
    }
}

extension Opcode {
    /// Whether a request with this opcode has a reply.
    fileprivate var isAnswered: Bool {
        switch self {
        case .forget, .batchForget, .interrupt, .notifyReply: false
        default: true
        }
    }

    /// Whether a request with this opcode changes something whatever its arguments are, and is about one node only. The
    /// others look for themselves.
    fileprivate var alwaysMutates: Bool {
        switch self {
        case .create, .tmpfile, .mkdir, .mknod, .symlink, .unlink, .rmdir, .write, .setxattr, .removexattr, .fallocate:
            true
        default: false
        }
    }
}
