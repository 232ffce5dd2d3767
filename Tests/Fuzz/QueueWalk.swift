import CLinux

@testable import Virtio

/// Takes chains from a ring as a worker does, looks whether each lies where it may, and uses all of it.
struct QueueWalk {
    private let memory: GuestMemory

    init(_ memory: GuestMemory) { self.memory = memory }

    /// Takes up to so many chains.
    func drain(_ queue: inout SplitQueue, limit: Int) {
        var chain = DescriptorChain(capacity: 64)
        queue.disableNotifications()
        do throws(QueueError) {
            for _ in 0..<limit {
                guard try queue.pop(&chain, memory: memory.map) else {
                    guard try queue.enableNotifications() else { break }
                    continue
                }
                require(chain.head < queue.size, "chain \(chain.head) is beyond the table")
                var written = 0
                var read: UInt8 = 0
                for piece in chain.readable { read &+= edges(of: piece).first.pointee &+ edges(of: piece).last.pointee }
                for piece in chain.writable {
                    edges(of: piece).first.pointee = read
                    edges(of: piece).last.pointee = read
                    written += piece.iov_len
                }
                queue.push(head: chain.head, length: UInt32(clamping: written))
                _ = queue.publish()
            }
        } catch {
            // What is wrong with a ring is said in a sentence.
            require(!error.description.isEmpty, "an error without words")
        }
    }

    /// The first and the last byte of a piece, which has to lie in one region.
    private func edges(of piece: iovec) -> (first: UnsafeMutablePointer<UInt8>, last: UnsafeMutablePointer<UInt8>) {
        guard let base = piece.iov_base, piece.iov_len > 0 else { fatalError("a piece without bytes") }
        // Neighbours in this process may be joined: each end has to be somewhere.
        let last = base + (piece.iov_len - 1)
        for end in [base, last] {
            require(
                memory.regions.contains { end >= $0.start && end < $0.start + Int($0.size) },
                "\(piece.iov_len) bytes at \(base) are not in guest memory")
        }
        return (base.assumingMemoryBound(to: UInt8.self), last.assumingMemoryBound(to: UInt8.self))
    }
}
