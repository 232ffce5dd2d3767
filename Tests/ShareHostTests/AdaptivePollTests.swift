import CLinux
import Frontend
import Glibc
import Linux
import Synchronization
import Testing

@testable import ShareHost

@Suite struct AdaptivePollTests {
    private static func eager() -> AdaptivePoll {
        var poll = AdaptivePoll()
        for _ in 0..<20 { poll.note(pause: 5_000) }
        return poll
    }

    /// How long it rests from `now` on.
    private static func rest(_ poll: AdaptivePoll, from now: UInt64) -> UInt64 {
        var time = now
        while !poll.isWorthwhile(after: 1, now: time) { time += 500_000 }
        return time - now
    }

    @Test func watchesOnceRequestsComeSoonAfterEachOther() {
        #expect(!AdaptivePoll().isWorthwhile(after: 1, now: 0))
        let poll = Self.eager()
        #expect(poll.isWorthwhile(after: 1, now: 0))
        #expect(poll.isWorthwhile(after: AdaptivePoll.mostTogether, now: 0))
        #expect(!poll.isWorthwhile(after: AdaptivePoll.mostTogether + 1, now: 0))
    }

    @Test func ceasesWhenTheyDoNot() {
        var poll = Self.eager()
        poll.note(pause: 10_000_000_000)
        #expect(!poll.isWorthwhile(after: 1, now: 0))
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
        #expect(poll.isWorthwhile(after: 1, now: now + AdaptivePoll.Rest.shortest))
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
        #expect(poll.isWorthwhile(after: 1, now: now))
        #expect(!poll.shouldLookForCrowd(now: now))
        #expect(poll.shouldLookForCrowd(now: now + AdaptivePoll.crowdInterval))
        poll.noteCrowd(true, now: now)
        #expect(Self.rest(poll, from: now) == AdaptivePoll.Rest.shortest)
    }

    @Test func keepsToTheEndOfTime() {
        var poll = AdaptivePoll()
        poll.note(pause: .max)
        poll.noteMiss(now: .max)
        poll.noteCrowd(true, now: .max)
        _ = poll.isWorthwhile(after: 1, now: .max)
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

    /// With the driver and the worker there is one thread more than processors: no request is watched for, each has its kick.
    @Test(.enabled(if: cl_processor_count() > 1)) func leavesTheCoresToThoseWhoWantThem() throws {
        let isOver = Over()
        let crowd = try (1..<Int(cl_processor_count())).map { _ in
            try Linux.Thread(name: "crowd") { while !isOver.flag.load(ordering: .relaxed) {} }
        }
        defer {
            isOver.flag.store(true, ordering: .relaxed)
            for thread in crowd { thread.join() }
        }
        try withDevice({ $0 }) { bench in
            let frontend = try bench.connect()
            let queue = frontend.requestQueue(0)
            let buffer = try frontend.memory.allocate(64)
            let before = queue.kicks
            let count = 1000
            let deadline = cl_monotonic_time() + 20_000_000_000
            for _ in 0..<count {
                queue.add([.request(buffer.part(0, 1)), .reply(buffer.part(32, 1))])
                queue.publish()
                while queue.readyCount == 0, cl_monotonic_time() < deadline {}
                try #require(try queue.pop() != nil)
            }
            // What is watched is a moment of a millisecond, and then of more and more.
            #expect(queue.kicks - before > count * 9 / 10)
        }
    }

    private final class Over: Sendable { let flag = Atomic<Bool>(false) }
}
