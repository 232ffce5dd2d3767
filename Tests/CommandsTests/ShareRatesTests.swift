import Control
import Foundation
import Testing

@testable import Commands

@Suite struct ShareRatesTests {
    private func status(
        _ activity: ShareActivity?, uptime: Double, pid: Int32 = 1, source: String = "/src"
    ) -> MachineStatus {
        MachineStatus(
            name: "vm", state: .running, pid: pid, uptime: uptime, aggregates: [],
            shares: activity.map {
                [ShareStatus(bucket: "rw", subname: "s", source: source, access: "rw", targets: [], activity: $0)]
            } ?? [])
    }

    @Test func divideTheDifferencesByTheTimeBetween() throws {
        let rates = try #require(
            ShareRates(
                from: ShareActivity(requests: 10, bytesRead: 100, bytesWritten: 0),
                to: ShareActivity(requests: 13, bytesRead: 1124, bytesWritten: 1), over: 0.5))

        #expect(rates.requestsPerSecond == 6)
        #expect(rates.readBytesPerSecond == 2048)
        #expect(rates.writtenBytesPerSecond == 2)
    }

    @Test(arguments: [
        ShareActivity(requests: 9, bytesRead: 9, bytesWritten: 9),
        ShareActivity(requests: 20, bytesRead: 9, bytesWritten: 20),
        ShareActivity(requests: 20, bytesRead: 20, bytesWritten: 9),
    ])
    func areUnknownWhereACounterHasGoneBackwards(later: ShareActivity) {
        let earlier = ShareActivity(requests: 10, bytesRead: 10, bytesWritten: 10)

        #expect(ShareRates(from: earlier, to: later, over: 1) == nil)
    }

    @Test(arguments: [0, -1, Double.nan, .infinity])
    func areUnknownWhereNoTimeHasPassed(seconds: Double) {
        #expect(ShareRates(from: ShareActivity(), to: ShareActivity(requests: 1), over: seconds) == nil)
    }

    @Test func belongToTheShareTheyWereCountedFor() {
        let first = status(ShareActivity(requests: 1), uptime: 1)
        let second = status(ShareActivity(requests: 3), uptime: 2)

        #expect(RatedStatus(second, after: first, at: 0).rates.map { $0?.requestsPerSecond } == [2])
        #expect(RatedStatus(second, after: nil, at: 0).rates == [nil])
        #expect(RatedStatus(second, after: status(nil, uptime: 1), at: 0).rates == [nil])
        #expect(RatedStatus(second, after: status(ShareActivity(), uptime: 1, pid: 2), at: 0).rates == [nil])
        #expect(RatedStatus(second, after: status(ShareActivity(), uptime: 1, source: "/x"), at: 0).rates == [nil])
    }

    @Test func areAddedToTheStatusAsJSON() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let first = status(ShareActivity(requests: 1), uptime: 1)
        let second = status(ShareActivity(requests: 3), uptime: 2)

        let known = try encoder.encode(RatedStatus(second, after: first, at: 7))
        let unknown = try encoder.encode(RatedStatus(second, after: nil, at: 7))

        let start =
            #"{"aggregates":[],"name":"vm","pid":1,"shares":[{"access":"rw","activity":{"bytesRead":0,"bytesWritten":0,"#
            + #""errors":0,"liveInodes":0,"openHandles":0,"requests":3},"bucket":"rw","rates":"#
        let end = #","source":"/src","subname":"s","targets":[]}],"state":"running","time":7,"uptime":2}"#
        #expect(
            String(decoding: known, as: UTF8.self) == start
                + #"{"readBytesPerSecond":0,"requestsPerSecond":2,"writtenBytesPerSecond":0}"# + end)
        #expect(String(decoding: unknown, as: UTF8.self) == start + "null" + end)
    }
}
