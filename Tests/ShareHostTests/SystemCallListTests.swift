import CLinux
import CObserver
import FUSE
import FileService
import Frontend
import Glibc
import Linux
import Logging
import SystemPackage
import TestSupport
import Testing

@testable import Sandbox
@testable import ShareHost

/// What the file server's threads really ask the kernel for, against the lists of what they may.
@Suite(.serialized) struct SystemCallListTests {
    /// Not made in a test's own process: see `ForbiddenCallTests`, whose processes end by it.
    private static let seenElsewhere: Set = ["exit_group"]

    /// A line of a list, and who is under that.
    struct Line {
        let duty: WorkerConfinement.Duty
        let rule: SystemCallRule
    }

    /// The list that threads are under; those for attributes are under a part of the one for files.
    private static func list(of duty: WorkerConfinement.Duty) -> UInt32 { duty == .session ? 1 : 0 }

    /// What the observer, which begins but once in a process, counts the uses of.
    static let observedLines = Result<[Line], any Error> {
        let lines = try [.files, .session].flatMap { (duty: WorkerConfinement.Duty) in
            try duty.rules().map { Line(duty: duty, rule: $0) }
        }
        let known = lines.map { line in
            let rule = line.rule
            let condition = rule.conditions.first
            return co_rule(
                list: list(of: line.duty), number: Int(SystemCallFilter.number(ofCall: rule.name)),
                argument: condition?.argument ?? 0, mask: condition?.mask ?? 0, value: condition?.value ?? 0)
        }
        try #require(lines.allSatisfy { $0.rule.conditions.count <= 1 }, "the observer looks at one argument")
        try #require(co_begin(known, UInt32(known.count)) == 0)
        return lines
    }

    static let confinement = WorkerConfinement(seccomp: .kill) { _ = co_observe_this_thread(list(of: $0)) }

    @Test(.enabled(if: cl_thread_may_change_ids()))
    func listsNothingThatIsNotUsed() throws {
        let lines = try Self.observedLines.get()

        try workOnShares(Self.confinement)
        try workOfTheRuntime(Self.confinement)
        try workOfASession(Self.confinement)

        let unused = lines.indices.filter {
            co_uses(UInt32($0)) == 0 && !Self.seenElsewhere.contains(lines[$0].rule.name)
        }
        let names = unused.map { index -> String in
            let rule = lines[index].rule
            return "\(lines[index].duty): \(rule.name)" + rule.conditions.map { " \($0.value)" }.joined()
        }
        #expect(names == [])
        // The filter's own loading comes before it counts; whatever else is not listed would have ended the process.
        var strangers = [Int](repeating: 0, count: 64)
        let count = Int(co_strangers(&strangers, 64))
        #expect(strangers.prefix(count).map { SystemCallFilter.name(ofCall: CInt($0)) } == ["seccomp (317)"])
    }

    // MARK: Work on shares

    private func workOnShares(_ confinement: WorkerConfinement) throws {
        let directory = try TemporaryDirectory()
        let folder = try directory.folder.makeFolder("share")
        let own = try directory.folder.makeFolder("own")
        try folder.write("file", [UInt8](repeating: 7, count: 100_000))
        let aggregate = try Aggregate(access: .readWrite, confinement: confinement)
        let locks = ChildOptions(locks: .host, enforcesAccessLists: true)
        try aggregate.addChild(name: "share", hostPath: FilePath(folder.path), access: .readWrite, options: locks)
        try aggregate.addChild(name: "own", hostPath: FilePath(own.path), access: .readWrite)
        let mapped = try directory.folder.makeFolder("mapped")
        let records = ChildOptions(ownership: .mapped)
        try aggregate.addChild(name: "mapped", hostPath: FilePath(mapped.path), access: .readWrite, options: records)
        // Not one of the file systems that have nothing to say when a file is closed.
        try aggregate.addChild(name: "foreign", hostPath: "/proc/sys/kernel", access: .readWrite)
        // With a log that is written: it asks for the time of day.
        let served = ServedDevice(
            FileSystemDevice(
                aggregate: aggregate, requestQueues: 2, confinement: confinement, log: Logger(label: "observed")))
        defer { served.end() }
        var configuration = Frontend.Configuration()
        configuration.requestQueues = 2
        let frontend = try served.connect(configuration)
        let client = try FuseClient(frontend, depth: 8)
        try client.initialize()
        let share = try client.lookup(.root, "share").node
        try mapped.write("file", [7])
        for child in ["share", "mapped"] as [FileName] { try names(client, try client.lookup(.root, child).node) }
        try files(client, share, folder)
        let foreign = try client.walk(.root, "foreign/ostype").node
        let handle = try client.open(foreign).handle
        try client.flush(foreign, handle)
        try client.release(foreign, handle)
        try attributes(client, share)
        try locking(client, share, folder)
        try locking(client, try client.lookup(.root, "own").node, nil)
        let driver = try HostileDriver(frontend, queue: frontend.requestQueue(1))
        try madeForOthers(client, share, folder, driver)
        try scattered(client, share, driver)
        // A ring that breaks says so.
        _ = try driver.offer([RingDescriptor(address: .max, length: 8, flags: [])])
    }

    private func names(_ client: FuseClient, _ share: NodeID) throws {
        let inner = try client.mkdir(share, "folder").node
        _ = try client.mknod(inner, "pipe", mode: 0o010600)
        let symbolic = try client.symlink(inner, "symbolic", to: "nowhere").node
        _ = try client.readlink(symbolic)
        let file = try client.walk(share, "file").node
        _ = try client.link(file, inner, "hard")
        try client.rename(inner, "hard", to: inner, "harder")
        try client.rename(inner, "harder", to: inner, "symbolic", flags: 2)
        _ = try client.list(inner, plus: true)
        _ = try client.list(inner)
        // Back to where it was listed before.
        let handle = try client.opendir(share).handle
        _ = try client.readdir(share, handle)
        _ = try client.readdir(share, handle)
        try client.fsyncdir(share, handle)
        try client.releasedir(share, handle)
        for name in ["pipe", "symbolic", "harder"] as [FileName] { try client.unlink(inner, name) }
        try client.rmdir(share, "folder")
        _ = try client.call(opcode: .tmpfile, node: share, reply: .exactly(CreateOut.byteCount)) {
            $0.append(
                CreateIn {
                    $0.flags = UInt32(O_RDWR)
                    $0.mode = 0o600
                })
            $0.append("/" as FileName)
        }
    }

    private func files(_ client: FuseClient, _ share: NodeID, _ folder: HostFolder) throws {
        let file = try client.lookup(share, "file").node
        let handle = try client.open(file, flags: UInt32(O_RDWR)).handle
        _ = try client.read(file, handle, at: 0, count: 4096)
        _ = try client.write(file, handle, at: 10, [1, 2, 3])
        let appending = try client.open(file, flags: UInt32(O_WRONLY | O_APPEND)).handle
        _ = try client.call(opcode: .write, node: file, reply: .exactly(WriteOut.byteCount), data: [4]) {
            $0.append(
                WriteIn {
                    $0.handle = appending
                    $0.size = 1
                    $0.flags = UInt32(O_WRONLY | O_APPEND)
                })
        }
        _ = try client.lseek(file, handle, 0, whence: 4)
        try client.fsync(file, handle)
        for isDataOnly in [0, 1] as [UInt32] {
            _ = try client.call(opcode: .fsync, node: file, reply: .empty) {
                $0.append(
                    FsyncIn {
                        $0.handle = handle
                        $0.flags = isDataOnly
                    })
            }
        }
        try client.fallocate(file, handle, 0, count: 4096, mode: 0)
        _ = try client.call(opcode: .copyFileRange, node: file, reply: .exactly(WriteOut.byteCount)) {
            $0.append(
                CopyFileRangeIn {
                    $0.sourceHandle = handle
                    $0.target = file
                    $0.targetHandle = handle
                    $0.targetOffset = 50_000
                    $0.size = 100
                })
        }
        _ = try client.call(opcode: .syncfs, node: share, reply: .empty) { $0.append(UInt64(0)) }
        _ = try client.statfs(file)
        // Given back as they are, where the file system has any: else they get no further than the file service.
        let host = try Linux.Descriptor(result: cl_openat(CL_AT_FDCWD, folder.path(of: "file"), O_RDONLY, 0))
        var flags: UInt32 = 0
        _ = cl_get_flags(host.number, &flags)
        var extended = cl_fsxattr()
        _ = cl_get_fsxattr(host.number, &extended)
        let orders: [(UInt32, [UInt8], Int)] = [
            (CL_FS_IOC_GETFLAGS, [], 8), (CL_FS_IOC_SETFLAGS, withUnsafeBytes(of: UInt64(flags)) { Array($0) }, 0),
            (CL_FS_IOC_FSGETXATTR, [], 28), (CL_FS_IOC_FSSETXATTR, withUnsafeBytes(of: extended) { Array($0) }, 0),
        ]
        for (number, value, room) in orders {
            _ = try client.call(opcode: .ioctl, node: file, reply: .data(upTo: 64)) { request in
                request.append(
                    IoctlIn {
                        $0.handle = handle
                        $0.command = number
                        $0.inSize = UInt32(value.count)
                        $0.outSize = UInt32(room)
                    })
                request.append(bytes: value)
            }
        }
        try client.release(file, handle)
        try client.release(file, appending)
    }

    private func attributes(_ client: FuseClient, _ share: NodeID) throws {
        let file = try client.lookup(share, "file").node
        _ = try client.setattr(file) {
            $0.fields = [.mode, .size, .mtime, .uid, .gid]
            $0.mode = 0o100644
            $0.size = 50_000
            $0.mtime = 1_000_000_000
        }
        let handle = try client.open(file, flags: UInt32(O_RDWR)).handle
        _ = try? client.setxattr(file, "user.colour", [1])
        _ = try? client.listxattr(file)
        for _ in 0..<2 {
            _ = try? client.getxattr(file, "user.colour")
            _ = try? client.listxattr(file)
        }
        // Root's are listed by the thread that sees trusted.*; anybody else's by the worker.
        let own = client.uid
        client.uid = 1234
        _ = try? client.listxattr(file)
        client.uid = own
        _ = try? client.removexattr(file, "user.colour")
        try client.release(file, handle)
        _ = try? client.getxattr(file, "user.colour")
        _ = try? client.getxattr(share, "user.colour")
    }

    /// Locks, and one that is waited for: by the thread that tries again.
    private func locking(_ client: FuseClient, _ share: NodeID, _ folder: HostFolder?) throws {
        let file = try client.create(share, "locked", flags: UInt32(O_RDWR))
        func lock(_ opcode: Opcode, _ type: CInt, owner: UInt64, isWhole: Bool = false) throws -> Reply {
            let shape: ReplyShape = opcode == .getlk ? .exactly(LkOut.byteCount) : .empty
            return try client.call(opcode: opcode, node: file.entry.node, reply: shape) {
                $0.append(
                    LkIn {
                        $0.handle = file.open.handle
                        $0.owner = owner
                        $0.lock.type = UInt32(type)
                        $0.lock.end = UInt64(Int64.max)
                        $0.flags = isWhole ? 1 : 0
                    })
            }
        }
        #expect(try lock(.setlk, CInt(F_WRLCK), owner: 1).error == nil)
        #expect(try lock(.getlk, CInt(F_WRLCK), owner: 2).error == nil)
        #expect(try lock(.setlk, CInt(F_UNLCK), owner: 1).error == nil)
        #expect(try lock(.setlk, CInt(F_WRLCK), owner: file.open.handle.rawValue, isWhole: true).error == nil)
        #expect(try lock(.setlk, CInt(F_UNLCK), owner: file.open.handle.rawValue, isWhole: true).error == nil)
        guard let folder else { return }
        let program = try Linux.Descriptor(result: cl_openat(CL_AT_FDCWD, folder.path(of: "locked"), O_RDWR, 0))
        try #require(cl_lock_range(program.number, CInt(F_WRLCK), 0, 0) == 0)
        let poll = try #require(
            try Self.observedLines.get().firstIndex { $0.duty == .files && $0.rule.name == "poll" })
        let other = try Linux.Thread(name: "other") {
            // Until it is tried again and again.
            for _ in 0..<1000 where co_uses(UInt32(poll)) == 0 { usleep(10_000) }
            _ = cl_lock_range(program.number, CInt(F_UNLCK), 0, 0)
        }
        #expect(try lock(.setlkw, CInt(F_WRLCK), owner: 1).error == nil)
        other.join()
    }

    /// In the name of somebody else, in a directory of their group.
    private func madeForOthers(
        _ client: FuseClient, _ share: NodeID, _ folder: HostFolder, _ driver: HostileDriver
    ) throws {
        let shared = try folder.makeFolder("shared")
        _ = chown(shared.path, 0, 4321)
        _ = chmod(shared.path, 0o2777)
        let directory = try client.lookup(share, "shared").node
        (client.uid, client.gid) = (1234, 2345)
        _ = try client.create(directory, "theirs", flags: UInt32(O_RDWR))
        #expect(try shared.status("theirs").st_uid == 1234)

        let group = ExtensionHead {
            $0.size = 16
            $0.type = ExtensionHead.groups
            $0.groupCount = 1
            $0.group = 4321
        }
        let body = HostileDriver.bytes(MkdirIn { $0.mode = 0o755 }) + [UInt8]("inner\0".utf8)
        let header = InHeader {
            $0.length = UInt32(InHeader.byteCount + body.count + 16)
            $0.opcode = .mkdir
            $0.unique = 4711
            $0.node = directory
            $0.uid = 1234
            $0.gid = 2345
            $0.extensionLength = 2
        }
        #expect(try driver.send(HostileDriver.bytes(header) + body + HostileDriver.bytes(group)).error == 0)
        #expect(try shared.status("inner").st_gid == 4321)
    }

    /// Data in two pieces of the guest's memory.
    private func scattered(_ client: FuseClient, _ share: NodeID, _ driver: HostileDriver) throws {
        (client.uid, client.gid) = (0, 0)
        let file = try client.lookup(share, "file").node
        let handle = try client.open(file, flags: UInt32(O_RDWR)).handle
        let pieces = { (buffer: GuestBuffer) in [buffer.part(100, 10), buffer.part(200, 10)] }

        let write = WriteIn {
            $0.handle = handle
            $0.size = 20
        }
        let head = HostileDriver.request(
            .write, node: file, length: UInt32(InHeader.byteCount + WriteIn.byteCount + 20), HostileDriver.bytes(write))
        driver.request.store(head)
        driver.queue.add(
            [.request(driver.request.part(0, head.count))] + pieces(driver.request).map { .request($0) }
                + [.reply(driver.reply.part(0, 64))])
        driver.queue.publish()
        #expect(try driver.verdict().error == 0)

        let read = ReadIn {
            $0.handle = handle
            $0.size = 20
        }
        let other = HostileDriver.request(.read, node: file, HostileDriver.bytes(read))
        driver.request.store(other)
        driver.queue.add(
            [.request(driver.request.part(0, other.count)), .reply(driver.reply.part(0, OutHeader.byteCount))]
                + pieces(driver.reply).map { .reply($0) })
        driver.queue.publish()
        #expect(try driver.verdict().error == 0)
        try client.release(file, handle)
    }
}
