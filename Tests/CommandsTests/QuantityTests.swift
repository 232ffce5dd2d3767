import Testing

@testable import Commands

@Suite struct QuantityTests {
    @Test(
        arguments: [
            (0, "0"), (0.04, "0.0"), (3, "3"), (3.25, "3.3"), (9.96, "10"), (250.4, "250"), (9999, "9999"),
            (9999.6, "10k"),
            (12345, "12k"), (999_499, "999k"), (999_500, "1.0M"), (2.5e9, "2.5G"), (-1, "-"), (.nan, "-"), (1e300, "-"),
        ] as [(Double, String)])
    func counts(number: Double, text: String) {
        #expect(Quantity.count(number) == text)
    }

    @Test(
        arguments: [
            (0, "0"), (1, "1B"), (0.5, "0.5B"), (999, "999B"), (1000, "1.0K"), (1536, "1.5K"), (35_651_584, "34M"),
            (1_047_527_424, "999M"), (Double(UInt64.max), "16E"), (-1, "-"),
        ] as [(Double, String)])
    func measuresBytes(number: Double, text: String) {
        #expect(Quantity.bytes(number) == text)
    }
}
