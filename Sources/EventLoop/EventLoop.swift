internal import CGLib
internal import CLinux

/// One thread's loop: timers, descriptors, signals, child exits and messages from other threads, each answered by a plain
/// closure on the thread that runs the loop.
///
/// The whole control plane is such closures. There is no async/await here: nobody drains the main actor's queue while GLib
/// waits, so a task bound to it would never run. The loop has a GLib context of its own rather than the default one, so that
/// several loops, each on its thread, live side by side.
///
/// A loop belongs to the thread that made it; ``Mailbox`` is the only way in for other threads. Every registration returns
/// an ``EventSource``, and ends when that is cancelled or let go.
public final class EventLoop {
    /// GMainContext.
    let context: OpaquePointer
    private var stopRequested = false

    /// Makes a loop that nothing is registered with.
    ///
    /// SIGPIPE is ignored from then on, in the whole process: a peer that has left is the error of a write.
    public init() {
        cl_ignore_broken_pipes()
        context = g_main_context_new()
    }

    deinit {
        g_main_context_unref(context)
    }

    /// Waits for events and runs their handlers, until ``stop()``.
    ///
    /// A stop that came before is honoured at once. May be called again afterwards.
    public func run() {
        while !stopRequested {
            g_main_context_iteration(context, 1)
        }
        stopRequested = false
    }

    /// Makes ``run()`` return when the handler that calls this has returned.
    public func stop() {
        stopRequested = true
    }

    /// Attaches a GLib source and hands it over to its token.
    ///
    /// - Parameters:
    ///   - source: A new GSource; its reference is taken.
    ///   - callback: Calls the handler in its user data, of whatever C type the source wants.
    ///   - handler: Kept by GLib until the source is gone and its last callback has returned.
    /// - Returns: What keeps the source attached.
    func attach(
        _ source: UnsafeMutablePointer<GSource>, _ callback: GSourceFunc?, _ handler: AnyObject
    ) -> EventSource {
        g_source_set_callback(
            source, callback, Unmanaged.passRetained(handler).toOpaque(),
            { data in
                guard let data else { return }
                Unmanaged<AnyObject>.fromOpaque(data).release()
            })
        g_source_attach(source, context)
        return EventSource(source)
    }
}
