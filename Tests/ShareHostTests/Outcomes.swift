import Synchronization

/// What became of work on other threads, to be looked at when all have ended.
final class Outcomes: Sendable {
    private let texts: Mutex<[String]>

    init(count: Int) {
        texts = Mutex([String](repeating: "did not run", count: count))
    }

    /// Runs one part of the work and keeps its error.
    func record(_ index: Int, _ body: () throws -> Void) {
        var text = ""
        do { try body() } catch { text = "\(error)" }
        texts.withLock { $0[index] = text }
    }

    /// The errors there were.
    var failures: [String] { texts.withLock { $0.filter { !$0.isEmpty } } }
}
