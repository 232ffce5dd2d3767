import Glibc
import Testing

@testable import ShareHost

@Suite struct BatchTests {
    /// After how many each the driver is shown what is finished, of so many that are served without a pause.
    private func shown(_ requests: Int, inFlight: Int, _ batch: inout Batch) -> [Int] {
        var groups: [Int] = []
        batch.end()
        for number in 1...requests {
            batch.finish()
            // A machine that takes 30 us for this: what is late is no part of the pattern.
            guard batch.isDue() else { continue }
            groups.append(batch.unshown)
            batch.show(waiting: inFlight - number % inFlight)
        }
        return groups
    }

    @Test func showsTheFirstAtOnceAndFourTogetherThen() {
        var batch = Batch()

        let groups = shown(17, inFlight: 16, &batch)

        #expect(groups.first == 1)
        #expect(groups.allSatisfy { $0 <= 4 }, "\(groups)")
        #expect(groups.reduce(0, +) == 17, "\(groups)")
    }

    @Test func showsAQuarterOfWhatIsInFlightTogether() {
        var batch = Batch()
        _ = shown(256, inFlight: 64, &batch)

        // One of the runs is not interrupted.
        let groups = (0..<50).map { _ in shown(256, inFlight: 64, &batch) }

        #expect(groups.contains { $0.contains { $0 >= 12 } }, "\(groups.last ?? [])")
        #expect(groups.allSatisfy { $0.allSatisfy { $0 <= 20 } }, "\(groups.last ?? [])")
        // And fewer again when there are fewer.
        for _ in 0..<50 { _ = shown(17, inFlight: 4, &batch) }
        let few = shown(17, inFlight: 4, &batch)
        #expect(few.allSatisfy { $0 <= 4 }, "\(few)")
    }

    @Test func letsNoneWaitForLong() {
        var batch = Batch()
        _ = shown(256, inFlight: 64, &batch)
        batch.end()

        batch.finish()
        _ = batch.isLate()
        usleep(1000)

        let isLate = batch.isLate()
        #expect(isLate)
        batch.show(waiting: 1)
        #expect(batch.unshown == 0)
    }
}
