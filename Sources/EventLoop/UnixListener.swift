internal import CLinux
public import Linux
public import SystemPackage

/// A listening unix socket on a loop.
public final class UnixListener {
    private let socket: Descriptor
    private var source: EventSource?

    /// Listens at `path`, with the rights that the caller's umask leaves. The path is the caller's to remove.
    ///
    /// `accept` gets every connection, to keep or to let go.
    ///
    /// - Throws: `ENAMETOOLONG` past 107 bytes, `EADDRINUSE` where something is, or what else bind(2) said.
    public init(path: String, on loop: EventLoop, accept: @escaping (consuming Descriptor) -> Void) throws(Errno) {
        let socket = try Descriptor(result: cl_listen_unix(path, 16))
        try checked(cl_set_nonblocking(socket.number, true))
        let number = socket.number
        self.socket = socket
        source = loop.onReadable(number) {
            // A client that has left again, or a shortage of descriptors that the next round may not find any more.
            guard let connection = try? Descriptor(result: cl_accept(number)) else { return }
            accept(connection)
        }
    }

    /// Ends listening.
    public func close() {
        source = nil
    }

    deinit {
        source?.cancel()
    }
}
