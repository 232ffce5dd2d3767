internal import FileService
internal import Glibc
internal import Virtio

/// A request that was taken off its ring and is not finished yet: a thread of the pool serves it, or it waits. The ring gets
/// it back from its own thread.
///
/// It keeps the guest memory that it lies in mapped, whatever becomes of the table of memory meanwhile.
final class HeldRequest: Sendable {
    /// The chain's head, by which it is given back.
    let head: UInt16
    private let worker: QueueWorker
    private let ticket: SessionTicket
    private let memory: GuestMemory
    // SAFETY: filled once by the initialiser, then only read, freed by deinit.
    nonisolated(unsafe) private let pieces: UnsafeMutablePointer<iovec>
    private let readableCount: Int
    private let count: Int

    /// Copies a chain.
    ///
    /// - Parameters:
    ///   - chain: The request, as collected from `memory`.
    ///   - memory: The guest's memory.
    ///   - ticket: What the request is about.
    ///   - worker: Whose ring it comes from.
    init(_ chain: borrowing DescriptorChain, in memory: GuestMemory, ticket: SessionTicket, worker: QueueWorker) {
        head = chain.head
        self.worker = worker
        self.ticket = ticket
        self.memory = memory
        readableCount = chain.readable.count
        count = readableCount + chain.writable.count
        pieces = .allocate(capacity: max(1, count))
        for (index, piece) in chain.readable.enumerated() { (pieces + index).initialize(to: piece) }
        for (index, piece) in chain.writable.enumerated() { (pieces + readableCount + index).initialize(to: piece) }
    }

    /// The room for its reply.
    var writable: RequestHandler.Buffers {
        UnsafeBufferPointer(start: pieces + readableCount, count: count - readableCount)
    }

    deinit {
        pieces.deallocate()
    }

    /// Serves the request and has its ring told. On a thread of the pool.
    func perform(_ handler: RequestHandler) {
        let readable = UnsafeBufferPointer(start: pieces, count: readableCount)
        worker.finish(self, length: handler.serveLater(readable, writable, ticket))
    }
}
