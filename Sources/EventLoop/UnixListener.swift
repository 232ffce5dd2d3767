internal import CLinux
public import Linux
public import SystemPackage

/// A listening unix socket on a loop.
public final class UnixListener {
    /// How long no connection is taken after one could not be.
    private static let pause = Duration.milliseconds(100)

    private let socket: Descriptor
    private let loop: EventLoop
    private let accept: (consuming Descriptor) -> Void
    /// The socket, or the end of a pause.
    private var source: EventSource?

    /// Listens at `path`, where only this process's user, and root, can connect (mode 0600): whoever connects may have done what
    /// this process may do. The path is the caller's to remove.
    ///
    /// `accept` gets every connection, to keep or to let go.
    ///
    /// - Throws: `ENAMETOOLONG` past 107 bytes, `EADDRINUSE` where something is, or what else bind(2) said.
    public init(
        path: String, on loop: EventLoop, accept: @escaping (consuming Descriptor) -> Void
    ) throws(Errno) {
        let socket = try Descriptor(result: cl_listen_unix(path, 16))
        try checked(cl_set_nonblocking(socket.number, true))
        self.socket = socket
        self.loop = loop
        self.accept = accept
        listen()
    }

    /// Ends listening.
    public func close() {
        source = nil
    }

    private func listen() {
        source = loop.onReadable(socket.number) { [weak self] in self?.takeOne() }
    }

    private func takeOne() {
        do throws(Errno) {
            accept(try Descriptor(result: cl_accept(socket.number)))
        } catch .resourceTemporarilyUnavailable {
            // A client that has left again.
        } catch {
            // Out of descriptors, most likely: the client stays in the queue, and the socket readable.
            source = loop.after(Self.pause) { [weak self] in self?.listen() }
        }
    }
}
