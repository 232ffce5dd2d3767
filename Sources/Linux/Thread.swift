internal import CLinux
internal import Glibc
public import SystemPackage

/// A plain POSIX thread that runs one closure to its end.
///
/// Data-plane threads are these and not tasks: each belongs to one virtqueue and blocks in its own system calls.
public final class Thread: Sendable {
    private let handle: pthread_t

    /// The closure, on its way through the C callback.
    private final class Body {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a thread.
    ///
    /// - Parameters:
    ///   - name: At most 15 bytes, shown by `ps -T`; longer ones are cut.
    ///   - stackSize: In bytes.
    ///   - body: What the thread runs.
    /// - Throws: What pthread_create(3) failed with.
    public init(name: String, stackSize: Int = 512 * 1024, _ body: @escaping @Sendable () -> Void) throws(Errno) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackSize)

        let boxed = Unmanaged.passRetained(Body(name: String(name.prefix(15)), run: body))
        var handle = pthread_t()
        let error = pthread_create(
            &handle, &attributes,
            { argument in
                guard let argument else { return nil }
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                _ = cl_set_thread_name(body.name)
                body.run()
                return nil
            }, boxed.toOpaque())
        guard error == 0 else {
            boxed.release()
            throw Errno(rawValue: error)
        }
        self.handle = handle
    }

    /// Waits until the thread has ended. To be called once, and not from the thread itself.
    public func join() {
        pthread_join(handle, nil)
    }

    /// Leaves the thread to itself: what it holds goes when it ends. To be called once, instead of `join`.
    public func detach() {
        pthread_detach(handle)
    }
}
