import CLinux
import FUSE
import Glibc
import Linux
import Synchronization
import SystemPackage

/// A host file system that can be made to fail or to hang: a directory with one empty file, `file`, served through
/// /dev/fuse by a thread of this process.
public final class HostMount: Sendable {
    private static let fileNode = NodeID(rawValue: 2)

    private struct State {
        var held: Opcode?
        var refused: [Opcode: Errno] = [:]
        /// Requests that wait for their answer.
        var waiting: [InHeader] = []
    }

    private let mountPoint: String
    private let connection: Connection
    private let server: Linux.Thread

    /// What the server's thread shares with the test's.
    private final class Connection: Sendable {
        let device: CInt
        let state = Mutex(State())
        /// Signalled for each request that is held.
        let arrivals: Descriptor

        init(device: CInt) throws(Errno) {
            self.device = device
            arrivals = try Descriptor(result: cl_eventfd(0, false))
        }

        deinit { close(device) }
    }

    /// Mounts it on a directory; nil where this process may not mount.
    public init?(at mountPoint: String) throws {
        let device = open("/dev/fuse", O_RDWR | O_CLOEXEC)
        guard device >= 0 else { return nil }
        let connection = try Connection(device: device)
        let options = "fd=\(device),rootmode=40000,user_id=\(getuid()),group_id=\(getgid())"
        guard mount("sheaf-test", mountPoint, "fuse", UInt(0), options) == 0 else { return nil }
        self.mountPoint = mountPoint
        self.connection = connection
        server = try Linux.Thread(name: "host-mount") { Self.serve(connection) }
    }

    deinit {
        fail()
        umount2(mountPoint, CInt(MNT_DETACH))
        server.join()
    }

    // MARK: Trouble

    /// From here on the host says ENOTCONN of everything in it, and of what waits for an answer. What is held of it stays
    /// held.
    public func fail() {
        // Aborts the connection, whether it can unmount or not.
        umount2(mountPoint, CInt(MNT_FORCE))
    }

    /// From here on such requests get no answer.
    public func hold(_ opcode: Opcode) { connection.state.withLock { $0.held = opcode } }

    /// From here on such requests are answered with an error.
    public func refuse(_ opcode: Opcode, with error: Errno) {
        connection.state.withLock { $0.refused[opcode] = error }
    }

    /// Waits until a request gets no answer, for ten seconds at most; false when none came.
    public func waitForHeld() -> Bool {
        var poll = pollfd(fd: connection.arrivals.number, events: Int16(POLLIN), revents: 0)
        guard cl_poll(&poll, 1, 10_000) == 1 else { return false }
        return cl_eventfd_wait(connection.arrivals.number) >= 0
    }

    /// Answers what waits, with an error if one is given, and from here on everything.
    public func release(_ error: Errno? = nil) {
        let waiting = connection.state.withLock { state in
            state.held = nil
            state.refused = [:]
            return exchange(&state.waiting, with: [])
        }
        for header in waiting { Self.answer(header, error, connection.device) }
    }

    // MARK: Service

    private static func serve(_ connection: Connection) {
        var buffer = [UInt8](repeating: 0, count: 256 * 1024)
        while true {
            let count = read(connection.device, &buffer, buffer.count)
            // ENODEV: the connection is over.
            guard count >= InHeader.byteCount, let header = buffer.withUnsafeBytes({ InHeader(copying: $0) }) else {
                return
            }
            if [.forget, .batchForget, .interrupt].contains(header.opcode) { continue }
            let (isHeld, error) = connection.state.withLock { state in
                guard header.opcode == state.held else { return (false, state.refused[header.opcode]) }
                state.waiting.append(header)
                return (true, nil)
            }
            if isHeld {
                _ = cl_eventfd_signal(connection.arrivals.number)
            } else {
                answer(header, error, connection.device)
            }
        }
    }

    private static func answer(_ header: InHeader, _ error: Errno?, _ device: CInt) {
        let body = error == nil ? body(header) : nil
        let number = error?.rawValue ?? (body == nil ? ENOSYS : 0)
        let out = OutHeader {
            $0.length = UInt32(OutHeader.byteCount + (body?.count ?? 0))
            $0.error = -number
            $0.unique = header.unique
        }
        let reply = out.withBytes { Array($0) } + (body ?? [])
        _ = write(device, reply, reply.count)
    }

    /// What follows the header of an answer; nil for what this file system does not know.
    private static func body(_ header: InHeader) -> [UInt8]? {
        switch header.opcode {
        case .initialize:
            let out = InitOut {
                $0.major = 7
                $0.minor = 31
                $0.maxWrite = 4096
            }
            return out.withBytes { Array($0) }
        case .lookup:
            // Whatever the name is.
            let out = EntryOut {
                $0.node = fileNode
                $0.attributes = attributes(of: fileNode)
            }
            return out.withBytes { Array($0) }
        case .getattr: return AttrOut { $0.attributes = attributes(of: header.node) }.withBytes { Array($0) }
        case .statfs: return StatfsOut().withBytes { Array($0) }
        case .open: return OpenOut().withBytes { Array($0) }
        case .flush, .release: return []
        default: return nil
        }
    }

    private static func attributes(of node: NodeID) -> Attr {
        Attr {
            $0.inode = node.rawValue
            $0.mode = node == fileNode ? UInt32(S_IFREG) | 0o644 : UInt32(S_IFDIR) | 0o755
            $0.linkCount = node == fileNode ? 1 : 2
        }
    }
}
