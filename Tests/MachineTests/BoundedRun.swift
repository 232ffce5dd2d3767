import EventLoop
import Testing

extension EventLoop {
    /// Runs until a condition holds that the loop's handlers bring about; a test that would wait for ever fails instead.
    func run(
        until isMet: @escaping () -> Bool, limit: Duration = .seconds(20),
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let clock = every(.milliseconds(1)) { [unowned self] in if isMet() { stop() } }
        let end = after(limit) { [unowned self] in
            Issue.record("what was waited for has not come within \(limit)", sourceLocation: sourceLocation)
            stop()
        }
        run()
        clock.cancel()
        end.cancel()
    }

    /// Runs for a while, for what is not to happen.
    func run(for time: Duration) {
        let end = after(time) { [unowned self] in stop() }
        run()
        end.cancel()
    }
}
