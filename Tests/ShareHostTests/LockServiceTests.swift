import CLinux
import FUSE
import FileService
import Frontend
import Glibc
import Linux
import Logging
import ShareHost
import SystemPackage
import TestSupport
import Testing

/// Requests that wait for a lock: they hold up nobody, and outlast what a frontend does to their ring.
@Suite struct LockServiceTests {
    /// A file of a share whose locks the host sees, a guest with room for many requests, and a program of the host.
    private func withLockedFile(
        _ body: (FuseClient, NodeID, HandleID, _ program: CInt, ServedDevice) throws -> Void
    ) throws {
        let directory = try TemporaryDirectory()
        let folder = try directory.folder.makeFolder("share")
        try folder.write("file", "content")
        let aggregate = try Aggregate(access: .readWrite)
        try aggregate.addChild(
            name: "share", hostPath: FilePath(folder.path), access: .readWrite, options: ChildOptions(locks: .host))
        let device = ServedDevice(
            FileSystemDevice(
                aggregate: aggregate, requestQueues: 1, log: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }))
        defer { device.end() }
        let client = try FuseClient(try device.connect(), depth: 8)
        try client.initialize()
        let node = try client.walk(.root, "share/file").node
        let handle = try client.open(node, flags: UInt32(O_RDWR)).handle
        let program = try Descriptor(result: cl_openat(CL_AT_FDCWD, folder.path(of: "file"), O_RDWR, 0))
        try #require(cl_lock_range(program.number, CInt(F_WRLCK), 0, 0) == 0)
        try body(client, node, handle, program.number, device)
    }

    /// Sends a SETLKW and does not wait for its answer; the slot it is in.
    private func sendWait(_ client: FuseClient, _ node: NodeID, _ handle: HandleID) throws -> Int {
        let slot = try #require(client.acquire())
        try client.submit(slot, opcode: .setlkw, node: node, reply: .empty) { request in
            request.append(
                LkIn {
                    $0.handle = handle
                    $0.owner = 7
                    $0.lock.type = UInt32(F_WRLCK)
                    $0.lock.end = UInt64(Int64.max)
                })
        }
        client.queue.publish()
        return slot
    }

    private func getattr(_ client: FuseClient, _ node: NodeID) throws -> Reply {
        let slot = try #require(client.acquire())
        try client.submit(slot, opcode: .getattr, node: node, reply: .exactly(AttrOut.byteCount)) {
            $0.append(GetattrIn())
        }
        client.queue.publish()
        let reply = try client.complete()
        client.release(reply.slot)
        return reply
    }

    @Test func answersOthersOfTheSameRingMeanwhile() throws {
        try withLockedFile { client, node, handle, program, _ in
            let waiting = try sendWait(client, node, handle)
            for _ in 0..<50 {
                let reply = try getattr(client, node)
                #expect(reply.slot != waiting && reply.error == nil)
            }
            #expect(cl_lock_range(program, CInt(F_UNLCK), 0, 0) == 0)
            let reply = try client.complete()
            #expect(reply.slot == waiting && reply.error == nil)
            #expect(cl_lock_range(program, CInt(F_WRLCK), 0, 0) == -EAGAIN)
        }
    }

    @Test func goesOnWaitingWhenTheMachineWasPaused() throws {
        try withLockedFile { client, node, handle, program, _ in
            let first = try sendWait(client, node, handle)
            _ = try getattr(client, node)
            let bases = try client.frontend.stop()
            // Granted while there is no ring to say so.
            #expect(cl_lock_range(program, CInt(F_UNLCK), 0, 0) == 0)
            for _ in 0..<1000 where cl_lock_range(program, CInt(F_WRLCK), 0, 0) == 0 {
                #expect(cl_lock_range(program, CInt(F_UNLCK), 0, 0) == 0)
                usleep(1000)
            }
            #expect(try client.completeNow() == nil)
            try client.frontend.start(bases: bases)
            let reply = try client.complete()
            #expect(reply.slot == first && reply.error == nil)
            client.release(reply.slot)
            #expect(try getattr(client, node).error == nil)
        }
    }

    @Test func waitsOnOverAPauseAndIsInterruptedAfterIt() throws {
        try withLockedFile { client, node, handle, _, _ in
            let waiting = try sendWait(client, node, handle)
            let unique = client.unique(of: waiting)
            for _ in 0..<3 {
                let bases = try client.frontend.stop()
                try client.frontend.start(bases: bases)
                #expect(try getattr(client, node).error == nil)
            }
            let other = try FuseClient(client.frontend, queue: client.frontend.queues[0])
            _ = try other.call(opcode: .interrupt, node: .none, reply: .none) { request in
                request.append(InterruptIn { $0.unique = unique })
            }
            let reply = try client.complete()
            #expect(reply.slot == waiting && reply.error == .interrupted)
        }
    }

    @Test func forgetsWhoWaitedWhenTheGuestBootsAnew() throws {
        try withLockedFile { client, node, handle, program, _ in
            for _ in 0..<3 { _ = try sendWait(client, node, handle) }
            _ = try getattr(client, node)
            try client.frontend.reboot()
            let next = try FuseClient(client.frontend)
            try next.initialize()
            #expect(cl_lock_range(program, CInt(F_UNLCK), 0, 0) == 0)
            let again = try next.walk(.root, "share/file").node
            for _ in 0..<20 {
                #expect(try next.getattr(again).attributes.size == 7)
                usleep(1000)
            }
            // Nobody has taken the lock in the old guest's name.
            #expect(cl_lock_range(program, CInt(F_WRLCK), 0, 0) == 0)
        }
    }

    @Test func letsGoWhenTheFrontendLeaves() throws {
        try withLockedFile { client, node, handle, program, device in
            #expect(cl_lock_range(program, CInt(F_UNLCK), 0, 0) == 0)
            _ = try sendWait(client, node, handle)
            #expect(try client.complete().error == nil)
            #expect(cl_lock_range(program, CInt(F_WRLCK), 0, 0) == -EAGAIN)
            client.frontend.socket.hangUp()
            _ = try device.mount()
            #expect(cl_lock_range(program, CInt(F_WRLCK), 0, 0) == 0)
        }
    }

    @Test func endsWhileSomebodyWaits() throws {
        try withLockedFile { client, node, handle, program, device in
            _ = try sendWait(client, node, handle)
            _ = try getattr(client, node)
            device.end()
            #expect(cl_lock_range(program, CInt(F_UNLCK), 0, 0) == 0)
            usleep(30_000)
            #expect(cl_lock_range(program, CInt(F_WRLCK), 0, 0) == 0)
        }
    }
}
