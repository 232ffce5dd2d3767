import CLinux
import EventLoop
import Glibc
import Linux
import SystemPackage
import Testing

@Suite struct WorkerPoolTests {
    /// Something that jobs wait for until the test lets them go.
    private final class Gate: Sendable {
        private let gate: Descriptor

        init() throws(Errno) { gate = try Descriptor(result: cl_eventfd(0, false)) }

        func wait() {
            var entry = pollfd(fd: gate.number, events: Int16(POLLIN), revents: 0)
            _ = cl_poll(&entry, 1, 20_000)
        }

        func open() { _ = cl_eventfd_signal(gate.number) }
    }

    @Test func bringsResultsToTheLoopAndNeverBeforeTheCallReturns() {
        let loop = EventLoop()
        let pool = WorkerPool(on: loop)
        let results = Notes<Int>()

        for number in 0..<100 {
            pool.run({ number * number }) {
                results.items.append($0)
                if results.items.count == 100 { loop.stop() }
            }
        }
        #expect(results.items.isEmpty)
        #expect(pool.pending == 100)
        loop.runBounded()

        #expect(results.items.sorted() == (0..<100).map { $0 * $0 })
        #expect(pool.pending == 0)
    }

    @Test func runsManyAtOnceButNoMoreThanItsLimit() throws {
        let loop = EventLoop()
        let pool = WorkerPool(on: loop, limit: 4)
        let gate = try Gate()
        let counts = Notes<Int>()
        let begun = Notes<Int>()
        let (mailbox, receiver) = loop.mailbox { begun.items.append($0) }
        for _ in 0..<10 {
            pool.run({
                mailbox.post(1)
                gate.wait()
            }) {
                counts.items.append(0)
                if counts.items.count == 10 { loop.stop() }
            }
        }
        let first = loop.after(.milliseconds(100)) { loop.stop() }
        loop.runBounded()
        #expect(begun.items.count == 4)

        gate.open()
        loop.runBounded()

        #expect(begun.items.count == 10)
        receiver.cancel()
        _ = first
    }

    @Test func letsNoJobThatBlocksHoldUpAnother() throws {
        let loop = EventLoop()
        let pool = WorkerPool(on: loop)
        let gate = try Gate()
        let order = Notes<String>()
        pool.run({ gate.wait() }) {
            order.items.append("blocked")
            loop.stop()
        }

        for number in 0..<50 {
            // Each when the one before is done: the pool has a thread that is idle or about to end each time.
            pool.run({ number }) { _ in
                order.items.append("quick")
                loop.stop()
            }
            loop.runBounded()
        }
        #expect(order.items == [String](repeating: "quick", count: 50))
        gate.open()
        loop.runBounded()

        #expect(order.items.last == "blocked")
    }

    @Test func takesWorkFromItsOwnResults() {
        let loop = EventLoop()
        let pool = WorkerPool(on: loop, limit: 1)
        var left = 500
        func next() {
            pool.run({ 1 }) { (one: Int) in
                left -= one
                if left == 0 { loop.stop() } else { next() }
            }
        }

        next()
        loop.runBounded()

        #expect(left == 0)
    }

    @Test func endsItsThreadsWhenNothingIsLeftToDo() {
        let loop = EventLoop()
        let pool = WorkerPool(on: loop)
        var done = 0
        for _ in 0..<64 { pool.run({ cl_thread_id() }) { (_: Int32) in done += 1 } }

        let watch = loop.every(.milliseconds(5)) {
            if done == 64, pool.threadCount == 0 { loop.stop() }
        }
        loop.runBounded()
        watch.cancel()

        #expect(done == 64)
        #expect(pool.pending == 0)
    }

    @Test func dropsTheResultsOfAPoolThatIsLetGo() throws {
        let loop = EventLoop()
        let gate = try Gate()
        let results = Notes<Int>()
        do {
            let pool = WorkerPool(on: loop)
            pool.run({
                gate.wait()
                return 1
            }) { results.items.append($0) }
        }

        gate.open()
        let end = loop.after(.milliseconds(50)) { loop.stop() }
        loop.runBounded()

        #expect(results.items.isEmpty)
        _ = end
    }
}
