internal import CLinux
public import EventLoop
internal import Glibc
public import Linux
public import SystemPackage

/// The control socket of one VM: greets every client, and answers its requests, one JSON object a line.
///
/// Runs on a loop's thread and never blocks it. Any number of clients may be connected, each with any number of requests
/// under way; a client that does not read its answers loses its connection, and nobody else notices.
public final class ControlServer {
    /// The most bytes that a request's line has.
    public static let longestLine = 64 * 1024
    /// The most descriptors that come along with a request.
    public static let descriptorLimit = 3
    /// The most bytes of answers that wait for one client to read them.
    public static let unreadLimit = 1024 * 1024

    /// Does what a call asks for and answers it, at once or later, on the loop's thread.
    public typealias Handler = (_ call: ControlCall) -> Void

    private let loop: EventLoop
    private let greeting: Greeting
    private let isAllowed: (UInt32) -> Bool
    private let handler: Handler
    private var listener: UnixListener?
    private var clients: [ObjectIdentifier: ControlConnection] = [:]

    /// A server without a socket: it has the clients that ``serve(_:)`` gives it.
    ///
    /// - Parameters:
    ///   - version: Sheaf's, for the greeting.
    ///   - loop: Where `handler` runs.
    ///   - isAllowed: Whether a user may connect, by uid; this process's own and root when nil.
    ///   - handler: Does the requests.
    public init(
        version: String, on loop: EventLoop, isAllowed: ((UInt32) -> Bool)? = nil, handler: @escaping Handler
    ) {
        self.loop = loop
        greeting = Greeting(sheaf: version)
        let own = geteuid()
        self.isAllowed = isAllowed ?? { $0 == own || $0 == 0 }
        self.handler = handler
    }

    /// Listens at a path, which is the caller's to remove. Only this process's user can connect there (mode 0600).
    ///
    /// - Throws: `ENAMETOOLONG` past 107 bytes, `EADDRINUSE` where something is, or what else bind(2) said.
    public func listen(at path: FilePath) throws(Errno) {
        listener = try UnixListener(path: path.string, on: loop) { [weak self] in self?.serve($0) }
    }

    /// How many clients are connected.
    public var clientCount: Int { clients.count }

    /// Serves a client on a connected unix stream socket. One that may not be here is told so and let go.
    public func serve(_ connection: consuming Descriptor) {
        var pid: pid_t = 0
        var uid: uid_t = 0
        var gid: gid_t = 0
        let isKnown = cl_peer_credentials(connection.number, &pid, &uid, &gid) == 0
        do throws(Errno) {
            let client = try ControlConnection(owning: connection, on: loop, handler: handler)
            let key = ObjectIdentifier(client)
            clients[key] = client
            client.onClosed = { [weak self] in self?.clients[key] = nil }
            client.begin(greeting)
            if !isKnown || !isAllowed(uid) {
                client.refuse(ControlFailure(.notAllowed, "this VM belongs to another user"))
            }
        } catch {
            // A client that cannot be served finds its connection closed.
        }
    }

    /// Closes the socket and every connection.
    public func close() {
        listener = nil
        let clients = self.clients.values
        self.clients = [:]
        for client in clients { client.close() }
    }
}
