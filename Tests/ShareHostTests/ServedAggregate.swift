import CLinux
import FUSE
import FileService
import Frontend
import Linux
import Logging
import ShareHost
import Synchronization
import SystemPackage
import TestSupport

/// An aggregate with one child, its device running in this process, and what a test needs to play its guest.
final class ServedAggregate {
    /// The first child's name.
    let name: FileName = "child"
    /// The first child, as the host sees it.
    let folder: HostFolder
    /// What the children's folders lie in.
    let directory: HostFolder
    let aggregate: Aggregate
    private let access: Access
    private let device: FileSystemDevice
    private var ends: Signal?

    init(access: Access, requestQueues: Int, directory: HostFolder) throws {
        self.access = access
        self.directory = directory
        folder = try directory.makeFolder("child")
        aggregate = try Aggregate(access: access)
        device = FileSystemDevice(
            aggregate: aggregate, requestQueues: requestQueues,
            log: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() })
        try aggregate.addChild(name: "child", hostPath: FilePath(folder.path), access: access)
    }

    /// Adds a child while the device runs, with a new folder of its own if none is given.
    @discardableResult
    func addChild(_ name: String, at folder: HostFolder? = nil) throws -> HostFolder {
        let folder = try folder ?? directory.makeFolder(name)
        try aggregate.addChild(name: name, hostPath: FilePath(folder.path), access: access)
        return folder
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

/// Runs a test on a served aggregate; nothing of it is left afterwards.
func withServedAggregate(
    access: Access = .readWrite, requestQueues: Int = 1, _ body: (ServedAggregate) throws -> Void
) throws {
    let directory = try TemporaryDirectory()
    let served = try ServedAggregate(access: access, requestQueues: requestQueues, directory: directory.folder)
    defer { served.end() }
    try body(served)
}
