import CLinux
import Control
import EventLoop
import Linux
import Synchronization
import SystemPackage
import TestSupport

@testable import Machine

/// What answers as a VM does, in a runtime directory of its own, and is none.
final class StandInMachine {
    /// The status with the time that has passed, and counters that go on by as much.
    private struct Canned {
        var status: MachineStatus
        var looks = 0
    }

    /// For `XDG_RUNTIME_DIR`.
    let runtime: String
    let place: RuntimePlace
    let socket: FilePath
    private let temporary: TemporaryDirectory
    private let directory: RuntimeDirectory
    private let canned: Mutex<Canned>
    private var thread: Thread?
    private var ender: Mailbox<Void>?

    /// A VM of this status. With each look a second passes, and each share answers a thousand requests more and reads a MiB.
    init(_ status: MachineStatus) throws {
        let temporary = try TemporaryDirectory()
        let path = temporary.path
        runtime = path
        place = RuntimePlace(environment: { $0 == "XDG_RUNTIME_DIR" ? path : nil })
        self.temporary = temporary
        directory = try place.claim(status.name)
        socket = directory.controlSocket
        canned = Mutex(Canned(status: status))

        let started = try Descriptor(result: cl_eventfd(0, false))
        let news = started.number
        // Written by the thread before it says so.
        nonisolated(unsafe) var ender: Mailbox<Void>?
        nonisolated(unsafe) var failure: Errno?
        nonisolated(unsafe) let machine = Unmanaged.passUnretained(self)
        let socket = socket
        thread = try Thread(name: "stand-in") {
            let loop = EventLoop()
            let (mailbox, receiver) = loop.mailbox { (_: Void) in loop.stop() }
            let server = ControlServer(version: "1.2.3", on: loop) { call in
                // SAFETY: it ends this thread before it goes.
                call.answer(.success(.status(machine.takeUnretainedValue().look())))
            }
            do throws(Errno) { try server.listen(at: socket) } catch { failure = error }
            ender = mailbox
            _ = cl_eventfd_signal(news)
            loop.run()
            server.close()
            receiver.cancel()
        }
        try checked(cl_eventfd_wait(news))
        self.ender = ender
        if let failure { throw failure }
    }

    private func look() -> MachineStatus {
        canned.withLock { canned in
            defer { canned.looks += 1 }
            var status = canned.status
            status.uptime += Double(canned.looks)
            for index in status.shares.indices {
                status.shares[index].activity.requests += UInt64(canned.looks * 1000)
                status.shares[index].activity.bytesRead += UInt64(canned.looks * 1024 * 1024)
            }
            return status
        }
    }

    /// How often it has been looked at.
    var looks: Int { canned.withLock(\.looks) }

    /// Ends it, as a VM ends: its connections close, its directory goes.
    func end() {
        ender?.post(())
        thread?.join()
        ender = nil
        thread = nil
        directory.remove()
    }

    deinit {
        if thread != nil { end() }
    }
}

extension MachineStatus {
    /// A VM in which there is something to see.
    static func example(name: String = "dev", shares: [ShareStatus]) -> MachineStatus {
        MachineStatus(
            name: name, state: .running, pid: 4242, qemuPid: 4243, kernelRelease: "6.12.48", kernel: "/boot/vmlinuz",
            accelerator: "kvm", cpus: 4, memoryMiB: 2048, uptime: 187,
            aggregates: shares.isEmpty
                ? []
                : [
                    AggregateStatus(
                        bucket: "ro", tag: "sheaf-ro", device: "boot", isConnected: true, requestQueues: 4, children: 1),
                    AggregateStatus(
                        bucket: "rw", tag: "sheaf-rw", device: "hot-plugged", isConnected: false, requestQueues: 1,
                        children: shares.count - 1),
                ], shares: shares)
    }
}

extension ShareStatus {
    /// A share that the guest has where the host has it.
    static func example(
        _ source: String, access: String = "rw", subname: String = "0123456789abcdef0123456789abcdef",
        targets: [Target]? = nil, activity: ShareActivity = ShareActivity()
    ) -> ShareStatus {
        ShareStatus(
            bucket: access, subname: subname, source: source, access: access,
            targets: targets ?? [Target(path: source, state: .mounted)], activity: activity)
    }
}
