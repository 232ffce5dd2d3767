import CAgent

/// The virtio-serial port that leads to the launcher.
enum Port {
    private static let name: Text = "org.sheaf.agent"
    private static let ports: Text = "/sys/class/virtio-ports"
    /// How long, in milliseconds, a device that the kernel has a driver for may take to appear, and the launcher to be at
    /// its other end. The launcher's own limits come first: this one is for a guest that nobody looks after.
    private static let patience: Int64 = 60_000

    /// Waits for the port and opens it.
    static func open() throws(Failure) -> Descriptor {
        guard let path = Clock.poll(every: 5, for: patience, { find() }) else {
            throw Failure(attempt: "find the virtio port \(name)", reason: .noSuchFile)
        }
        let port = try attempt("open \(path)") { () throws(Errno) in
            try Descriptor(opening: path, O_RDWR | O_NONBLOCK)
        }
        guard Clock.poll(every: 5, for: patience, { isConnected(port) ? true : nil }) != nil else {
            throw Failure(attempt: "reach the launcher through \(path)", reason: .timedOut)
        }
        return port
    }

    /// True where somebody has the port's other end.
    static func isConnected(_ port: Descriptor) -> Bool {
        var entry = pollfd(fd: port.number, events: 0, revents: 0)
        return poll(&entry, 1, 0) == 0
    }

    private static func find() -> Text? {
        for port in Files.names(in: ports) {
            // A port is there before its name is; an unreadable one is simply not ours yet.
            guard let content = try? Files.content(of: "\(ports)/\(port)/name", limit: 256) else { continue }
            let device: Text = "/dev/\(port)"
            if Text(content).trimmed == name, Files.exists(device) { return device }
        }
        return nil
    }
}
