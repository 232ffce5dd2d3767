import CLinux
import FUSE
import Frontend
import Linux
import SystemPackage
import TestSupport
import Testing

/// A frontend that makes the guest's memory file shorter while it is mapped here: whoever touches what is gone gets SIGBUS.
@Suite struct StolenMemoryTests {
    /// Waits until the device gives the ring up. The memory may not be touched any more, here neither.
    private func awaitBreak(of queue: DriverQueue) {
        var poll = pollfd(fd: queue.errorEvent.number, events: Int16(POLLIN), revents: 0)
        #expect(cl_poll(&poll, 1, 10_000) == 1)
    }

    private func withVictims(_ body: (ServedAggregate, FuseClient) throws -> Void) throws {
        try withServedAggregate { served in
            try withServedAggregate { bystander in
                let neighbour = try bystander.mount()
                let client = try served.mount()
                try body(served, client)
                #expect(try neighbour.lookup(.root, bystander.name).node.rawValue == 2)
                client.frontend.socket.hangUp()
                // Its next guest has memory of its own.
                #expect(try served.mount().getattr(.root).attributes.inode == 1)
            }
        }
    }

    @Test func survivesBuffersThatAreTakenAway() throws {
        try withVictims { _, client in
            let driver = try HostileDriver(client.frontend)
            driver.request.store(HostileDriver.request(.getattr, HostileDriver.bytes(GetattrIn())))
            driver.queue.add([.request(driver.request.part(0, 56)), .reply(driver.reply.part(0, 120))])

            let high = client.frontend.memory.high
            try checked(cl_ftruncate(high.file.number, Int64(high.fileOffset)))
            driver.queue.publish()

            awaitBreak(of: driver.queue)
        }
    }

    @Test func survivesARingThatIsTakenAway() throws {
        try withVictims { _, client in
            try checked(cl_ftruncate(client.frontend.memory.low.file.number, 0))
            client.queue.kick()

            awaitBreak(of: client.queue)
        }
    }

    @Test func survivesARingThatIsTakenAwayWhileItIsBusy() throws {
        try withVictims { _, client in
            let queue = client.queue
            let kicker = try Thread(name: "kicker") {
                for _ in 0..<2_000 { _ = cl_eventfd_signal(queue.kickEvent.number) }
            }
            try checked(cl_ftruncate(client.frontend.memory.low.file.number, 0))
            kicker.join()
            client.queue.kick()

            awaitBreak(of: client.queue)
        }
    }
}
