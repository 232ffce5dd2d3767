import EventLoop
import Testing

extension EventLoop {
    /// Runs until a handler calls `stop()`; a test that would wait for ever fails instead.
    func runBounded(_ limit: Duration = .seconds(20), sourceLocation: SourceLocation = #_sourceLocation) {
        let guardTimer = after(limit) { [unowned self] in
            Issue.record("nothing stopped the loop within \(limit)", sourceLocation: sourceLocation)
            stop()
        }
        run()
        guardTimer.cancel()
    }
}

/// What closures of a test write to.
final class Notes<Item> {
    var items: [Item] = []
}
