import FileService
import Frontend
import Linux
import Logging
import Sandbox
import ShareHost
import SystemPackage
import TestSupport

/// A share host whose writable device runs in this process, and folders to share.
final class ServedShares: Sendable {
    /// What the shared folders lie in.
    let directory: HostFolder
    let host = ShareHost(
        log: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }, seccomp: isUnderThreadSanitizer ? .off : .kill)

    init(directory: HostFolder) {
        self.directory = directory
    }

    /// Makes a folder with one file in it, `file`, which says what the folder's name is.
    @discardableResult
    func makeFolder(_ name: String) throws -> FilePath {
        let folder = try directory.makeFolder(name)
        try folder.write("file", name)
        return FilePath(folder.path)
    }

    /// Makes a folder and shares it under its name.
    @discardableResult
    func share(_ name: String) throws -> Share {
        try host.add(makeFolder(name), access: .readWrite, name: name).share
    }

    /// What guests do with a share.
    func activity(_ name: String) -> ChildActivity? { host.activities(in: .readWrite)[name] }
}

/// Runs a test on a share host and a guest that has mounted its writable device; nothing of it is left afterwards.
func withServedShares(
    requestQueues: Int = 1, _ body: (ServedShares, FuseClient) throws -> Void
) throws {
    let directory = try TemporaryDirectory()
    let shares = ServedShares(directory: directory.folder)
    defer { shares.host.stop() }
    let device = ServedDevice(try shares.host.makeDevice(for: .readWrite, requestQueues: requestQueues))
    var configuration = Frontend.Configuration()
    configuration.requestQueues = requestQueues
    try body(shares, try device.mount(configuration))
}
