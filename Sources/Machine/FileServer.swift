internal import CLinux
internal import EventLoop
internal import FileService
internal import Glibc
internal import Linux
internal import Logging
internal import ShareHost
public import SystemPackage

/// `sheaf serve`: one aggregate on a socket, for any vhost-user frontend, one frontend after the other.
public final class FileServer {
    private let loop = EventLoop()
    private let path: FilePath
    private let device: FileSystemDevice
    private let shareHost: ShareHost
    private let say: (String) -> Void
    private var listener: UnixListener?
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
    ///   - say: Gets what a person at the terminal may want to know, a line at a time.
    /// - Throws: What is wrong with the first share that cannot be had.
    public init(
        path: FilePath, shares: [ShareRequest], isReadOnly: Bool, say: @escaping (String) -> Void
    ) throws(LaunchError) {
        self.path = path
        self.say = say
        shareHost = ShareHost(log: Logger(label: "sheaf"))
        let access: Access = isReadOnly ? .readOnly : .readWrite
        do throws(ShareError) {
            for share in shares {
                let options = ChildOptions(hidesPersonalData: share.hidesPersonalData)
                let added = try shareHost.add(share.source, access: access, name: share.name, options: options).share
                say("\(added.hostPath) is /\(added.subname)")
            }
            device = try shareHost.makeDevice(
                for: Bucket(access), requestQueues: FileSystemDevice.maximumRequestQueues)
        } catch {
            throw LaunchError(error.description)
        }
    }

    /// Serves until a signal asks to end: 0 after SIGTERM or SIGINT.
    ///
    /// - Throws: Why the socket cannot be had.
    public func run() throws(LaunchError) {
        try removeStaleSocket()
        // Whoever may connect may do to the shares what this process may.
        let mask = umask(0o077)
        defer { umask(mask) }
        do throws(Errno) {
            listener = try UnixListener(path: path.string, on: loop) { [unowned self] in accept($0) }
        } catch {
            throw LaunchError("cannot listen at \(path): \(error.explained)\(Self.advice(error))")
        }
        umask(mask)
        for signal in [ObservableSignal.interrupt, .terminate, .hangup] where !cl_is_ignored(signal.number) {
            signals.append(loop.onSignal(signal) { [unowned self] in loop.stop() })
        }
        say("listening at \(path), tag of your choice")
        loop.run()
        // A thread that a dead host file system holds up may hold up the end: from here the next signal ends at once.
        signals = []
        listener?.close()
        unlink(path.string)
        shareHost.stop()
        for socket in waiting { _ = Descriptor(owning: socket) }
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
    private func removeStaleSocket() throws(LaunchError) {
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

    private static func advice(_ error: Errno) -> String {
        error == .fileNameTooLong ? "; a socket's path has at most 107 bytes" : ""
    }
}
