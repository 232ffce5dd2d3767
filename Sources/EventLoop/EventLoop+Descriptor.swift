internal import CGLib

private final class DescriptorHandler {
    let run: () -> Void

    init(run: @escaping () -> Void) {
        self.run = run
    }
}

private let callDescriptorHandler: GUnixFDSourceFunc = { _, _, data in
    guard let data else { return 0 }
    Unmanaged<DescriptorHandler>.fromOpaque(data).takeUnretainedValue().run()
    return 1
}

extension EventLoop {
    /// Runs `handler` whenever a read of `descriptor` would not block: bytes, a connection, the end, or an error to be met.
    ///
    /// The descriptor is anything that poll(2) takes, regular files too, and must stay open until the source is cancelled.
    public func onReadable(_ descriptor: CInt, _ handler: @escaping () -> Void) -> EventSource {
        watch(descriptor, G_IO_IN, handler)
    }

    /// Runs `handler` whenever a write to `descriptor` would not block, or would fail.
    ///
    /// The descriptor must stay open until the source is cancelled.
    public func onWritable(_ descriptor: CInt, _ handler: @escaping () -> Void) -> EventSource {
        watch(descriptor, G_IO_OUT, handler)
    }

    /// Runs `handler` whenever whoever is at the other end of `descriptor` has gone, for good and in both directions.
    ///
    /// The descriptor must stay open until the source is cancelled.
    public func onHangup(_ descriptor: CInt, _ handler: @escaping () -> Void) -> EventSource {
        watch(descriptor, G_IO_HUP, handler)
    }

    private func watch(_ descriptor: CInt, _ condition: GIOCondition, _ handler: @escaping () -> Void) -> EventSource {
        // SAFETY: GLib calls the function of a descriptor's source as a GUnixFDSourceFunc (g_unix_fd_source_new).
        let callback = unsafeBitCast(callDescriptorHandler, to: GSourceFunc.self)
        return attach(g_unix_fd_source_new(descriptor, condition), callback, DescriptorHandler(run: handler))
    }
}
