import CLinux
import Linux
import SystemPackage
import Testing

@testable import Virtio

@Suite struct GuestMemoryTests {
    @Test func findsAddressesOfEveryRegionAndNoneOutside() throws {
        let guest = try GuestFixture(regions: 3)

        #expect(guest.memory.map.contiguous(at: 0x18000, length: 0x8000) != nil)
        #expect(guest.memory.map.contiguous(at: 0x18000, length: 0x8001) == nil)
        #expect(guest.memory.map.contiguous(at: 0x30000, length: 1) == nil)
        #expect(guest.memory.map.contiguous(at: .max, length: 1) == nil)
        #expect(guest.memory.map.contiguous(at: 0x2ffff, length: 1) != nil)
        #expect(guest.memory.map.contiguous(at: 0x2ffff, length: 2) == nil)
        #expect(guest.memory.map.contiguous(at: 0, length: .max) == nil)
        #expect(GuestMemory.none.map.contiguous(at: 0, length: 1) == nil)
    }

    @Test func translatesTheFrontendsAddressesWithinOneRegionOnly() throws {
        let guest = try GuestFixture(regions: 2)
        let base = GuestFixture.userBase

        #expect(guest.memory.find(user: base + 0x10, length: 0x10)?.address == guest.pointer(0x10))
        #expect(guest.memory.find(user: base + 0x1fff0, length: 0x10)?.address != nil)
        #expect(guest.memory.find(user: base + 0x1fff0, length: 0x11)?.address == nil)
        #expect(guest.memory.find(user: base + 0xfff0, length: 0x20)?.address == nil)
        #expect(guest.memory.find(user: base - 1, length: 1)?.address == nil)
        #expect(guest.memory.find(user: .max, length: .max)?.address == nil)
    }

    @Test func refusesRegionsThatOverlap() throws {
        let guest = try GuestFixture(regions: 2)
        let overlapping = try GuestRegion(
            guestAddress: 0x1f000, userAddress: 0, size: 0x2000, file: guest.file.number, offset: 0)

        #expect(throws: GuestMemoryError.overlappingRegions) { try guest.memory.adding(overlapping) }
    }

    @Test(arguments: [
        (guest: UInt64.max, user: UInt64(0), size: UInt64(0x1000), offset: UInt64(0)),
        (guest: 0, user: UInt64.max - 1, size: 0x1000, offset: 0),
        (guest: 0, user: 0, size: 0, offset: 0),
        (guest: 0, user: 0, size: 0x1000, offset: UInt64.max - 0xfff),
        (guest: 0, user: 0, size: 0x1000, offset: 0x10000),
        (guest: 0, user: 0, size: UInt64.max, offset: 0),
    ])
    func refusesRegionsThatCannotBe(guest: UInt64, user: UInt64, size: UInt64, offset: UInt64) throws {
        let fixture = try GuestFixture()

        #expect(throws: Errno.self) {
            try GuestRegion(
                guestAddress: guest, userAddress: user, size: size, file: fixture.file.number, offset: offset)
        }
    }

    @Test func mapsARegionThatStartsWithinAPage() throws {
        let guest = try GuestFixture()
        guest.write(UInt32(0xfeed), at: 0x1234)

        let region = try GuestRegion(
            guestAddress: 0x8000, userAddress: 0, size: 0x10, file: guest.file.number, offset: 0x1234)

        #expect(region.start.loadUnaligned(as: UInt32.self) == 0xfeed)
    }

    @Test func removesTheRegionOfExactlyTheBoundsGiven() throws {
        let guest = try GuestFixture(regions: 2)

        #expect(throws: GuestMemoryError.noSuchRegion) {
            try guest.memory.removing(guestAddress: 0, userAddress: GuestFixture.userBase, size: 0x8000)
        }
        let rest = try guest.memory.removing(guestAddress: 0, userAddress: GuestFixture.userBase, size: 0x10000)
        #expect(rest.map.contiguous(at: 0, length: 1) == nil)
        #expect(rest.map.contiguous(at: 0x10000, length: 1) != nil)
    }

    @Test func keepsARegionMappedForAsLongAsATableShowsIt() throws {
        var guest: GuestFixture? = try GuestFixture()
        let memory = try #require(guest?.memory)
        weak let region = memory.regions.first
        let later = try memory.removing(guestAddress: 0, userAddress: GuestFixture.userBase, size: 0x10000)
        guest = nil

        withExtendedLifetime(memory) {
            #expect(region != nil)
            #expect(memory.map.contiguous(at: 0, length: 1)?.load(as: UInt8.self) == 0)
        }
        #expect(later.regions.isEmpty)
    }
}
