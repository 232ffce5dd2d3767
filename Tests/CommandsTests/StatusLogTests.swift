import Control
import Testing

@testable import Commands

@Suite struct StatusLogTests {
    @Test func isALineForEachShare() {
        let failure = ShareActivity.Failure(errno: "EIO", operation: "read", time: 1_795_666_600)
        let earlier = MachineStatus.example(shares: [.example("/src"), .example("/a\n\u{1b}[1mb", targets: [])])
        var later = earlier
        later.uptime += 2
        later.shares[0].activity = ShareActivity(
            requests: 3, bytesRead: 4096, openHandles: 1, liveInodes: 2, lastError: failure)
        later.shares[0].targets = ["/x", "/y"].map { ShareStatus.Target(path: $0, state: .mounted) }

        #expect(
            StatusLog.lines(of: RatedStatus(later, after: earlier, at: 1_795_666_640.5)) == [
                "2026-11-26T04:17:20Z dev /x /y rw mounted 1.5 req/s 2.0K read/s 0 written/s 1 open 2 inodes EIO read 40s ago",
                "2026-11-26T04:17:20Z dev /a??[1mb rw 0 req/s 0 read/s 0 written/s 0 open 0 inodes",
            ])
    }

    @Test func isALineWithoutShares() {
        #expect(
            StatusLog.lines(of: RatedStatus(.example(shares: []), after: nil, at: 0))
                == ["1970-01-01T00:00:00Z dev running, no shares"])
    }
}
