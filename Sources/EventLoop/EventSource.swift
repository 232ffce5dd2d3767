internal import CGLib

/// What keeps a handler registered: cancel it, or let go of it, and the handler is not called any more.
///
/// Both are sound inside the handler itself. A handler that captures the owner of its own source keeps it alive until the
/// source is cancelled: capture it weakly.
public final class EventSource {
    private var source: UnsafeMutablePointer<GSource>?

    init(_ source: UnsafeMutablePointer<GSource>) {
        self.source = source
    }

    /// Ends the registration. Does nothing the second time.
    public func cancel() {
        guard let source else { return }
        self.source = nil
        g_source_destroy(source)
        g_source_unref(source)
    }

    deinit {
        cancel()
    }
}
