import FileService
import Frontend
import Logging
import Sandbox
import ShareHost
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
    private let device: ServedDevice

    init(access: Access, requestQueues: Int, directory: HostFolder) throws {
        self.access = access
        self.directory = directory
        folder = try directory.makeFolder("child")
        let confinement = WorkerConfinement(seccomp: isUnderThreadSanitizer ? .off : .kill)
        aggregate = try Aggregate(access: access, confinement: confinement)
        device = ServedDevice(
            FileSystemDevice(
                aggregate: aggregate, requestQueues: requestQueues, confinement: confinement,
                log: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }))
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
        try device.attach(configuration)
    }

    /// A frontend that has greeted the device and started its rings.
    func connect(_ configuration: Frontend.Configuration = Frontend.Configuration()) throws -> Frontend {
        try device.connect(configuration)
    }

    /// A guest that has mounted the device.
    func mount(_ configuration: Frontend.Configuration = Frontend.Configuration()) throws -> FuseClient {
        try device.mount(configuration)
    }

    /// Ends the device; every thread and descriptor of it is gone when this returns.
    func end() { device.end() }
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
