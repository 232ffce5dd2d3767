import Testing

@testable import GuestBoot

@Suite struct KernelImageTests {
    @Test func readsTheReleaseFromTheHeader() throws {
        let fixture = try HostFixture()
        let path = try fixture.installImage("6.1.0-50-cloud-amd64")

        let image = try KernelImage(at: path)

        #expect(image.release == KernelRelease("6.1.0-50-cloud-amd64"))
        #expect(image.architecture == .x86_64)
    }

    @Test func knowsAnArmImage() {
        var bytes = [UInt8](repeating: 0, count: 4096)
        bytes.replaceSubrange(56..<60, with: "ARM\u{64}".utf8)

        guard case .image(let image) = KernelImage.parse(bytes) else {
            Issue.record("an arm64 image is an image")
            return
        }
        #expect(image.architecture == .arm64)
        #expect(image.release == nil)
    }

    @Test(arguments: [
        bzImage(release: "6.1", flags: 0), bzImage(release: "2.6", protocolVersion: 0x0206),
        [0x7f] + Array("ELF".utf8) + [UInt8](repeating: 2, count: 4096), Array("no kernel at all".utf8), [],
    ])
    func refusesWhatItCannotBoot(bytes: [UInt8]) {
        guard case .refused = KernelImage.parse(bytes) else {
            Issue.record("taken for a kernel")
            return
        }
    }

    @Test func survivesAnImageCutAnywhere() {
        let whole = bzImage(release: "6.1")

        for length in stride(from: 0, to: whole.count, by: 7) { _ = KernelImage.parse(Array(whole[..<length])) }
    }

    @Test(arguments: [0x0000, 0x3fff, 0xffff, 0x3700])
    func hasNoReleaseWhereThePointerLeadsNowhere(pointer: Int) {
        var bytes = bzImage(release: "6.1")
        bytes[0x20e] = UInt8(pointer & 0xff)
        bytes[0x20f] = UInt8(pointer >> 8)

        guard case .image(let image) = KernelImage.parse(bytes) else {
            Issue.record("the rest of the header is that of a kernel")
            return
        }
        #expect(image.release == nil)
    }
}
