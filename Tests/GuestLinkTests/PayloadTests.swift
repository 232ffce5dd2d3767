import GuestLink
import Testing

@Suite struct PayloadTests {
    @Test func readsBackWhatWasWritten() {
        var writer = PayloadWriter()
        writer.append(UInt8(0xfe))
        writer.append(UInt16(0xfedc))
        writer.append(UInt32(0xfedc_ba98))
        writer.append([1, 2, 3] as [UInt8])
        writer.append([[], [0], [0xff, 0x2f]] as [[UInt8]])
        writer.appendRemainder([9, 8])
        var reader = PayloadReader(writer.bytes)

        #expect(reader.byte() == 0xfe)
        #expect(reader.short() == 0xfedc)
        #expect(reader.word() == 0xfedc_ba98)
        #expect(reader.string() == [1, 2, 3])
        #expect(reader.strings() == [[], [0], [0xff, 0x2f]])
        #expect(reader.remainder() == [9, 8])
        #expect(reader.remainder() == [])
        #expect(reader.byte() == nil)
    }

    @Test func writesIntegersWithTheirLowestByteFirst() {
        var writer = PayloadWriter()
        writer.append(UInt16(0x0102))
        writer.append(UInt32(0x0304_0506))
        writer.append([0xaa] as [UInt8])

        #expect(writer.bytes == [2, 1, 6, 5, 4, 3, 1, 0, 0, 0, 0xaa])
    }

    @Test(
        arguments: [
            [4, 0, 0, 0, 1, 2, 3], [0xff, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0x7f, 1], [1, 0, 0],
        ] as [[UInt8]])
    func hasNoStringWhereItsLengthLies(bytes: [UInt8]) {
        var reader = PayloadReader(bytes)

        #expect(reader.string() == nil)
    }

    @Test(
        arguments: [
            [0xff, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0, 0, 0],
            [1, 0, 0, 0, 1, 0, 0, 0], [1, 0],
        ] as [[UInt8]])
    func hasNoStringsWhereTheirCountLies(bytes: [UInt8]) {
        var reader = PayloadReader(bytes)

        #expect(reader.strings() == nil)
    }
}
