import CLinux
import Frontend
import Glibc
import Linux
import Synchronization
import Testing
import VhostUser

@testable import ShareHost

/// What takes long is served by the pool: it holds up nobody, and its ring gets it back.
@Suite struct RequestPoolTests {
    @Test func answersOthersOfTheSameRingMeanwhile() throws {
        let gate = PoolGate()
        try withDevice(gate.handler) { device in
            defer { gate.open(1) }
            let frontend = try device.connect()
            let queue = frontend.requestQueue(0)
            let slow = try #require(try add(slowRequest, to: queue, frontend))
            queue.publish()
            gate.awaitEntries(1)

            for number in 0..<100 as Range<UInt8> {
                let quick = try add(number, to: queue, frontend)
                queue.publish()
                try queue.wait()
                #expect(try queue.pop()?.head == quick)
            }
            #expect(try queue.pop() == nil)

            gate.open(1)
            try queue.wait()
            #expect(try queue.pop().map { $0.head == slow && $0.length == 1 } == true)
        }
    }

    @Test func servesAsManyAtOnceAsThePoolHasThreadsAndThenTheRest() throws {
        let gate = PoolGate()
        try withDevice(requestQueues: 2, gate.handler) { device in
            let frontend = try device.connect(queues: 2)
            for queue in [frontend.requestQueue(0), frontend.requestQueue(1)] {
                for _ in 0..<40 { try add(slowRequest, to: queue, frontend) }
                queue.publish()
            }
            gate.awaitEntries(RequestPool.threadLimit)
            #expect(gate.most == RequestPool.threadLimit)

            gate.open(80)
            for queue in [frontend.requestQueue(0), frontend.requestQueue(1)] {
                var returned = 0
                while returned < 40 {
                    try queue.wait()
                    while let used = try queue.pop() {
                        #expect(used.length == 1)
                        returned += 1
                    }
                }
            }
            #expect(gate.most == RequestPool.threadLimit)
        }
    }

    @Test func servesItselfWhatIsMoreThanHalfOfTheRing() throws {
        try withDevice({ $0 }) { device in
            var configuration = Frontend.Configuration()
            configuration.queueSize = 2
            let frontend = try device.connect(configuration)
            for _ in 0..<50 {
                #expect(try exchange(frontend, frontend.requestQueue(0), [slowRequest]) == [slowRequest])
            }
        }
    }

    @Test func givesBackWhatThePoolHasBeforeTheRingIsStopped() throws {
        let gate = PoolGate()
        try withDevice(gate.handler) { device in
            defer { gate.open(2) }
            let frontend = try device.connect()
            let queue = frontend.requestQueue(0)
            for _ in 0..<2 { try add(slowRequest, to: queue, frontend) }
            queue.publish()
            gate.awaitEntries(2)

            try frontend.socket.send(.getRingBase, MessagePayload(ring: 1, 0))
            var state = pollfd(fd: frontend.socket.descriptor.number, events: Int16(POLLIN), revents: 0)
            #expect(cl_poll(&state, 1, 50) == 0)
            gate.open(1)
            #expect(cl_poll(&state, 1, 50) == 0)
            gate.open(1)
            let payload = try frontend.socket.receive(replyTo: .getRingBase).payload
            let base: UInt32 = VhostUserSocket.integer(payload, at: 4)

            #expect(base == 2)
            #expect(queue.publishedUsedIndex == 2)
        }
    }

    @Test func goesOnAfterTheRingWasStoppedWithWorkInThePool() throws {
        try withDevice({ $0 }) { device in
            let frontend = try device.connect()
            let queue = frontend.requestQueue(0)
            for round in 0..<20 {
                let heads = try (0..<20).map { _ in try add(slowRequest, to: queue, frontend) }
                queue.publish()
                let bases = try frontend.stop()
                try frontend.start(bases: bases)
                var returned: Set<UInt16> = []
                while returned.count < heads.count {
                    try queue.wait()
                    while let used = try queue.pop() { returned.insert(used.head) }
                }
                #expect(returned == Set(heads.compactMap { $0 }), "\(round)")
            }
        }
    }

    @Test func keepsTheMemoryOfWhatThePoolHasWhenTheTableIsReplaced() throws {
        let gate = PoolGate()
        try withDevice(gate.handler) { device in
            defer { gate.open(1) }
            let frontend = try device.connect()
            let queue = frontend.requestQueue(0)
            let head = try add(slowRequest, to: queue, frontend)
            queue.publish()
            gate.awaitEntries(1)

            let regions = frontend.memory.regions
            try frontend.socket.send(
                .setMemoryTable, MessagePayload(table: regions), flags: VhostUserSocket.needReply,
                descriptors: regions.map { $0.file.number })
            var state = pollfd(fd: frontend.socket.descriptor.number, events: Int16(POLLIN), revents: 0)
            #expect(cl_poll(&state, 1, 50) == 0)
            gate.open(1)

            #expect(try frontend.socket.receiveValue(replyTo: .setMemoryTable) == 0)
            #expect(try queue.pop()?.head == head)
            #expect(try exchange(frontend, queue, [6]) == [6])
        }
    }

    @Test func forgetsWhatThePoolHasOfABrokenRing() throws {
        let gate = PoolGate()
        try withDevice(gate.handler) { device in
            let frontend = try device.connect()
            let queue = frontend.requestQueue(0)
            try add(slowRequest, to: queue, frontend)
            queue.publish()
            gate.awaitEntries(1)

            queue.jump(by: 1000)
            queue.expose()
            queue.kick()
            var state = pollfd(fd: queue.errorEvent.number, events: Int16(POLLIN), revents: 0)
            #expect(cl_poll(&state, 1, 10_000) == 1)
            gate.open(1)

            try frontend.reboot()
            #expect(try exchange(frontend, queue, [6]) == [6])
        }
    }

    @Test func endsWhileTheHostDoesNotAnswer() throws {
        let gate = PoolGate()
        try withDevice(gate.handler) { device in
            defer { gate.open(1) }
            let frontend = try device.connect()
            try add(slowRequest, to: frontend.requestQueue(0), frontend)
            frontend.requestQueue(0).publish()
            gate.awaitEntries(1)

            let start = cl_monotonic_time()
            device.device.stop()

            #expect(cl_monotonic_time() - start < 10_000_000_000)
            #expect(!device.device.isServing)
        }
    }
}

/// Puts a request of one byte into a queue's ring.
@discardableResult
private func add(_ byte: UInt8, to queue: DriverQueue, _ frontend: Frontend) throws -> UInt16? {
    let buffer = try frontend.memory.allocate(16)
    buffer.part(0, 1).store([byte])
    return queue.add([.request(buffer.part(0, 1)), .reply(buffer.part(8, 1))])
}

/// A handler that keeps every slow request until it is let go.
private final class PoolGate: Sendable {
    private let entered = Mutex((now: 0, most: 0))
    private let count = Mutex(0)

    var handler: @Sendable ([UInt8]) -> [UInt8] {
        { request in
            guard request.first == slowRequest else { return request }
            self.entered.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
            self.awaitPlace()
            self.entered.withLock { $0.now -= 1 }
            return request
        }
    }

    /// The most requests that were here at once.
    var most: Int { entered.withLock { $0.most } }

    /// Waits for a place, but not for ever: a thread of a test that failed is not to keep its process busy.
    private func awaitPlace() {
        for _ in 0..<60_000 {
            if takePlace() { return }
            usleep(500)
        }
    }

    private func takePlace() -> Bool {
        count.withLock { count in
            guard count > 0 else { return false }
            count -= 1
            return true
        }
    }

    func awaitEntries(_ wanted: Int) {
        while entered.withLock({ $0.now }) < wanted { sched_yield() }
    }

    /// Lets so many go.
    func open(_ more: Int) { count.withLock { $0 += more } }
}
