import CLinux
import Frontend
import Linux
import ShareHost
import SystemPackage

/// A device that runs in this process, and frontends for it, one after the other.
final class ServedDevice {
    private let device: FileSystemDevice
    private var ends: Signal?

    init(_ device: FileSystemDevice) {
        self.device = device
    }

    /// A frontend that has said nothing yet, after the one before it has gone.
    func attach(_ configuration: Frontend.Configuration = Frontend.Configuration()) throws -> Frontend {
        try ends?.wait()
        var near: CInt = -1
        var far: CInt = -1
        try checked(cl_socketpair(&near, &far))
        let socket = VhostUserSocket(Descriptor(owning: near), timeout: configuration.timeout)
        let ends = try Signal()
        try device.serve(Descriptor(owning: far)) { _ in ends.raise() }
        self.ends = ends
        return try Frontend(socket, configuration: configuration)
    }

    /// A frontend that has greeted the device and started its rings.
    func connect(_ configuration: Frontend.Configuration = Frontend.Configuration()) throws -> Frontend {
        let frontend = try attach(configuration)
        try frontend.greet()
        try frontend.start()
        return frontend
    }

    /// A guest that has mounted the device.
    func mount(_ configuration: Frontend.Configuration = Frontend.Configuration()) throws -> FuseClient {
        let client = try FuseClient(try connect(configuration))
        try client.initialize()
        return client
    }

    /// Ends the device; every thread and descriptor of it is gone when this returns.
    func end() { device.stop() }
}

/// Something that happens once, and can be waited for.
private final class Signal: Sendable {
    private let event: Descriptor

    init() throws(Errno) { event = try Descriptor(result: cl_eventfd(0, false)) }

    func raise() { _ = cl_eventfd_signal(event.number) }

    /// Waits for ten seconds at most.
    func wait() throws(BackendFault) {
        var poll = pollfd(fd: event.number, events: Int16(POLLIN), revents: 0)
        guard cl_poll(&poll, 1, 10_000) == 1 else { throw .silent("the session of a frontend that left did not end") }
    }
}
