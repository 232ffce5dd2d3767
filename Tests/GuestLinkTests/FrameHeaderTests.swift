import GuestLink
import Testing

@Suite struct FrameHeaderTests {
    @Test func isEightBytesOnTheWire() {
        var bytes: [UInt8] = []

        FrameHeader(kind: .ended, session: 0x0102, length: 0x00ff01).append(to: &bytes)

        #expect(bytes == [0x01, 0xff, 0, 0, 0x02, 0x01, 70, 0])
        #expect(bytes.count == frameHeaderSize)
    }

    @Test(arguments: [
        (FrameKind.setting, UInt8(1)), (.powerOff, 8), (.unmount, 10), (.outputEnd, 11), (.hello, 64), (.log, 72),
        (.credit, 128),
    ])
    func theNumberOfAKindStays(kind: FrameKind, number: UInt8) {
        #expect(kind.rawValue == number)
    }

    @Test(arguments: 0..<frameHeaderSize) func isNotReadFromFewerBytes(count: Int) {
        let header = [UInt8](repeating: 0, count: count).withUnsafeBytes { FrameHeader($0) }

        #expect(header == nil)
    }
}
