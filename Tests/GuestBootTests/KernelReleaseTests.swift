import Testing

@testable import GuestBoot

@Suite struct KernelReleaseTests {
    @Test func countsVersionsAsPeopleDo() {
        let ordered = [
            "5.10.0-30-amd64", "6.1", "6.1.0-9-cloud-amd64", "6.1.0-50-cloud-amd64", "6.9.12", "6.12-rc3", "6.12",
            "6.12.9+deb12-cloud-amd64", "6.12.38+deb12-amd64", "6.12.38+deb12-cloud-amd64", "10.0.0",
        ].map(KernelRelease.init)

        #expect(Array(ordered.reversed()).sorted() == ordered)
    }

    @Test func ordersNumbersThatFitNoInteger() {
        let small = KernelRelease("6.99999999999999999999998")
        let large = KernelRelease("6.99999999999999999999999")

        #expect(small < large)
        #expect(!(large < small))
    }

    @Test func neverCallsDifferentReleasesEqual() {
        let plain = KernelRelease("6.1")
        let padded = KernelRelease("6.01")

        #expect(plain < padded || padded < plain)
    }

    @Test(arguments: [
        ("6.1", true), ("6.1.0", true), ("6.1.0-5", false), ("6.1.0-50", true), ("6", true), ("6.1.", true),
        ("6.1.0-50-cloud-amd64", true), ("6.1.0-50-cloud-amd64x", false), ("6.12", false), ("5", false), ("", false),
    ])
    func takesAVersionForAReleaseUpToANumbersEnd(version: String, fits: Bool) {
        #expect(KernelRelease("6.1.0-50-cloud-amd64").hasVersion(version) == fits)
    }

    @Test func doesNotTakeSixOneForSixTwelve() {
        #expect(!KernelRelease("6.12.95+deb12-cloud-amd64").hasVersion("6.1"))
    }
}
