internal import CGLib
internal import Synchronization

/// The way into a loop from any thread: what is posted is handled, in order, by the loop's thread.
///
/// Made by ``EventLoop/mailbox(_:)``. The handler goes when the mailbox's ``MailboxReceiver`` does; what is posted after that
/// is dropped.
public final class Mailbox<Message: Sendable>: Sendable {
    private let queue = Mutex<[Message]>([])
    private let bell: Bell

    fileprivate init(bell: Bell) {
        self.bell = bell
    }

    /// Hands `message` to the handler on the loop's thread. From any thread; never waits for the handler.
    public func post(_ message: Message) {
        let first = queue.withLock { messages in
            messages.append(message)
            return messages.count == 1
        }
        if first { bell.ring() }
    }

    fileprivate func takeAll() -> [Message] {
        queue.withLock { messages in
            let taken = messages
            messages = []
            return taken
        }
    }
}

/// Keeps a mailbox's handler registered, as ``EventSource`` does; to be held by the loop's thread.
public final class MailboxReceiver {
    private let source: EventSource
    private let handler: MailHandler

    fileprivate init(_ source: EventSource, _ handler: MailHandler) {
        self.source = source
        self.handler = handler
    }

    /// Ends the registration, also for messages that were posted already. Does nothing the second time.
    public func cancel() {
        handler.isCancelled = true
        source.cancel()
    }

    deinit {
        cancel()
    }
}

/// A GSource that is ready when somebody has rung: g_source_set_ready_time may be called by any thread.
private final class Bell: Sendable {
    // SAFETY: the pointers never change, what they point to is reference-counted atomically, and GLib takes the context's
    // lock for what ring() does. The context is held because the source does not do so: a post may come as the loop goes.
    nonisolated(unsafe) private let source: UnsafeMutablePointer<GSource>
    nonisolated(unsafe) private let context: OpaquePointer

    init(_ source: UnsafeMutablePointer<GSource>, _ context: OpaquePointer) {
        self.source = g_source_ref(source)
        self.context = g_main_context_ref(context)
    }

    func ring() {
        g_source_set_ready_time(source, 0)
    }

    deinit {
        g_source_unref(source)
        g_main_context_unref(context)
    }
}

private final class MailHandler {
    /// Set by the loop's thread, perhaps in the midst of a batch.
    var isCancelled = false
    let run: (MailHandler) -> Void

    init(run: @escaping (MailHandler) -> Void) {
        self.run = run
    }
}

private let callMailHandler: GSourceFunc = { data in
    guard let data else { return 0 }
    let handler = Unmanaged<MailHandler>.fromOpaque(data).takeUnretainedValue()
    handler.run(handler)
    return 1
}

/// What GLib asks of a source of one's own. It is ready by its time alone, so only dispatching is left to do.
private enum BellSource {
    // SAFETY: written once, before the first use, and only read afterwards; GLib takes it as mutable but leaves it alone.
    nonisolated(unsafe) static let functions: UnsafeMutablePointer<GSourceFuncs> = {
        let functions = UnsafeMutablePointer<GSourceFuncs>.allocate(capacity: 1)
        functions.initialize(to: GSourceFuncs())
        functions.pointee.dispatch = { source, callback, data in
            // Silence the bell first: what is posted while the handler runs rings it again.
            g_source_set_ready_time(source, -1)
            guard let callback else { return 0 }
            return callback(data)
        }
        return functions
    }()
}

extension EventLoop {
    /// Makes a mailbox whose messages `handler` gets on the loop's thread, one by one, in the order they were posted.
    ///
    /// - Returns: The end for other threads, and what keeps the handler registered.
    public func mailbox<Message: Sendable>(
        _ handler: @escaping (Message) -> Void
    ) -> (mailbox: Mailbox<Message>, receiver: MailboxReceiver) {
        let source: UnsafeMutablePointer<GSource> = g_source_new(
            BellSource.functions, guint(MemoryLayout<GSource>.size))
        let mailbox = Mailbox<Message>(bell: Bell(source, context))
        let receive = MailHandler { receiver in
            for message in mailbox.takeAll() where !receiver.isCancelled { handler(message) }
        }
        return (mailbox, MailboxReceiver(attach(source, callMailHandler, receive), receive))
    }
}
