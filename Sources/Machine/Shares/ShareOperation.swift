internal import CLinux
internal import EventLoop

/// One request about shares from its beginning to its answer, which comes once: when it is done, or when its time is up.
final class ShareOperation<Value> {
    typealias Answer = Result<Value, LiveShares.Failure>

    private let begun = cl_monotonic_time()
    private let limit: Duration
    private var deadline: EventSource?
    private var completion: ((Answer) -> Void)?

    /// An operation that may take so long.
    init(within limit: Duration, completion: @escaping (Answer) -> Void) {
        self.limit = limit
        self.completion = completion
    }

    /// Whether the answer is given: what still comes of the operation is to be undone.
    var isOver: Bool { completion == nil }

    /// Milliseconds since it began.
    var milliseconds: Double { (Double(cl_monotonic_time() &- begun) / 1e3).rounded() / 1e3 }

    /// What is left of its time; at least a moment.
    var left: Duration { max(.milliseconds(1), limit - .nanoseconds(Int64(clamping: cl_monotonic_time() &- begun))) }

    /// Answers with this failure when the time is up.
    func fail(on loop: EventLoop, after failure: @autoclosure @escaping () -> LiveShares.Failure) {
        expire(on: loop) { [self] in finish(.failure(failure())) }
    }

    /// Calls this when the time is up.
    func expire(on loop: EventLoop, _ body: @escaping () -> Void) {
        deadline = loop.after(left, body)
    }

    /// Lets it take its time again.
    func relax() { deadline = nil }

    /// Answers, unless it is over.
    func finish(_ answer: Answer) {
        deadline = nil
        guard let completion else { return }
        self.completion = nil
        completion(answer)
    }
}
