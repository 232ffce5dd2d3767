internal import CLinux
internal import EventLoop
internal import FoundationEssentials
internal import Glibc
public import Linux
public import SystemPackage

/// A connection to a VM's control socket, for programs that ask and wait: every call blocks, for as long as the timeout at
/// most.
public final class ControlClient {
    /// No answer comes near this; whoever sends one is no VM.
    static let longestLine = 16 * 1024 * 1024
    /// Seconds that a guest gets where a request does not say.
    private static let guestPatience = 10.0

    /// The server's greeting.
    public private(set) var greeting = Greeting(sheaf: "")

    private let socket: Descriptor
    private let timeout: Duration
    private var unread = LineBuffer()
    private var lastID: Int64 = 0

    /// Connects to a VM.
    ///
    /// - Parameters:
    ///   - path: Its control socket, `control.sock` in the VM's runtime directory.
    ///   - timeout: How long this, and each later call, may take.
    /// - Throws: `.cannotConnect`, or what came in place of a greeting.
    public convenience init(path: FilePath, timeout: Duration = .seconds(5)) throws(ControlClientError) {
        try self.init(owning: try Self.connect(to: path, within: timeout), timeout: timeout)
    }

    /// A connection to a control socket.
    static func connect(to path: FilePath, within timeout: Duration) throws(ControlClientError) -> Descriptor {
        do throws(Errno) {
            return try Descriptor(result: cl_connect_unix_within(path.string, timeout.milliseconds))
        } catch .resourceTemporarilyUnavailable {
            throw .timedOut
        } catch {
            throw .cannotConnect(path: path, error)
        }
    }

    /// Speaks to the server at the other end of a connected stream socket.
    ///
    /// - Throws: What came in place of a greeting.
    public init(owning connection: consuming Descriptor, timeout: Duration = .seconds(5)) throws(ControlClientError) {
        socket = connection
        self.timeout = timeout
        do throws(Errno) {
            try checked(cl_set_nonblocking(socket.number, true))
        } catch {
            throw .failed(error)
        }
        greeting = try Greeting(parsing: try nextLine(until: ContinuousClock.now + timeout))
    }

    // MARK: - Requests

    /// What the VM is and does.
    ///
    /// - Throws: `.refused` with the server's failure, or why there is no answer.
    public func status() throws(ControlClientError) -> MachineStatus {
        try request(.status)
    }

    /// Shares one more host directory; returns when the guest has it.
    ///
    /// - Throws: `.refused` with the server's failure, or why there is no answer.
    public func add(_ share: ShareAddition) throws(ControlClientError) -> AddedShare {
        try request(.addShare(share), within: share.timeout)
    }

    /// Takes a share, or one of its targets, from the guest.
    ///
    /// - Throws: `.refused` with the server's failure, or why there is no answer.
    public func remove(_ share: ShareRemoval) throws(ControlClientError) -> RemovedShare {
        try request(.removeShare(share), within: share.timeout)
    }

    /// Gives a share another target or another access.
    ///
    /// - Throws: `.refused` with the server's failure, or why there is no answer.
    public func change(_ share: ShareChange) throws(ControlClientError) -> AddedShare {
        try request(.changeShare(share), within: share.timeout)
    }

    /// Makes the VM end; returns when its guest is off, and ``waitForEnd(within:)`` when all of it is gone.
    ///
    /// - Throws: `.refused` with the server's failure, or why there is no answer: `.disconnected` where the VM ended otherwise.
    public func stop(_ stop: MachineStop) throws(ControlClientError) -> StoppedMachine {
        try request(.stop(stop), within: stop.timeout ?? MachineStop.defaultTimeout)
    }

    /// Waits until the server closes the connection, as it does when the VM is gone; answers that still come are dropped.
    ///
    /// - Returns: False when `limit` was over first.
    public func waitForEnd(within limit: Duration) -> Bool {
        let end = ContinuousClock.now + limit
        while true {
            do throws(ControlClientError) {
                _ = try nextLine(until: end)
            } catch {
                return error != .timedOut
            }
        }
    }

    /// Sends a request and waits for its answer, for this client's timeout and what the request itself grants the guest.
    private func request<Value: Decodable>(
        _ request: ControlRequest, within granted: Double? = 0
    ) throws(ControlClientError) -> Value {
        let end = ContinuousClock.now + timeout + .clamped(seconds: granted ?? Self.guestPatience)
        lastID += 1
        let id = RequestID.integer(lastID)
        try send(line(RequestLine(id: id, request: request)), until: end)
        while true {
            let reply = try parse(Reply<Value>.self, try nextLine(until: end))
            if let failure = reply.error, reply.id == id || reply.id == .none { throw .refused(failure) }
            // An answer to an earlier call that was given up.
            guard reply.id == id else { continue }
            guard let result = reply.result else { throw .malformed("a response without result and error") }
            return result
        }
    }

    // MARK: - Bytes

    private func nextLine(until end: ContinuousClock.Instant) throws(ControlClientError) -> [UInt8] {
        while true {
            if let line = unread.next() { return line }
            guard unread.count <= Self.longestLine else { throw .malformed("a line without end") }
            var received = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: 64 * 1024) { buffer, count in
                guard let start = buffer.baseAddress else { return }
                received = cl_receive(socket.number, start, buffer.count, nil, nil)
                count = max(0, received)
            }
            unread.append(bytes)
            if received == 0 { throw .disconnected }
            if received < 0 { try wait(after: received, for: POLLIN, until: end) }
        }
    }

    private func send(_ bytes: [UInt8], until end: ContinuousClock.Instant) throws(ControlClientError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { buffer in
                buffer.baseAddress.map { cl_send(socket.number, $0, buffer.count, nil, 0) } ?? 0
            }
            if sent < 0 {
                try wait(after: sent, for: POLLOUT, until: end)
            } else {
                rest = rest.dropFirst(sent)
            }
        }
    }

    /// Waits until the socket can be tried again, where `result` says that it could not be now.
    private func wait(
        after result: Int, for event: CInt, until end: ContinuousClock.Instant
    ) throws(ControlClientError) {
        let error = Errno(rawValue: CInt(truncatingIfNeeded: 0 &- result))
        switch error {
        case .resourceTemporarilyUnavailable, .interrupted: break
        case .brokenPipe, .connectionReset: throw .disconnected
        default: throw .failed(error)
        }
        let left = end - ContinuousClock.now
        guard left > .zero else { throw .timedOut }
        var entry = pollfd(fd: socket.number, events: Int16(truncatingIfNeeded: event), revents: 0)
        _ = cl_poll(&entry, 1, left.milliseconds)
    }
}

extension Duration {
    /// Whole milliseconds, rounded up, within what poll(2) takes.
    fileprivate var milliseconds: CInt {
        let (seconds, attoseconds) = components
        guard seconds < 1_000_000 else { return 1_000_000_000 }
        return CInt(truncatingIfNeeded: max(0, seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1))
    }
}
