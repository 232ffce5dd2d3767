import CLinux
import Glibc
import Testing

@testable import ShareHost

@Suite struct BatchTests {
    /// After how many each a driver that sleeps at once again is woken, of so many that are served without a pause.
    private func woken(
        _ requests: Int, _ batch: inout Batch, isCrowded: Bool = false, nanoseconds: UInt64 = 0
    ) -> [Int] {
        var groups: [Int] = []
        var waiting = 0
        batch.end()
        for number in 1..<requests {
            let start = cl_monotonic_time()
            while cl_monotonic_time() - start < nanoseconds {}
            batch.finish()
            waiting += 1
            // A machine that takes 60 us for this: what is late is no part of the pattern.
            guard batch.isDue(waiting: waiting, left: requests - number, isCrowded: isCrowded) else { continue }
            groups.append(waiting)
            waiting = 0
            batch.show()
        }
        return groups
    }

    /// One of many runs is not interrupted.
    private func wokenUndisturbed(
        _ requests: Int, isCrowded: Bool = false, nanoseconds: UInt64 = 0, _ matches: ([Int]) -> Bool
    ) -> Bool {
        var batch = Batch()
        return (0..<200).contains { _ in
            matches(woken(requests, &batch, isCrowded: isCrowded, nanoseconds: nanoseconds))
        }
    }

    @Test func wakesForThreeWhereFewAreInFlight() {
        #expect(wokenUndisturbed(12) { $0 == [3, 3, 3, 2] })
        #expect(wokenUndisturbed(2) { $0 == [1] })
        #expect(wokenUndisturbed(4) { $0 == [2, 1] })
    }

    @Test func wakesForAQuarterOfWhatIsLeft() {
        #expect(wokenUndisturbed(64) { $0.first == 8 && $0.allSatisfy { $0 <= 8 } })
        #expect(wokenUndisturbed(25) { $0.first == 5 })
    }

    @Test func wakesLessOftenWhereRequestsAreSlow() {
        #expect(wokenUndisturbed(300, nanoseconds: 2_700) { $0.first == 8 && $0.contains(16) })
        // Not where the ring was empty a short while ago: its driver may be what is slow.
        #expect(wokenUndisturbed(64, nanoseconds: 2_700) { $0.first == 8 && $0.allSatisfy { $0 <= 8 } })
    }

    @Test func wakesNobodyEarlyWhereCoresAreWanted() {
        #expect(wokenUndisturbed(64, isCrowded: true) { $0.isEmpty })
    }

    @Test func wakesNobodyWhoIsAwake() {
        var batch = Batch()
        batch.finish()
        let isDue = batch.isDue(waiting: 0, left: 0, isCrowded: false)
        #expect(!isDue)
    }

    @Test(arguments: [false, true]) func wakesForOneThatIsLate(isCrowded: Bool) {
        var batch = Batch()
        batch.finish()
        _ = batch.isDue(waiting: 1, left: 60, isCrowded: isCrowded)
        usleep(1000)

        let isDue = batch.isDue(waiting: 1, left: 60, isCrowded: isCrowded)

        #expect(isDue)
    }

    @Test func letsNoneWaitForLong() {
        var batch = Batch()
        batch.finish()
        _ = batch.isForgetLate()
        usleep(1000)

        let isLate = batch.isForgetLate()
        #expect(isLate)
    }
}
