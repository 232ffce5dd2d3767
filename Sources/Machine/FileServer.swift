internal import CLinux
public import EventLoop
internal import FileService
internal import Glibc
internal import Linux
internal import Logging
public import Sandbox
internal import ShareHost
public import SystemPackage

/// `sheaf serve`: one aggregate on a socket, for any vhost-user frontend, one frontend after the other.
public final class FileServer {
    /// The shares, to be changed while guests use them.
    public let shares: LiveShares
    /// Called once, when the server is about to listen, on the thread and with the loop that ``run()`` uses: whoever shall
    /// answer for it may listen at `socket`, which is removed with it.
    public var onStart: ((_ loop: EventLoop, _ socket: FilePath) -> Void)?
    /// Called with a sentence where the server has no directory of its own, and so nobody can find it.
    public var onHidden: ((_ reason: String) -> Void)?

    private let loop = EventLoop()
    private let clock = PhaseClock()
    private let path: FilePath
    private let name: String?
    private let controlSocket: FilePath?
    private var directory: RuntimeDirectory?
    /// The tag that its device has in a VM of Sheaf's own, unless the frontend gives it another.
    public let tag: String
    private let device: FileSystemDevice
    private let shareHost: ShareHost
    private let say: (String) -> Void
    private var listener: UnixListener?
    /// Looks out for a thread that was stopped.
    private var stopWatch: ForbiddenCallWatch?
    /// The call that one was stopped at.
    private var forbiddenCall: ForbiddenCall?
    private var signals: [EventSource] = []
    /// Frontends that have connected while another is served.
    private var waiting: [CInt] = []
    private lazy var departures = loop.mailbox { [weak self] (text: String) in self?.frontendLeft(text) }

    /// Opens the shares.
    ///
    /// - Parameters:
    ///   - path: Where the socket is to be; at most 107 bytes.
    ///   - shares: What is shared; targets mean nothing here.
    ///   - isReadOnly: Whether the aggregate is a read-only one.
    ///   - mayPoll: Whether queues may be watched where that pays.
    ///   - name: Its name among the user's VMs; made of the process id when nil.
    ///   - controlSocket: Where it can be asked, in place of a directory of its own.
    ///   - seccomp: What becomes of a thread that makes a system call which is not on its list.
    ///   - say: Gets what a person at the terminal may want to know, a line at a time.
    /// - Throws: What is wrong with the first share that cannot be had.
    public init(
        path: FilePath, shares: [ShareRequest], isReadOnly: Bool, mayPoll: Bool = true, name: String? = nil,
        controlSocket: FilePath? = nil, seccomp: SeccompMode = .kill, say: @escaping (String) -> Void
    ) throws(LaunchError) {
        self.path = path
        self.name = name
        self.controlSocket = controlSocket
        self.say = say
        let access: Access = isReadOnly ? .readOnly : .readWrite
        guard Set(shares.map(\.options.buffersWrites)).count <= 1 else {
            throw LaunchError("shares with and without writeback do not mix in one device: serve them on two sockets")
        }
        // One that is fixed is served as any other: there may come others.
        let bucket = shares.first?.options.buffersWrites == true ? Bucket.writeback : Bucket(access)
        shareHost = ShareHost(log: Logger(label: "sheaf"), seccomp: seccomp, onlyBucket: bucket, mayPoll: mayPoll)
        tag = bucket.tag
        self.shares = LiveShares(of: shareHost, on: loop, guest: nil, devices: nil)
        do throws(ShareError) {
            for share in shares {
                let added = try shareHost.add(
                    share.source, access: access, name: share.name, options: share.options
                ).share
                say("\(added.hostPath) is /\(added.subname)")
            }
            device = try shareHost.makeDevice(
                for: bucket, requestQueues: FileSystemDevice.maximumRequestQueues)
        } catch {
            throw LaunchError(error.description)
        }
    }

    /// Makes ``run()`` return, as SIGTERM does. On the thread that runs it.
    public func stop() {
        loop.stop()
    }

    /// Serves until a signal asks to end: 0 after SIGTERM or SIGINT.
    ///
    /// - Throws: Why the socket cannot be had; that a thread was stopped at a system call.
    public func run() throws(LaunchError) {
        try Self.removeStaleSocket(at: path)
        do throws(Errno) {
            listener = try UnixListener(path: path.string, on: loop) { [unowned self] in accept($0) }
        } catch {
            throw LaunchError("cannot listen at \(path): \(error.explained)\(Self.advice(error))")
        }
        defer { leavePlace() }
        try takePlace()
        stopWatch = try ForbiddenCallWatch(on: loop) { [unowned self] call in
            forbiddenCall = call
            loop.stop()
        }
        signals = loop.onRequestToEnd { [unowned self] _ in loop.stop() }
        say("listening at \(path), tag of your choice")
        loop.run()
        // A thread that a dead host file system holds up may hold up the end: from here the next signal ends at once.
        signals = []
        shares.close()
        listener?.close()
        unlink(path.string)
        // Its threads cannot be waited for then.
        if let forbiddenCall { throw LaunchError(forbiddenCall.description) }
        shareHost.stop()
        for socket in waiting { _ = Descriptor(owning: socket) }
    }

    /// Makes itself known to who looks for VMs, or listens for them where it was told to.
    private func takePlace() throws(LaunchError) {
        if let controlSocket {
            try Self.removeStaleSocket(at: controlSocket)
            onStart?(loop, controlSocket)
            return
        }
        do throws(RuntimeDirectory.Failure) {
            directory = try RuntimePlace().claim(name, else: "serve")
        } catch {
            guard case .taken = error else {
                onHidden?(error.description)
                return
            }
            unlink(path.string)
            throw LaunchError(error.description)
        }
        if let directory { onStart?(loop, directory.controlSocket) }
    }

    private func leavePlace() {
        if let controlSocket { unlink(controlSocket.string) }
        directory?.remove()
    }

    private func accept(_ connection: consuming Descriptor) {
        guard !device.isServing else {
            waiting.append(connection.release())
            return
        }
        serve(connection)
    }

    private func serve(_ connection: consuming Descriptor) {
        let mailbox = departures.mailbox
        do throws(Errno) {
            try device.serve(connection) { end in mailbox.post("the frontend has left: \(end)") }
            say("a frontend has connected")
        } catch {
            say("a frontend cannot be served: \(error.explained)")
        }
    }

    private func frontendLeft(_ text: String) {
        say(text)
        // One that cannot be served sends no word of its leaving.
        while !device.isServing, !waiting.isEmpty {
            serve(Descriptor(owning: waiting.removeFirst()))
        }
    }

    /// Takes a socket away that nobody listens on any more.
    private static func removeStaleSocket(at path: FilePath) throws(LaunchError) {
        var status = stat()
        guard lstat(path.string, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw LaunchError("cannot listen at \(path): there is something that is no socket; choose another path")
        }
        let result = cl_probe_unix(path.string)
        if result == 0 {
            throw LaunchError("cannot listen at \(path): somebody listens there already; choose another path")
        }
        if Errno(rawValue: 0 &- result) == .connectionRefused { unlink(path.string) }
    }

    /// What it is and does. On the thread that runs it.
    public var status: VMStatus {
        VMStatus(
            name: directory?.name ?? name ?? "serve-\(getpid())", state: .serving, pid: getpid(),
            uptime: clock.elapsed / 1000, aggregates: shares.aggregates, shares: shares.list)
    }

    private static func advice(_ error: Errno) -> String {
        error == .fileNameTooLong ? "; a socket's path has at most 107 bytes" : ""
    }
}
