import CLinux
import CObserver
import FUSE
import FileService
import Frontend
import Glibc
import Logging
import SystemPackage
import TestSupport
import Testing

@testable import Sandbox
@testable import ShareHost

/// What requests cost. In the same suite, because there is one observer, which counts the calls of all.
extension SystemCallListTests {
    /// The calls about files that each request makes once what it is about is in use, and no more.
    @Test(.enabled(if: cl_thread_may_change_ids()))
    func makesNoMoreCallsThanARequestNeeds() throws {
        let lines = try Self.observedLines.get()
        let confinement = Self.confinement
        let directory = try TemporaryDirectory()
        let folder = try directory.folder.makeFolder("share")
        try folder.write("file", [UInt8](repeating: 7, count: 4096))
        try folder.write("moved", [1])
        let aggregate = try Aggregate(access: .readWrite, confinement: confinement)
        try aggregate.addChild(name: "share", hostPath: FilePath(folder.path), access: .readWrite)
        let served = ServedDevice(
            FileSystemDevice(
                aggregate: aggregate, requestQueues: 1, confinement: confinement, mayPoll: false,
                log: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }))
        defer { served.end() }
        let client = try served.mount()
        let share = try client.lookup(.root, "share").node
        let file = try client.lookup(share, "file").node
        // Long enough ago for what OPEN finds to be told from what comes after.
        usleep(50_000)

        let ofRings: Set = ["epoll_wait", "read", "write", "poll", "futex"]
        func calls(_ body: () throws -> Void) throws -> [String: UInt64] {
            // What is done but the first times: descriptors, names and marks.
            for _ in 0..<3 { try body() }
            let before = lines.indices.map { co_uses(UInt32($0)) }
            for _ in 0..<10 { try body() }
            var made: [String: UInt64] = [:]
            for (index, line) in lines.enumerated() where line.duty == .files && !ofRings.contains(line.rule.name) {
                let count = co_uses(UInt32(index)) - before[index]
                if count > 0 { made[line.rule.name, default: 0] += count }
            }
            return made
        }
        #expect(try calls { _ = try client.getattr(file) } == ["statx": 10])
        #expect(try calls { _ = try client.lookup(share, "file") } == ["statx": 10])
        #expect(try calls { _ = try? client.lookup(share, "absent") } == ["statx": 10])
        let opened = try calls {
            let handle = try client.open(file).handle
            _ = try client.read(file, handle, at: 0, count: 4096)
            try client.release(file, handle)
        }
        #expect(opened == ["statx": 10, "pread64": 10])
        let handle = try client.open(file, flags: UInt32(O_RDWR)).handle
        #expect(try calls { _ = try client.write(file, handle, at: 0, [1]) } == ["pwrite64": 10])
        try client.release(file, handle)
        #expect(try calls { _ = try? client.getxattr(file, "user.colour") } == ["fgetxattr": 10])
        let renamed = try calls {
            try client.rename(share, "moved", to: share, "away")
            try client.rename(share, "away", to: share, "moved")
        }
        #expect(renamed == ["renameat": 20])
        let made = try calls {
            let made = try client.create(share, "made", flags: UInt32(O_RDWR))
            try client.unlink(share, "made")
            try client.release(made.entry.node, made.open.handle)
        }
        #expect(made == ["openat": 10, "statx": 10, "open_tree": 10, "unlinkat": 10, "close": 10])
    }
}
