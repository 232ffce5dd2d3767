internal import FileService
internal import Glibc

/// What answers requests on one thread, that of a ring or one of the pool.
struct RequestHandler {
    /// The buffers of a request, or those for its reply.
    typealias Buffers = UnsafeBufferPointer<iovec>

    /// Answers one request: reads the first buffers, writes the second, returns how many bytes it wrote.
    let serve: (_ readable: Buffers, _ writable: Buffers) -> UInt32
    /// Whether a request can be served at once, or is for the pool, or may have to wait.
    let pace: (_ readable: Buffers) -> RequestPace
    /// Answers one request that may have to wait; then what it returns brings the answer.
    let serveOrWait: (_ readable: Buffers, _ writable: Buffers) -> (length: UInt32, wait: LockWait?)
    /// What requests that come now are about: to be asked on the ring's thread, for the pool's.
    let ticket: () -> SessionTicket
    /// Answers one request that came with a ticket, on a thread of the pool.
    let serveLater: (_ readable: Buffers, _ writable: Buffers, _ ticket: SessionTicket) -> UInt32
}

/// Makes the handler of a lane, on the thread that will use it. The first lanes are the rings', the last the pool's.
typealias RequestHandlerFactory = @Sendable (_ lane: Int) -> RequestHandler
