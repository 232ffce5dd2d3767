import CLinux
import FUSE
import Frontend
import Glibc
import Linux
import SystemPackage
import TestSupport
import Testing

/// A frontend that has the threads which serve it wait for something that never comes, and leaves.
@Suite struct HeldUpTests {
    /// Fills the counter of an eventfd, and has whoever signals it wait.
    private func fill(_ event: borrowing Descriptor) throws {
        try checked(cl_set_nonblocking(event.number, true))
        var most = UInt64.max - 1
        _ = cl_eventfd_drain(event.number)
        try #require(Glibc.write(event.number, &most, 8) == 8)
        try checked(cl_set_nonblocking(event.number, false))
    }

    @Test(arguments: [false, true])
    func isRidOfAFrontendWhoseInterruptsCannotBeSent(stops: Bool) throws {
        try withServedAggregate { served in
            let client = try served.mount()
            let frontend = client.frontend
            try fill(frontend.requestQueue(0).callEvent)
            let driver = try HostileDriver(frontend)
            driver.request.store(HostileDriver.request(.getattr, HostileDriver.bytes(GetattrIn())))
            driver.queue.add([.request(driver.request.part(0, 56)), .reply(driver.reply.part(0, 120))])
            driver.queue.askForCall()
            driver.queue.publish()
            // Its worker waits in write(2) by now; so does, for the worker, who has been asked to stop the ring.
            usleep(100_000)
            if stops { try? frontend.socket.send(.getRingBase, MessagePayload(1)) }
            usleep(20_000)

            frontend.socket.hangUp()

            let next = try served.mount()
            #expect(try next.lookup(.root, served.name).node.rawValue == 2)
        }
    }

    /// As a file on disk or a pipe, which may take their time whoever has made them not to.
    @Test func refusesToSignalWhatIsNoEventfd() throws {
        try withServedAggregate { served in
            let frontend = try served.attach()
            try frontend.greet()
            var (readEnd, writeEnd): (CInt, CInt) = (-1, -1)
            try checked(cl_pipe(&readEnd, &writeEnd))
            defer {
                close(readEnd)
                close(writeEnd)
            }

            #expect(throws: BackendFault.self) {
                try frontend.socket.send(.setRingCall, MessagePayload(1), descriptors: [writeEnd])
                try frontend.synchronise()
            }
            #expect(try served.mount().lookup(.root, served.name).node.rawValue == 2)
        }
    }
}
