import GuestLink
import Testing

@Suite struct FrameHeaderTests {
    @Test func isEightBytesOnTheWire() {
        var bytes: [UInt8] = []

        FrameHeader(kind: .ended, session: 0x0102, length: 0x00ff01).append(to: &bytes)

        #expect(bytes == [0x01, 0xff, 0, 0, 0x02, 0x01, 70, 0])
        #expect(bytes.count == frameHeaderSize)
    }

    @Test(arguments: 0..<frameHeaderSize) func isNotReadFromFewerBytes(count: Int) {
        let header = [UInt8](repeating: 0, count: count).withUnsafeBytes { FrameHeader($0) }

        #expect(header == nil)
    }
}
