import CLinux
import Frontend
import Linux
import Logging
import Synchronization
import SystemPackage
import Testing
import VhostUser

@testable import ShareHost

/// Threads, orders and ends of a device whose requests are answered by a few lines here: no file system is involved.
@Suite struct FileSystemDeviceTests {
    @Test func answersEveryRequestOnEveryQueue() throws {
        try withDevice(requestQueues: 3, echo) { device in
            let frontend = try device.connect(queues: 3)

            for queue in frontend.queues {
                for number in 0..<300 {
                    #expect(
                        try exchange(frontend, queue, [UInt8(number & 0xff), 2, 3]) == [UInt8(number & 0xff), 2, 3])
                }
            }
        }
    }

    @Test func answersABatchCompletelyAndInOrder() throws {
        try withDevice(echo) { device in
            let frontend = try device.connect()
            let queue = frontend.requestQueue(0)
            let buffer = try frontend.memory.allocate(64)
            var heads: [UInt16] = []
            for _ in 0..<40 {
                let head = queue.add([.request(buffer.part(0, 8)), .reply(buffer.part(16, 8))])
                heads.append(try #require(head))
            }

            queue.publish()

            var returned: [UInt16] = []
            while returned.count < heads.count {
                try queue.wait()
                while let used = try queue.pop() {
                    returned.append(used.head)
                    #expect(used.length == 8)
                }
            }
            #expect(returned == heads)
        }
    }

    @Test func showsWhatIsFinishedBeforeARequestThatMayTakeLong() throws {
        let gate = try Linux.Descriptor(result: cl_eventfd(0, false))
        let number = gate.number
        try withDevice({ request in
            if request.first == slowRequest { _ = cl_eventfd_wait(number) }
            return request
        }) { device in
            // Whatever goes wrong: the device is not left waiting.
            defer { _ = cl_eventfd_signal(number) }
            let frontend = try device.connect()
            let queue = frontend.requestQueue(0)
            let buffer = try frontend.memory.allocate(64)
            buffer.part(8, 1).store([slowRequest])
            let quick = try #require(queue.add([.request(buffer.part(0, 8)), .reply(buffer.part(16, 8))]))
            let slow = try #require(queue.add([.request(buffer.part(8, 8)), .reply(buffer.part(24, 8))]))

            queue.publish()
            try queue.wait()
            let first = try queue.pop()
            let second = try queue.pop()
            _ = cl_eventfd_signal(number)
            try queue.wait()
            let last = try queue.pop()

            #expect(first?.head == quick && second == nil && last?.head == slow)
        }
    }

    @Test func usesMemoryThatWasPluggedWhileTheRingRuns() throws {
        try withDevice(echo) { device in
            let frontend = try device.connect()
            #expect(try exchange(frontend, frontend.requestQueue(0), [1]) == [1])

            for _ in 0..<20 {
                let region = try frontend.plug(1 << 20)
                let buffer = try frontend.memory.allocate(64, alignment: 8, in: region)
                #expect(try exchange(frontend, frontend.requestQueue(0), [7, 7], in: buffer) == [7, 7])
            }
        }
    }

    @Test func goesOnWhereItStoppedAndStartsAnewAfterAReboot() throws {
        try withDevice(echo) { device in
            let frontend = try device.connect()
            let queue = frontend.requestQueue(0)
            for _ in 0..<10 { #expect(try exchange(frontend, queue, [1]) == [1]) }

            let bases = try frontend.stop()
            #expect(bases == [0, 10])
            try frontend.start(bases: bases)
            #expect(try exchange(frontend, queue, [2]) == [2])

            try frontend.reboot()
            #expect(try exchange(frontend, queue, [3]) == [3])
            #expect(queue.publishedUsedIndex == 1)
        }
    }

    @Test func finishesTheRequestInHandBeforeTheRingIsStopped() throws {
        let gate = try Gate()
        try withDevice(gate.handler) { device in
            let frontend = try device.connect()
            let queue = frontend.requestQueue(0)
            let buffer = try frontend.memory.allocate(64)
            for _ in 0..<3 { queue.add([.request(buffer.part(0, 1)), .reply(buffer.part(8, 1))]) }
            queue.publish()
            gate.awaitEntry()
            // While the first request is in hand, the frontend asks for the ring: the answer has to wait for the request.
            try frontend.socket.send(.getRingBase, MessagePayload(ring: 1, 0))
            var state = pollfd(fd: frontend.socket.descriptor.number, events: Int16(POLLIN), revents: 0)
            #expect(cl_poll(&state, 1, 50) == 0)
            #expect(queue.publishedUsedIndex == 0)

            gate.open()
            let payload = try frontend.socket.receive(replyTo: .getRingBase).payload
            let base: UInt32 = VhostUserSocket.integer(payload, at: 4)

            #expect(queue.publishedUsedIndex == UInt16(base))
            #expect(base >= 1)
        }
    }

    @Test func takesACallDescriptorWhileARequestIsInHandAndSignalsIt() throws {
        let gate = try Gate()
        try withDevice(gate.handler) { device in
            var configuration = Frontend.Configuration()
            configuration.dialect = .qemu11
            let frontend = try device.connect(configuration)
            let queue = frontend.requestQueue(0)
            let buffer = try frontend.memory.allocate(64)
            queue.add([.request(buffer.part(0, 1)), .reply(buffer.part(8, 1))])
            queue.publish()
            gate.awaitEntry()

            // Acknowledged although the worker is busy: a frontend waits with its whole machine stopped.
            try frontend.replaceCallEvent(of: queue)
            gate.open()

            try queue.wait()
            #expect(try queue.pop()?.length == 1)
        }
    }

    @Test func breaksOneRingAndServesTheOthers() throws {
        try withDevice(requestQueues: 2, echo) { device in
            let frontend = try device.connect(queues: 2)
            let broken = frontend.requestQueue(0)

            broken.jump(by: 1000)
            broken.expose()
            broken.kick()
            #expect(try isSignalled(broken.errorEvent.number))

            #expect(try exchange(frontend, frontend.requestQueue(1), [5]) == [5])
            try frontend.reboot()
            #expect(try exchange(frontend, broken, [6]) == [6])
        }
    }

    @Test func servesTheNextFrontendWhenOneHasLeft() throws {
        try withDevice(echo) { device in
            for _ in 0..<3 {
                let frontend = try device.connect()
                #expect(try exchange(frontend, frontend.requestQueue(0), [9]) == [9])
                frontend.socket.hangUp()
                #expect(device.awaitEnd() == .disconnected)
            }
        }
    }

    @Test func servesOneFrontendAtATime() throws {
        try withDevice(echo) { device in
            let frontend = try device.connect()
            let second = cl_eventfd(0, false)

            #expect(throws: Errno.resourceBusy) { try device.device.serve(Linux.Descriptor(owning: second)) }
            #expect(try exchange(frontend, frontend.requestQueue(0), [1]) == [1])
        }
    }

    @Test func reportsWhyAFrontendWasSentAway() throws {
        try withDevice(echo) { device in
            let frontend = try device.connect()
            try frontend.socket.send(bytes: [99, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
            try frontend.socket.expectHangUp()

            #expect(device.awaitEnd() == .violation(.unknownRequest(99)))
        }
    }

    @Test func letsGoOfEverythingItWasGivenBeforeItReportsTheEnd() throws {
        var read: CInt = -1
        var write: CInt = -1
        try checked(cl_pipe(&read, &write))
        let readEnd = Linux.Descriptor(owning: read)
        try withDevice(echo) { device in
            let frontend = try device.connect()
            for ring in 0..<2 as Range<UInt64> {
                try frontend.socket.send(.setRingKick, MessagePayload(ring), descriptors: [write])
            }
            try frontend.synchronise()
            _ = cl_close(write)
            frontend.socket.hangUp()
            _ = device.awaitEnd()

            var state = pollfd(fd: readEnd.number, events: Int16(POLLIN), revents: 0)
            #expect(cl_poll(&state, 1, 0) == 1)
            #expect(state.revents & Int16(POLLHUP) != 0)
        }
    }

    @Test func stopsWhileAFrontendIsConnected() throws {
        try withDevice(echo) { device in
            _ = try device.connect()
            device.device.stop()

            #expect(!device.device.isServing)
            #expect(device.awaitEnd() == .disconnected)
        }
    }

    private func isSignalled(_ event: CInt) throws -> Bool {
        var state = pollfd(fd: event, events: Int16(POLLIN), revents: 0)
        return try checked(cl_poll(&state, 1, 10_000)) == 1
    }
}

@Sendable private func echo(_ request: [UInt8]) -> [UInt8] { request }

/// A handler whose first request waits until it is let go.
private final class Gate: Sendable {
    private let entered: Linux.Descriptor
    private let opened: Linux.Descriptor
    private let isFirst = Atomic<Bool>(true)

    init() throws {
        entered = try Linux.Descriptor(result: cl_eventfd(0, false))
        opened = try Linux.Descriptor(result: cl_eventfd(0, false))
    }

    var handler: @Sendable ([UInt8]) -> [UInt8] {
        { request in
            if self.isFirst.exchange(false, ordering: .relaxed) {
                _ = cl_eventfd_signal(self.entered.number)
                _ = cl_eventfd_wait(self.opened.number)
            }
            return request
        }
    }

    func awaitEntry() { _ = cl_eventfd_wait(entered.number) }
    func open() { _ = cl_eventfd_signal(opened.number) }
}
