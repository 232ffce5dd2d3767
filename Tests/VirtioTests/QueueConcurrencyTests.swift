import CLinux
import Glibc
import Linux
import Synchronization
import Testing

@testable import Virtio

/// A driver and a device at work at the same time, each on a thread of its own. ThreadSanitizer knows of no order between
/// them but the one that the ring's indexes make (`Scripts/find-races`).
@Suite struct QueueConcurrencyTests {
    private static let buffers: UInt64 = 0x4000

    @Test(arguments: [false, true])
    func handsEveryRequestOverAndBackWhole(eventIndex: Bool) throws {
        let ring = RingFixture(try GuestFixture(), eventIndex: eventIndex)
        let count: UInt64 = 20_000
        for head in 0..<UInt64(RingFixture.size) {
            ring.describe(Int(head), address: Self.buffers + head * 64, length: 16, flags: RingFixture.write)
        }
        let layout = try #require(ring.layout)
        nonisolated(unsafe) let guest = ring.guest
        let isOver = Atomic(false)
        let complaint = Mutex("")

        try withoutActuallyEscaping({ @Sendable () -> Void in
            complaint.withLock { $0 = Self.serve(layout, guest.memory, until: { isOver.load(ordering: .relaxed) }) }
        }) { body in
            let device = try Thread(name: "device", body)
            let answered = Self.drive(ring, count)
            isOver.store(true, ordering: .relaxed)
            device.join()
            #expect(answered == count)
        }

        #expect(complaint.withLock { $0 } == "")
    }

    /// The device: to each request it answers with its number and that of its successor.
    private static func serve(_ layout: SplitQueueLayout, _ memory: GuestMemory, until isOver: () -> Bool) -> String {
        var queue = SplitQueue(layout, next: 0)
        var chain = DescriptorChain(capacity: 4)
        do throws(QueueError) {
            while !isOver() {
                guard try queue.pop(&chain, memory: memory.map) else {
                    sched_yield()
                    continue
                }
                guard let base = chain.writable.first?.iov_base else { return "a request without a buffer" }
                let number = base.load(as: UInt64.self)
                (base + 8).storeBytes(of: number + 1, as: UInt64.self)
                queue.push(head: chain.head, length: 16)
                _ = queue.publish()
            }
        } catch {
            return error.description
        }
        return ""
    }

    /// The driver: keeps the ring full. How many requests were answered, and rightly.
    private static func drive(_ ring: RingFixture, _ count: UInt64) -> UInt64 {
        let available = ring.guest.pointer(RingFixture.available, 32)
        let used = ring.guest.pointer(RingFixture.used, 80)
        let size = UInt64(RingFixture.size)
        var (sent, answered): (UInt64, UInt64) = (0, 0)
        let end = ContinuousClock.now + .seconds(60)
        while answered < count, ContinuousClock.now < end {
            while sent < count, sent - answered < size {
                let head = sent % size
                ring.guest.write(sent, at: buffers + head * 64)
                cl_store16_relaxed(available + 4 + 2 * Int(head), UInt16(head))
                sent += 1
                cl_store16_release(available + 2, UInt16(truncatingIfNeeded: sent))
            }
            guard cl_load16_acquire(used + 2) != UInt16(truncatingIfNeeded: answered) else {
                sched_yield()
                continue
            }
            let head = UInt64(cl_load32_relaxed(used + 4 + 8 * Int(answered % size)))
            let reply: UInt64 = ring.guest.read(at: buffers + head % size * 64 + 8)
            guard head == answered % size, reply == answered + 1 else { return answered }
            answered += 1
        }
        return answered
    }
}
