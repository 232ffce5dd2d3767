import Testing

@testable import Virtio

/// A queue with the copyable handle that the macros of a test need.
private final class Device {
    private var queue: SplitQueue
    private let ring: RingFixture

    init(_ ring: RingFixture, next: UInt16 = 0) throws {
        self.ring = ring
        queue = SplitQueue(try #require(ring.layout), next: next)
    }

    var nextAvailable: UInt16 { queue.nextAvailable }

    /// Takes one chain and gives it back with `length` bytes written; the head, or nil when there was none.
    func serve(length: UInt32 = 0) throws(QueueError) -> UInt16? {
        var chain = DescriptorChain(capacity: 8)
        guard try queue.pop(&chain, memory: ring.guest.memory.map) else { return nil }
        queue.push(head: chain.head, length: length)
        return chain.head
    }

    func expose() { queue.expose() }
    var waitingCount: Int { queue.waitingCount }
    var availableCount: Int { queue.availableCount }
    func publish() -> Bool { queue.publish() }
    func hasAvailable() throws(QueueError) -> Bool { try queue.hasAvailable() }
    func disableNotifications() { queue.disableNotifications() }
    func enableNotifications() throws(QueueError) -> Bool { try queue.enableNotifications() }
}

@Suite struct SplitQueueTests {
    private func makeRing(eventIndex: Bool = true) throws -> RingFixture {
        RingFixture(try GuestFixture(), eventIndex: eventIndex)
    }

    /// A ring whose device has served one request and decided about its interrupt, the first, which is always sent.
    private func makeServed() throws -> (ring: RingFixture, queue: Device) {
        let ring = try makeRing()
        let queue = try Device(ring)
        ring.describe(0, address: 0x8000, length: 4)
        ring.offer(0)
        _ = try queue.serve()
        _ = queue.publish()
        return (ring, queue)
    }

    @Test func takesWhatIsAvailableAndGivesItBackUsed() throws {
        let ring = try makeRing()
        let queue = try Device(ring)
        ring.describe(5, address: 0x8000, length: 4)

        #expect(try queue.serve() == nil)
        ring.offer(5)
        #expect(try queue.serve(length: 77) == 5)
        #expect(ring.usedIndex == 0)
        #expect(queue.publish())

        #expect(ring.usedIndex == 1)
        #expect(ring.guest.read(UInt32.self, at: RingFixture.used + 4) == 5)
        #expect(ring.guest.read(UInt32.self, at: RingFixture.used + 8) == 77)
        #expect(queue.nextAvailable == 1)
        #expect(try queue.serve() == nil)
    }

    @Test func countsItsIndexesModulo65536() throws {
        let ring = try makeRing()
        ring.guest.write(UInt16.max, at: RingFixture.used + 2)
        ring.guest.write(UInt16.max, at: RingFixture.available + 2)
        let queue = try Device(ring, next: .max)
        ring.describe(1, address: 0x8000, length: 4)

        ring.offer(1, as: .max)
        #expect(try queue.serve() == 1)
        _ = queue.publish()

        #expect(queue.nextAvailable == 0)
        #expect(ring.usedIndex == 0)
    }

    @Test func breaksWhenTheIndexJumpsFurtherThanTheRing() throws {
        let ring = try makeRing()
        let queue = try Device(ring)

        ring.guest.write(UInt16(8), at: RingFixture.available + 2)
        #expect(try queue.hasAvailable())
        ring.guest.write(UInt16(9), at: RingFixture.available + 2)
        let other = try Device(ring)

        #expect(throws: QueueError.availableIndexJumped(pending: 9)) { try other.hasAvailable() }
    }

    @Test func breaksOnAHeadBeyondTheTable() throws {
        let ring = try makeRing()
        let queue = try Device(ring)
        ring.offer(8)

        #expect(throws: QueueError.headOutOfRange(8)) { try queue.serve() }
        #expect(queue.nextAvailable == 0)
    }

    // MARK: Interrupts

    @Test func interruptsOnlyWhenTheUsedIndexPassesTheEvent() throws {
        let ring = try makeRing()
        let queue = try Device(ring)
        ring.describe(0, address: 0x8000, length: 4)
        var wanted: [Bool] = []

        for index in UInt16(0)..<4 {
            ring.offer(0, as: index)
            ring.wantInterrupt(past: 2)
            _ = try queue.serve()
            wanted.append(queue.publish())
        }

        // The first is always signalled: nobody knows what the driver was told before the ring was taken up.
        #expect(wanted == [true, false, true, false])
    }

    @Test func interruptsOnceForABatchThatPassesTheEvent() throws {
        let (ring, queue) = try makeServed()

        ring.wantInterrupt(past: 2)
        for index in UInt16(1)..<5 {
            ring.offer(0, as: index)
            _ = try queue.serve()
        }

        #expect(queue.publish())
        #expect(!queue.publish())
        #expect(ring.usedIndex == 5)
    }

    @Test func interruptsForWhatWasExposedToADriverThatSleeps() throws {
        let (ring, queue) = try makeServed()

        // It went to sleep after the first, and did not see the second.
        ring.wantInterrupt(past: 1)
        ring.offer(0, as: 1)
        _ = try queue.serve()
        queue.expose()
        #expect(ring.usedIndex == 2)
        #expect(queue.waitingCount == 1)
        #expect(queue.publish())
        #expect(queue.waitingCount == 0)

        // It was awake, saw the third, and went to sleep after it.
        ring.offer(0, as: 2)
        _ = try queue.serve()
        queue.expose()
        #expect(queue.waitingCount == 0)
        ring.wantInterrupt(past: 3)
        #expect(!queue.publish())

        // And sleeps on while two more come.
        for index in UInt16(3)...4 { ring.offer(0, as: index) }
        #expect(queue.availableCount == 2)
        for _ in 0..<2 { _ = try queue.serve() }
        #expect(queue.waitingCount == 2)
        #expect(queue.availableCount == 0)
    }

    @Test func interruptsForWhatIsWishedAfterIndexesHaveWrapped() throws {
        let (ring, queue) = try makeServed()
        var index: UInt16 = 1
        var looks = 0

        // It was awake, and slept when the last was to come of 65,536: as many cannot be told from none.
        ring.wantInterrupt(past: 0)
        for _ in 0..<65_535 {
            ring.offer(0, as: index)
            index &+= 1
            _ = try queue.serve()
            queue.expose()
            guard queue.waitingCount > 0 else { continue }
            looks += 1
            #expect(!queue.publish())
        }
        ring.wantInterrupt(past: index)
        ring.offer(0, as: index)
        _ = try queue.serve()

        #expect(queue.publish())
        #expect(looks == 3)
    }

    @Test func countsWhatWaitsWithoutEventIndexes() throws {
        let ring = try makeRing(eventIndex: false)
        let queue = try Device(ring)
        ring.describe(0, address: 0x8000, length: 4)
        ring.offer(0)
        _ = try queue.serve()
        #expect(queue.waitingCount == 1)

        ring.guest.write(UInt16(1), at: RingFixture.available)
        #expect(queue.waitingCount == 0)
    }

    @Test(arguments: [
        (event: UInt16(0), new: UInt16(1), old: UInt16(0), passes: true),
        (event: 1, new: 1, old: 0, passes: false),
        (event: 0xffff, new: 0, old: 0xffff, passes: true),
        (event: 0xffff, new: 2, old: 0xfffe, passes: true),
        (event: 2, new: 2, old: 0xfffe, passes: false),
        (event: 0xfffd, new: 2, old: 0xfffe, passes: false),
        (event: 5, new: 5, old: 5, passes: false),
    ])
    func comparesIndexesAcrossTheWrap(event: UInt16, new: UInt16, old: UInt16, passes: Bool) {
        #expect(SplitQueue.passes(event: event, new: new, old: old) == passes)
    }

    @Test func honoursTheDriversFlagWithoutEventIndexes() throws {
        let ring = try makeRing(eventIndex: false)
        let queue = try Device(ring)
        ring.describe(0, address: 0x8000, length: 4)

        ring.guest.write(UInt16(1), at: RingFixture.available)
        ring.offer(0)
        _ = try queue.serve()
        #expect(!queue.publish())

        ring.guest.write(UInt16(0), at: RingFixture.available)
        ring.offer(0, as: 1)
        _ = try queue.serve()
        #expect(queue.publish())
    }

    // MARK: Kicks

    @Test func asksForAKickForTheNextEntry() throws {
        let ring = try makeRing()
        let queue = try Device(ring)
        ring.describe(0, address: 0x8000, length: 4)
        ring.offer(0)
        queue.disableNotifications()
        _ = try queue.serve()

        #expect(try !queue.enableNotifications())
        #expect(ring.kickWantedPast == 1)
    }

    @Test func seesAnEntryThatCameWhileKicksWereOff() throws {
        let ring = try makeRing()
        let queue = try Device(ring)
        #expect(try !queue.hasAvailable())
        ring.offer(0)

        #expect(try queue.enableNotifications())
    }

    @Test func setsItsFlagWithoutEventIndexes() throws {
        let ring = try makeRing(eventIndex: false)
        let queue = try Device(ring)

        queue.disableNotifications()
        #expect(ring.guest.read(UInt16.self, at: RingFixture.used) == 1)
        #expect(try !queue.enableNotifications())
        #expect(ring.guest.read(UInt16.self, at: RingFixture.used) == 0)
    }

    // MARK: Layout

    @Test(arguments: [
        (size: UInt32(0), table: UInt64(0x1000), available: UInt64(0x2000), used: UInt64(0x3000)),
        (size: 3, table: 0x1000, available: 0x2000, used: 0x3000),
        (size: 65536, table: 0x1000, available: 0x2000, used: 0x3000),
        (size: 8, table: 0x1008, available: 0x2000, used: 0x3000),
        (size: 8, table: 0x1000, available: 0x2001, used: 0x3000),
        (size: 8, table: 0x1000, available: 0x2000, used: 0x3002),
        (size: 8, table: 0xfff0, available: 0x2000, used: 0x3000),
        (size: 8, table: 0x1000, available: 0xfffe, used: 0x3000),
        (size: 8, table: 0x1000, available: 0x2000, used: 0xfffc),
    ])
    func refusesALayoutThatCannotBe(size: UInt32, table: UInt64, available: UInt64, used: UInt64) throws {
        let guest = try GuestFixture()
        let base = GuestFixture.userBase

        let layout = SplitQueueLayout(
            memory: guest.memory, size: size, descriptors: base + table, available: base + available,
            used: base + used, eventIndex: true, indirect: true)

        #expect(layout == nil)
    }
}
