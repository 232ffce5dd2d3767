import Testing

@testable import ShareHost

@Suite struct AdaptivePollTests {
    @Test func watchesOnceRequestsComeSoonAfterEachOther() {
        var poll = AdaptivePoll()
        #expect(!poll.isWorthwhile(after: 1, now: 0))
        for _ in 0..<20 { poll.note(pause: 5_000) }
        #expect(poll.isWorthwhile(after: 1, now: 0))
        #expect(poll.isWorthwhile(after: AdaptivePoll.mostTogether, now: 0))
        #expect(!poll.isWorthwhile(after: AdaptivePoll.mostTogether + 1, now: 0))
    }

    @Test func ceasesWhenTheyDoNot() {
        var poll = AdaptivePoll()
        for _ in 0..<20 { poll.note(pause: 5_000) }
        poll.note(pause: 10_000_000_000)
        #expect(!poll.isWorthwhile(after: 1, now: 0))
    }

    @Test func restsAfterEachMissForLongerUntilItHits() {
        var poll = AdaptivePoll()
        for _ in 0..<20 { poll.note(pause: 5_000) }
        var now: UInt64 = 0
        var rests: [UInt64] = []
        for _ in 0..<20 {
            poll.noteMiss(now: now)
            let start = now
            while !poll.isWorthwhile(after: 1, now: now) { now += 500_000 }
            rests.append(now - start)
        }
        #expect(rests.first == AdaptivePoll.shortestRest)
        #expect(rests[1] == 2 * AdaptivePoll.shortestRest)
        #expect(rests.last == AdaptivePoll.longestRest)

        for _ in 0..<2_000 { poll.noteHit(pause: 5_000) }
        poll.noteMiss(now: now)
        #expect(poll.isWorthwhile(after: 1, now: now + AdaptivePoll.shortestRest))
    }

    @Test func keepsToTheEndOfTime() {
        var poll = AdaptivePoll()
        poll.note(pause: .max)
        poll.noteMiss(now: .max)
        _ = poll.isWorthwhile(after: 1, now: .max)
        poll.noteHit(pause: .max)
    }
}
