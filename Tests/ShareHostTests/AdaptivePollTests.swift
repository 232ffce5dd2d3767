import CLinux
import Frontend
import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

@testable import ShareHost

@Suite(.serialized) struct AdaptivePollTests {
    private static func eager() -> AdaptivePoll {
        var poll = AdaptivePoll()
        for _ in 0..<20 { poll.noteSleep(45_000) }
        return poll
    }

    /// How long it rests from `now` on.
    private static func rest(_ poll: AdaptivePoll, from now: UInt64) -> UInt64 {
        var time = now
        while !poll.isWorthwhile(now: time) { time += 500_000 }
        return time - now
    }

    @Test func watchesOnceRequestsComeSoonAfterEachOther() {
        #expect(!AdaptivePoll().isWorthwhile(now: 0))
        let poll = Self.eager()
        #expect(poll.isWorthwhile(now: 0))
    }

    @Test func ceasesWhenTheyDoNot() {
        var poll = Self.eager()
        poll.noteSleep(10_000_000_000)
        #expect(!poll.isWorthwhile(now: 0))
    }

    @Test func restsAfterEachMissForLongerUntilItHits() {
        var poll = Self.eager()
        var now: UInt64 = 0
        var rests: [UInt64] = []
        for _ in 0..<20 {
            poll.noteMiss(now: now)
            rests.append(Self.rest(poll, from: now))
            now += rests.last ?? 0
        }
        #expect(rests.first == AdaptivePoll.Rest.shortest)
        #expect(rests[1] == 2 * AdaptivePoll.Rest.shortest)
        #expect(rests.last == AdaptivePoll.Rest.longest)

        for _ in 0..<2_000 { poll.noteHit(pause: 5_000) }
        poll.noteMiss(now: now)
        #expect(poll.isWorthwhile(now: now + AdaptivePoll.Rest.shortest))
    }

    @Test func restsWhereACoreIsWantedHoweverOftenItHits() {
        var poll = Self.eager()
        var now: UInt64 = 0
        for _ in 0..<20 {
            #expect(poll.shouldLookForCrowd(now: now))
            poll.noteCrowd(true, now: now)
            for _ in 0..<10_000 { poll.noteHit(pause: 5_000) }
            now += Self.rest(poll, from: now)
        }
        poll.noteCrowd(true, now: now)
        #expect(Self.rest(poll, from: now) == AdaptivePoll.Rest.longest)
        now += AdaptivePoll.Rest.longest

        for _ in 0..<30 { poll.noteCrowd(false, now: now) }
        #expect(poll.isWorthwhile(now: now))
        #expect(!poll.shouldLookForCrowd(now: now))
        #expect(poll.shouldLookForCrowd(now: now + AdaptivePoll.crowdInterval))
        poll.noteCrowd(true, now: now)
        #expect(Self.rest(poll, from: now) == AdaptivePoll.Rest.shortest)
    }

    @Test func seesWhileItRestsThatNoCoreIsWantedAnyMore() {
        var poll = Self.eager()
        for _ in 0..<5 { poll.noteCrowd(true, now: 0) }
        #expect(poll.isCrowded)
        let rest = Self.rest(poll, from: 0)
        let next = AdaptivePoll.crowdInterval
        #expect(next < rest)

        #expect(poll.shouldLookForCrowd(now: next))
        poll.noteCrowdAtRest(false, now: next)

        #expect(!poll.isCrowded)
        #expect(!poll.shouldLookForCrowd(now: next))
        #expect(Self.rest(poll, from: 0) == rest)
    }

    @Test func keepsToTheEndOfTime() {
        var poll = AdaptivePoll()
        poll.noteSleep(.max)
        poll.noteMiss(now: .max)
        poll.noteCrowd(true, now: .max)
        _ = poll.isWorthwhile(now: .max)
        _ = poll.shouldLookForCrowd(now: .max)
        poll.noteHit(pause: .max)
    }

    @Test(arguments: [
        ("0.20 0.18 0.12 1/80 11206\n", 1), ("41.20 3.18 2.12 1234/5678 1", 1234), ("0.2 0.1 0.1 /80 1", nil),
        ("", nil), ("99999999999999999999/1", nil), ("0.20 0.18 0.12 3", nil),
    ])
    func countsRunningThreads(text: String, count: Int?) {
        #expect(Array(text.utf8).withUnsafeBytes { ProcessorLoad.runningThreads(in: $0) } == count)
    }

    /// Twice as many busy threads as processors.
    @Test(.enabled(if: cl_processor_count() > 1)) func seesThatThreadsWait() throws {
        let isOver = Over()
        let crowd = try (0..<2 * Int(cl_processor_count())).map { _ in
            try Linux.Thread(name: "crowd") { while !isOver.flag.load(ordering: .relaxed) {} }
        }
        defer {
            isOver.flag.store(true, ordering: .relaxed)
            for thread in crowd { thread.join() }
        }
        let load = try #require(ProcessorLoad())
        let deadline = cl_monotonic_time() + 10_000_000_000
        while !load.isCrowded { try #require(cl_monotonic_time() < deadline) }
    }

    private final class Over: Sendable { let flag = Atomic<Bool>(false) }

    /// A device that takes the machine's load to be so many running threads, and what of requests that come some together,
    /// soon after the replies to those before, had to be kicked for.
    private func kicks(running: Int, requests: Int, together: Int = 1) throws -> Int {
        let directory = try TemporaryDirectory()
        try directory.folder.write("load", Array("0.1 0.1 0.1 \(running)/99 1\n".utf8))
        let load = try #require(ProcessorLoad(path: directory.folder.path(of: "load")))
        let bench = Bench(requestQueues: 1, load: load) { $0 }
        defer { bench.device.stop() }
        let frontend = try bench.connect()
        let queue = frontend.requestQueue(0)
        let buffer = try frontend.memory.allocate(64 * together)
        let before = queue.kicks
        let deadline = cl_monotonic_time() + 20_000_000_000
        for _ in 0..<requests {
            for number in 0..<together {
                queue.add([.request(buffer.part(64 * number, 1)), .reply(buffer.part(64 * number + 32, 1))])
            }
            queue.publish()
            while queue.readyCount < together, cl_monotonic_time() < deadline {}
            for _ in 0..<together { try #require(try queue.pop() != nil) }
            let pause = cl_monotonic_time() + 5_000
            while cl_monotonic_time() < pause {}
        }
        return queue.kicks - before
    }

    @Test(.enabled(if: cl_processor_count() > 1)) func leavesTheCoresToThoseWhoWantThem() throws {
        // What comes while the worker is on its way to sleep needs none: one of the runs is not interrupted there.
        #expect(try (0..<10).contains { _ in try kicks(running: 10_000, requests: 1000) > 900 })
    }

    /// Not all the time, for other threads of this machine come in between; and not to be seen where it is too busy.
    @Test(.enabled(if: cl_processor_count() > 1), arguments: [1, 8]) func watchesWhereACoreIsFree(together: Int) throws
    {
        let machine = try #require(ProcessorLoad())
        let deadline = cl_monotonic_time() + 20_000_000_000
        var attempts = 0
        while cl_monotonic_time() < deadline {
            let isFree = !machine.isCrowded
            if try kicks(running: 1, requests: 2000, together: together) < 1500 { return }
            if isFree && !machine.isCrowded { attempts += 1 }
            try #require(attempts < 20, "nothing is watched")
        }
    }
}
