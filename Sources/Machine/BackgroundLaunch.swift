internal import CLinux
internal import EventLoop
internal import Glibc
internal import Linux
internal import SystemPackage

/// `sheaf run --detach`, seen by who types it: another process of this program launches the VM, in a session of its own, and
/// this one waits until the guest is ready or the launch has failed.
public final class BackgroundLaunch {
    /// What came of it.
    public enum Result: Equatable, Sendable {
        /// The guest is ready, and the VM has this name.
        case ready(name: String)
        /// The launcher has said why not, and ended with this status.
        case failed(status: UInt8)
    }

    /// Where the launcher finds the socket to this process.
    private static let socketNumber: CInt = 3

    private let arguments: (MachineConfiguration.Background) -> [String]
    private let loop = EventLoop()
    private var child: ChildProcess?
    private var stream: ByteStream?
    private var signals: [EventSource] = []
    private var said: [UInt8] = []
    private var hasHungUp = false
    private var result: Result?

    /// Describes a launch.
    ///
    /// - Parameter arguments: Makes this program's arguments, without its name, for the process that has these.
    public init(arguments: @escaping (_ background: MachineConfiguration.Background) -> [String]) {
        self.arguments = arguments
    }

    /// Launches, and waits. To be called on the main thread.
    ///
    /// What the launcher writes until it has ended goes to standard error, where the launch fails.
    ///
    /// - Throws: Why nothing could be launched.
    public func run() throws(LaunchError) -> Result {
        let path = try StateDirectory().newLog(named: "launch", of: .launcher)
        let log = open(path.string, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
        guard log >= 0 else {
            throw LaunchError("the log '\(path)' cannot be made: \(Errno(rawValue: errno).explained)")
        }
        let file = FileDescriptor(rawValue: log)
        defer { try? file.close() }
        do throws(Errno) {
            try start(log: log, at: path)
        } catch {
            unlink(path.string)
            throw LaunchError("no process can be started in the background: \(error.explained)")
        }
        signals = loop.onRequestToEnd { [unowned self] in child?.send(signal: $0.number) }
        loop.run()
        signals = []
        if case .failed = result {
            // Unless the launcher has come so far as to do that.
            unlink(path.string)
            show(file)
        }
        return result ?? .failed(status: 125)
    }

    private func start(log: CInt, at path: FilePath) throws(Errno) {
        let pair = try SocketPair()
        let nothing = try Descriptor(result: cl_openat(CL_AT_FDCWD, "/dev/null", O_RDONLY, 0))
        let stream = try ByteStream(owning: pair.near, on: loop)
        stream.read { [unowned self] in take($0) }
        self.stream = stream
        let mappings = [(nothing.number, 0), (log, 1), (log, 2), (pair.far.number, Self.socketNumber)]
        let launch = Launch(
            executable: Self.program,
            arguments: arguments(MachineConfiguration.Background(socket: Self.socketNumber, log: path)),
            descriptors: mappings.map { Launch.Mapping(source: $0.0, target: $0.1) }, newSession: true, outlives: true)
        child = try ChildProcess(launch, on: loop) { [unowned self] _ in finish() }
    }

    /// This program's file; as the kernel has it where it has been replaced since.
    private static var program: String {
        let link = "/proc/self/exe"
        guard let path = realpath(link, nil) else { return link }
        defer { free(path) }
        return String(cString: path)
    }

    private func take(_ input: ByteStream.Input) {
        guard case .bytes(let bytes) = input else {
            hasHungUp = true
            return finish()
        }
        said += bytes
        guard said.starts(with: Starter.ready.start), said.last == Starter.ready.end else { return }
        let name = said.dropFirst(Starter.ready.start.count).dropLast()
        result = .ready(name: String(decoding: name, as: UTF8.self))
        child?.release()
        loop.stop()
    }

    /// Ends the wait for a launcher that has ended, once all that it said is read.
    private func finish() {
        guard result == nil, hasHungUp, let status = child?.exitStatus else { return }
        switch status {
        case .exited(let code): result = .failed(status: UInt8(truncatingIfNeeded: code))
        case .signaled(let number): result = .failed(status: UInt8(truncatingIfNeeded: 128 + number))
        }
        loop.stop()
    }

    private func show(_ file: FileDescriptor) {
        var offset: Int64 = 0
        while true {
            let bytes = [UInt8](unsafeUninitializedCapacity: 64 * 1024) { buffer, count in
                count = (try? file.read(fromAbsoluteOffset: offset, into: UnsafeMutableRawBufferPointer(buffer))) ?? 0
            }
            guard !bytes.isEmpty else { return }
            offset += Int64(bytes.count)
            _ = try? FileDescriptor.standardError.writeAll(bytes)
        }
    }
}
