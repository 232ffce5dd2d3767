internal import Linux

/// Threads for calls that may block, such as opening a path on a file system that does not answer: the loop hears of their
/// results, and waits for none of them.
///
/// Threads are started as they are needed and end when nothing is left to do. Belongs to the loop's thread.
public final class WorkerPool {
    private enum News: Sendable {
        /// A job's result is there for the closure of this number.
        case done(Int)
        /// A thread has nothing left to do and ends.
        case idle(Int)
    }

    private let limit: Int
    private let queue = JobQueue()
    private var threads: [Int: Linux.Thread] = [:]
    private var completions: [Int: () -> Void] = [:]
    private var lastNumber = 0
    private var news: (mailbox: Mailbox<News>, receiver: MailboxReceiver)?

    /// A pool on a loop.
    ///
    /// - Parameters:
    ///   - loop: Where results are heard of.
    ///   - limit: The most threads at once; more work waits for one of them.
    public init(on loop: EventLoop, limit: Int = 16) {
        self.limit = limit
        news = loop.mailbox { [weak self] (news: News) in self?.take(news) }
    }

    /// How many calls have not come to their end.
    public var pending: Int { completions.count }

    /// How many threads there are.
    public var threadCount: Int { threads.count }

    /// Runs `body` on a thread of the pool, and `completion` with its result on the loop's thread, never before this returns.
    public func run<Value: Sendable>(
        _ body: @escaping @Sendable () -> Value, completion: @escaping (Value) -> Void
    ) {
        lastNumber += 1
        let number = lastNumber
        let result = ResultBox<Value>()
        completions[number] = { if let value = result.value { completion(value) } }
        guard let mailbox = news?.mailbox else { return }
        queue.append {
            result.value = body()
            mailbox.post(.done(number))
        }
        startThread(mailbox)
    }

    private func startThread(_ mailbox: Mailbox<News>) {
        guard threads.count < limit else { return }
        lastNumber += 1
        let number = lastNumber
        let queue = self.queue
        let thread = try? Linux.Thread(name: "host-worker") {
            while let job = queue.next() { job() }
            mailbox.post(.idle(number))
        }
        guard let thread else {
            // Without a thread at all nothing would ever run; this one then does it, as any other program's would.
            if threads.isEmpty { while let job = queue.next() { job() } }
            return
        }
        threads[number] = thread
    }

    private func take(_ message: News) {
        switch message {
        case .done(let number): completions.removeValue(forKey: number)?()
        case .idle(let number):
            threads.removeValue(forKey: number)?.join()
            // Work may have come between its last look and this word of it.
            if !queue.isEmpty, let mailbox = news?.mailbox { startThread(mailbox) }
        }
    }
}

/// A job's result, written by its thread before the loop is told of it.
private final class ResultBox<Value: Sendable>: @unchecked Sendable {
    // SAFETY: the mailbox's lock lies between the one write and the reads.
    var value: Value?
}
