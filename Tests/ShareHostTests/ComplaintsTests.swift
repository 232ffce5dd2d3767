import Logging
import Synchronization
import Testing

@testable import ShareHost

@Suite struct ComplaintsTests {
    /// A log that keeps what is written to it.
    private struct Recorder: LogHandler {
        final class Lines: Sendable {
            let list = Mutex<[String]>([])
        }

        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let omitted = event.metadata?["omitted"].map { " and \($0)" } ?? ""
            lines.list.withLock { $0.append("\(event.message)\(omitted)") }
        }
    }

    @Test func writesAFewLinesAndThenOneInTenSeconds() {
        let lines = Recorder.Lines()
        let seconds = Mutex<UInt64>(1000)
        let complaints = Complaints(to: Logger(label: "test") { _ in Recorder(lines: lines) }) {
            seconds.withLock { $0 * 1_000_000_000 }
        }
        func complain(_ times: Int) -> [String] {
            for _ in 0..<times { complaints.note("no", [:]) }
            return lines.list.withLock { list in
                defer { list = [] }
                return list
            }
        }

        #expect(complain(1000) == ["no", "no", "no", "no", "no"])
        seconds.withLock { $0 += 9 }
        #expect(complain(10) == [])
        seconds.withLock { $0 += 1 }
        #expect(complain(10) == ["no and 1005"])
        seconds.withLock { $0 += 30 }
        #expect(complain(10) == ["no and 9", "no", "no"])
        // After a long peace all is forgotten.
        seconds.withLock { $0 += 100_000 }
        #expect(complain(10) == ["no and 7", "no", "no", "no", "no"])
    }
}
