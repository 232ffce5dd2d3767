import CLinux
import FileService
import Frontend
import Linux
import Logging
import ShareHost
import SystemPackage
import TestSupport

@testable import Benchmark

/// A tree on the host, served by Sheaf in this process to a session.
final class ServedTreeFixture {
    let tree: HostTree
    let session: Session
    private let host = ShareHost(log: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() })
    private let directory: TemporaryDirectory

    static let smallExtent = HostTree.Extent(
        fileSize: 8 << 20, smallFiles: 10, listedFiles: 120, walkedFiles: 1050)

    init(queues: Int = 1, hasSyncQueue: Bool = false, change: (HostTree) throws -> Void = { _ in }) throws {
        directory = try TemporaryDirectory()
        tree = try HostTree(at: "\(directory.path)/tree", extent: Self.smallExtent)
        try change(tree)
        let share = try host.add(FilePath(directory.path), access: .readWrite, name: "bench").share
        let device = try host.makeDevice(for: Bucket(.readWrite), requestQueues: 4)
        var near: CInt = -1
        var far: CInt = -1
        try checked(cl_socketpair(&near, &far))
        try device.serve(Descriptor(owning: far)) { _ in }
        let setup = Session.Setup(
            socket: "", root: "\(share.subname)/tree", queues: queues, hasSyncQueue: hasSyncQueue, depth: 8)
        let frontend = try Frontend(VhostUserSocket(Descriptor(owning: near)), configuration: setup.configuration)
        try frontend.greet()
        try frontend.start()
        session = try Session(setup, frontend, tree: tree, watchdog: Watchdog())
    }

    deinit { host.stop() }
}
