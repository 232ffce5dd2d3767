import CLinux
import Testing

@testable import Virtio

@Suite struct DescriptorChainTests {
    private typealias Ring = RingFixture

    /// Follows the chain at `head` of a ring whose entries `prepare` has written.
    private func collect(
        head: UInt16 = 0, regions: Int = 1, indirect: Bool = true, capacity: Int = 64,
        prepare: (RingFixture) -> Void
    ) throws -> (readable: [Int], writable: [Int], guest: GuestFixture) {
        let guest = try GuestFixture(regions: regions)
        let ring = RingFixture(guest, indirect: indirect)
        prepare(ring)
        var chain = DescriptorChain(capacity: capacity)
        try chain.collect(
            head: head, table: guest.pointer(Ring.table), size: Ring.size, indirect: indirect, memory: guest.memory.map)
        return (chain.readable.map(\.iov_len), chain.writable.map(\.iov_len), guest)
    }

    @Test func putsReadableBuffersBeforeWritableOnes() throws {
        let result = try collect { ring in
            ring.describe(0, address: 0x8000, length: 40, flags: Ring.next, next: 3)
            ring.describe(3, address: 0x9000, length: 5, flags: Ring.next, next: 1)
            ring.describe(1, address: 0xa000, length: 16, flags: Ring.next | Ring.write, next: 2)
            ring.describe(2, address: 0xb000, length: 4096, flags: Ring.write)
        }

        #expect(result.readable == [40, 5])
        #expect(result.writable == [16, 4096])
    }

    @Test func skipsEmptyBuffers() throws {
        let result = try collect { ring in
            ring.describe(0, address: .max, length: 0, flags: Ring.next, next: 1)
            ring.describe(1, address: 0x8000, length: 40, flags: Ring.next, next: 2)
            ring.describe(2, address: 0, length: 0, flags: Ring.write)
        }

        #expect(result.readable == [40])
        #expect(result.writable == [])
    }

    @Test func joinsNeighboursButNeverAcrossTheBorderOfReadableAndWritable() throws {
        let result = try collect { ring in
            ring.describe(0, address: 0x8000, length: 0x100, flags: Ring.next, next: 1)
            ring.describe(1, address: 0x8100, length: 0x100, flags: Ring.next, next: 2)
            ring.describe(2, address: 0x8200, length: 0x100, flags: Ring.next | Ring.write, next: 3)
            ring.describe(3, address: 0x8300, length: 0x100, flags: Ring.write)
        }

        #expect(result.readable == [0x200])
        #expect(result.writable == [0x200])
    }

    @Test func cutsABufferWhereTwoRegionsMeet() throws {
        let result = try collect(regions: 2) { ring in
            ring.describe(0, address: 0xfff0, length: 0x30, flags: Ring.write)
        }

        #expect(result.writable == [0x10, 0x20])
    }

    @Test(
        arguments: [
            (address: 0x1fff0, length: 0x11), (address: 0x20000, length: 1), (address: 0, length: .max),
            (address: .max, length: 1), (address: .max - 7, length: 16),
        ] as [(address: UInt64, length: UInt32)])
    func refusesBuffersOutsideGuestMemory(address: UInt64, length: UInt32) throws {
        #expect(throws: QueueError.self) {
            try collect(regions: 2) { $0.describe(0, address: address, length: length) }
        }
    }

    @Test func refusesLoops() throws {
        #expect(throws: QueueError.chainTooLong) {
            try collect { $0.describe(0, address: 0x8000, length: 1, flags: Ring.next, next: 0) }
        }
        #expect(throws: QueueError.chainTooLong) {
            try collect { ring in
                ring.describe(0, address: 0x8000, length: 0, flags: Ring.next, next: 1)
                ring.describe(1, address: 0x8000, length: 0, flags: Ring.next, next: 0)
            }
        }
    }

    @Test func takesAChainAsLongAsTheRing() throws {
        let result = try collect { ring in
            for index in 0..<Ring.size {
                ring.describe(
                    Int(index), address: 0x8000 + 2 * UInt64(index), length: 1,
                    flags: index + 1 < Ring.size ? Ring.next : 0, next: index + 1)
            }
        }

        #expect(result.readable.count == Int(Ring.size))
    }

    @Test func refusesANextBeyondTheTable() throws {
        #expect(throws: QueueError.nextOutOfRange(8)) {
            try collect { $0.describe(0, address: 0x8000, length: 1, flags: Ring.next, next: 8) }
        }
    }

    @Test func refusesAReadableBufferAfterAWritableOne() throws {
        #expect(throws: QueueError.readableAfterWritable) {
            try collect { ring in
                ring.describe(0, address: 0x8000, length: 1, flags: Ring.next | Ring.write, next: 1)
                ring.describe(1, address: 0x9000, length: 1)
            }
        }
    }

    @Test func refusesMorePiecesThanThereIsRoomFor() throws {
        #expect(throws: QueueError.tooManyPieces) {
            try collect(capacity: 1) { ring in
                ring.describe(0, address: 0x8000, length: 1, flags: Ring.next, next: 1)
                ring.describe(1, address: 0x9000, length: 1)
            }
        }
    }

    // MARK: Indirect tables

    @Test func followsAnIndirectTableAfterDirectDescriptors() throws {
        let result = try collect { ring in
            ring.describe(0, address: 0x8000, length: 40, flags: Ring.next, next: 1)
            // The write flag of the descriptor itself has no meaning.
            ring.describe(1, address: 0x4000, length: 32, flags: Ring.indirect | Ring.write)
            ring.guest.describe(0, in: 0x4000, address: 0x9000, length: 7, flags: Ring.next, next: 1)
            ring.guest.describe(1, in: 0x4000, address: 0xa000, length: 16, flags: Ring.write)
        }

        #expect(result.readable == [40, 7])
        #expect(result.writable == [16])
    }

    @Test func takesAnIndirectTableLongerThanTheRing() throws {
        let result = try collect { ring in
            ring.describe(0, address: 0x4000, length: 16 * 20, flags: Ring.indirect)
            for index in 0..<UInt16(20) {
                ring.guest.describe(
                    Int(index), in: 0x4000, address: 0x8000 + 2 * UInt64(index), length: 1,
                    flags: index < 19 ? Ring.next : 0, next: index + 1)
            }
        }

        #expect(result.readable.count == 20)
    }

    @Test(arguments: [0, 8, 24, 1_048_591] as [UInt32])
    func refusesAnIndirectTableOfAnOddSize(length: UInt32) throws {
        #expect(throws: QueueError.malformedIndirectTable(address: 0x4000, length: length)) {
            try collect { $0.describe(0, address: 0x4000, length: length, flags: Ring.indirect) }
        }
    }

    @Test func refusesAMisalignedIndirectTable() throws {
        #expect(throws: QueueError.malformedIndirectTable(address: 0x4004, length: 16)) {
            try collect { $0.describe(0, address: 0x4004, length: 16, flags: Ring.indirect) }
        }
    }

    @Test func refusesAHugeIndirectTable() throws {
        #expect(throws: QueueError.chainTooLong) {
            try collect { $0.describe(0, address: 0x4000, length: 16 * 1025, flags: Ring.indirect) }
        }
    }

    @Test func refusesAnIndirectTableOutsideGuestMemory() throws {
        #expect(throws: QueueError.addressOutOfRange(address: 0xfff8, length: 16)) {
            try collect { $0.describe(0, address: 0xfff8, length: 16, flags: Ring.indirect) }
        }
    }

    @Test func refusesNestedAndContinuedIndirectTables() throws {
        #expect(throws: QueueError.nestedIndirectTable) {
            try collect { ring in
                ring.describe(0, address: 0x4000, length: 16, flags: Ring.indirect)
                ring.guest.describe(0, in: 0x4000, address: 0x4000, length: 16, flags: Ring.indirect)
            }
        }
        #expect(throws: QueueError.continuedIndirectTable) {
            try collect { $0.describe(0, address: 0x4000, length: 16, flags: Ring.indirect | Ring.next, next: 1) }
        }
    }

    @Test func refusesALoopInAnIndirectTable() throws {
        #expect(throws: QueueError.chainTooLong) {
            try collect { ring in
                ring.describe(0, address: 0x4000, length: 16, flags: Ring.indirect)
                ring.guest.describe(0, in: 0x4000, address: 0x8000, length: 0, flags: Ring.next, next: 0)
            }
        }
    }

    @Test func refusesAnIndirectTableThatWasNotAgreedOn() throws {
        #expect(throws: QueueError.indirectNotNegotiated) {
            try collect(indirect: false) { $0.describe(0, address: 0x4000, length: 16, flags: Ring.indirect) }
        }
    }
}
