import GuestLink
import Testing

@Suite struct PercentEncodingTests {
    @Test func everyByteComesBack() {
        let all = [UInt8](0...255)

        #expect(PercentEncoding.decode(PercentEncoding.encode(all)) == all)
    }

    @Test(arguments: UInt8.min...UInt8.max) func aByteAloneComesBack(byte: UInt8) {
        #expect(PercentEncoding.decode(PercentEncoding.encode([byte])) == [byte])
    }

    @Test func theResultCanStandOnAKernelCommandLine() {
        let encoded = PercentEncoding.encode([UInt8](0...255))

        #expect(encoded.allSatisfy { (0x21...0x7e).contains($0) })
        for special in " \"',=\\".utf8 { #expect(!encoded.contains(special)) }
    }

    @Test func pathsStayReadable() {
        let path = [UInt8]("/home/me/src-1.2_x~@+".utf8)

        #expect(PercentEncoding.encode(path) == path)
    }

    @Test func hexadecimalDigitsMayBeSmall() {
        #expect(PercentEncoding.decode([UInt8]("%2f%2F%c3".utf8)) == [0x2f, 0x2f, 0xc3])
    }

    @Test(arguments: ["%", "%2", "a%", "%g0", "%0g", "%%41", "% 1"])
    func nothingIsDecodedWhereDigitsAreMissing(text: String) {
        #expect(PercentEncoding.decode([UInt8](text.utf8)) == nil)
    }
}
