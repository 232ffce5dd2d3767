import CLinux
import Control
import EventLoop
import Linux
import SystemPackage
import TestSupport

/// A server on a loop and a thread of its own, with a socket of its own.
final class ServedMachine {
    /// What the server answers.
    static let status = MachineStatus(
        name: "vm", state: .running, pid: 1, qemuPid: 2, kernelRelease: "6.12", kernel: "/boot/vmlinuz",
        accelerator: "tcg", cpus: 1, memoryMiB: 1024, uptime: 1.5,
        aggregates: [
            AggregateStatus(
                bucket: "ro", tag: "sheaf-ro", device: "boot", isConnected: true, requestQueues: 1, children: 1)
        ],
        shares: [
            ShareStatus(
                bucket: "ro", subname: "s", source: "/a b", access: "ro",
                targets: [ShareStatus.Target(path: "/c", state: .mounted)], activity: ShareActivity(requests: 3))
        ])

    let path: FilePath
    private let directory: TemporaryDirectory
    private let thread: Thread
    private let ender: Mailbox<Void>

    /// Starts it; by default it answers every call with its status.
    init(
        handler: @escaping @Sendable (ControlCall) -> Void = { $0.answer(.success(.status(ServedMachine.status))) },
        isAllowed: (@Sendable (UInt32) -> Bool)? = nil
    ) throws {
        let directory = try TemporaryDirectory()
        let path = FilePath("\(directory.path)/control.sock")
        let started = try Descriptor(result: cl_eventfd(0, false))
        let news = started.number
        // Written by the thread before it says so.
        nonisolated(unsafe) var ender: Mailbox<Void>?
        nonisolated(unsafe) var failure: Errno?
        thread = try Thread(name: "server") {
            let loop = EventLoop()
            let (mailbox, receiver) = loop.mailbox { (_: Void) in loop.stop() }
            let server = ControlServer(version: "1.2.3", on: loop, isAllowed: isAllowed, handler: handler)
            do throws(Errno) { try server.listen(at: path) } catch { failure = error }
            ender = mailbox
            _ = cl_eventfd_signal(news)
            loop.run()
            server.close()
            receiver.cancel()
        }
        try checked(cl_eventfd_wait(news))
        if let failure { throw failure }
        guard let ender else { throw Errno.ioError }
        self.ender = ender
        self.path = path
        self.directory = directory
    }

    /// A client of the server's.
    func connect() throws(ControlClientError) -> ControlClient {
        try ControlClient(path: path, timeout: .seconds(20))
    }

    deinit {
        ender.post(())
        thread.join()
    }
}
