import Testing

@testable import VhostUser

/// Sizes, offsets and numbers of the specification: QEMU, docs/interop/vhost-user.rst.
@Suite struct WireTests {
    /// Bytes 0, 1, 2, ...: every field's value tells where it was read.
    private func ramp(_ count: Int) -> [UInt8] { (0..<count).map { UInt8($0) } }

    @Test func readsAHeader() {
        let header = MessageHeader(ramp(12))

        #expect(header.request == 0x0302_0100)
        #expect(header.flags == 0x0706_0504)
        #expect(header.size == 0x0b0a_0908)
        #expect(header.bytes == ramp(12))
    }

    @Test func readsARingState() {
        let state = RingState(ramp(8))

        #expect(state.index == 0x0302_0100)
        #expect(state.number == 0x0706_0504)
        #expect(state.bytes == ramp(8))
    }

    @Test func readsARingAddress() {
        let address = RingAddress(ramp(40))

        #expect(address.index == 0x0302_0100)
        #expect(address.flags == 0x0706_0504)
        #expect(address.descriptors == 0x0f0e_0d0c_0b0a_0908)
        #expect(address.used == 0x1716_1514_1312_1110)
        #expect(address.available == 0x1f1e_1d1c_1b1a_1918)
        #expect(address.log == 0x2726_2524_2322_2120)
    }

    @Test func readsASingleMemoryRegion() {
        let region = MemoryRegion(single: ramp(40))

        #expect(region.guestAddress == 0x0f0e_0d0c_0b0a_0908)
        #expect(region.size == 0x1716_1514_1312_1110)
        #expect(region.userAddress == 0x1f1e_1d1c_1b1a_1918)
        #expect(region.fileOffset == 0x2726_2524_2322_2120)
    }

    @Test func readsAMemoryTableOnlyWhenCountAndSizeAgree() throws {
        let table = [1, 0, 0, 0, 0, 0, 0, 0] + ramp(32)

        #expect(try #require(MemoryTable(table)).regions.first?.guestAddress == 0x0706_0504_0302_0100)
        #expect(MemoryTable(table + [0]) == nil)
        #expect(MemoryTable([2] + table.dropFirst()) == nil)
        #expect(MemoryTable([9, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 9 * 32)) == nil)
        #expect(MemoryTable([0, 0, 0, 0, 0, 0, 0, 0])?.regions == [])
    }

    @Test func readsPastTheEndAsZero() {
        var reader = PayloadReader([1, 2])

        #expect(reader.read(UInt32.self) == 0)
    }

    @Test func offersExactlyWhatIsBuilt() {
        #expect(DeviceFeatures.offered.rawValue == 0x1_7000_0000)
        #expect(ProtocolFeatures.offered.rawValue == 0xa009)
        #expect(!ProtocolFeatures.offered.contains(ProtocolFeatures(rawValue: 1 << 9)))
    }
}
