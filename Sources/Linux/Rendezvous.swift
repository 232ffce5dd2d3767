internal import CLinux
internal import Synchronization

/// Where threads hand orders to one other thread, one at a time, and wait for its answer.
///
/// It takes no descriptor. The thread that serves keeps this alive, and not who gives orders.
public final class Rendezvous<Order: Sendable, Answer: Sendable>: Sendable {
    private struct State {
        var order: Order?
        var answer: Answer?
        var isEnding = false
    }

    private let state = Mutex(State())
    private let orders = Semaphore()
    private let answers = Semaphore()
    /// One order at a time.
    private let turn = Mutex(())
    /// The number of the thread that serves, once it does.
    private let server = Atomic<Int32>(0)

    /// Makes a place where nobody serves yet.
    public init() {}

    /// Has an order served, and waits as long as that takes.
    ///
    /// - Parameter order: What is to be done. What it refers to is left alone until there is an answer.
    /// - Returns: The answer.
    public func ask(_ order: Order) -> Answer? {
        turn.withLock { _ in
            state.withLock { $0.order = order }
            orders.signal()
            answers.wait()
            return state.withLock { $0.answer.take() }
        }
    }

    /// Serves orders on the calling thread, until the end.
    ///
    /// - Parameter answer: Does what an order says.
    public func serve(_ answer: (Order) -> Answer) {
        server.store(cl_own_thread_id(), ordering: .relaxed)
        while true {
            orders.wait()
            let (order, isEnding) = state.withLock { ($0.order.take(), $0.isEnding) }
            if isEnding { return }
            guard let order else { continue }
            let made = answer(order)
            state.withLock { $0.answer = made }
            answers.signal()
        }
    }

    /// Whether the calling thread is the one that serves.
    public var isServedHere: Bool { server.load(ordering: .relaxed) == cl_own_thread_id() }

    /// Has the thread that serves return. Nobody may ask from now on.
    public func end() {
        state.withLock { $0.isEnding = true }
        orders.signal()
    }
}
