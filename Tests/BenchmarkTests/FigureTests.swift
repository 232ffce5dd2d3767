import Testing

@testable import Benchmark

@Suite struct LatencyHistogramTests {
    @Test func findsQuantilesToWithinAnEighth() {
        var histogram = LatencyHistogram()
        for value in 1...1000 as ClosedRange<UInt64> { histogram.add(value * 1000) }
        #expect((440_000...560_000).contains(histogram.quantile(0.5)))
        #expect((870_000...1_110_000).contains(histogram.quantile(0.99)))
        #expect(LatencyHistogram().quantile(0.5) == 0)
    }

    @Test func addsUp() {
        var slow = LatencyHistogram()
        var all = LatencyHistogram()
        for _ in 0..<10 {
            slow.add(1_000_000)
            for _ in 0..<9 { all.add(1000) }
        }
        all.add(slow)
        #expect((900...1100).contains(all.quantile(0.9)))
        #expect((900_000...1_100_000).contains(all.quantile(0.91)))
    }
}

@Suite struct StampTests {
    @Test func knowsAPageInAnotherPlace() {
        var bytes = [UInt8](repeating: 0, count: 3 * HostTree.pageSize)
        let stamp = Stamp(salt: 7)
        bytes.withUnsafeMutableBytes { stamp.store(in: $0, offset: 40_960) }
        bytes.withUnsafeBytes { bytes in
            #expect(stamp.isIn(bytes, offset: 40_960))
            #expect(!stamp.isIn(bytes, offset: 45_056))
            #expect(!Stamp(salt: 8).isIn(bytes, offset: 40_960))
            #expect(!stamp.isIn(UnsafeRawBufferPointer(rebasing: bytes[0..<5000]), offset: 40_960))
        }
        bytes[2 * HostTree.pageSize - 1] ^= 1
        bytes.withUnsafeBytes { #expect(!stamp.isIn($0, offset: 40_960)) }
    }
}

@Suite struct SystemCallTraceTests {
    private let table = """
        % time     seconds  usecs/call     calls    errors syscall
        ------ ----------- ----------- --------- --------- ----------------
         60.00    0.000600           1       400        12 read
         40.00    0.000400           1       100           statx
        ------ ----------- ----------- --------- --------- ----------------
        100.00    0.001000           1       500        12 total
        """

    @Test func readsCountsByName() throws {
        #expect(try SystemCallTrace.parse(table) == ["read": 400, "statx": 100])
    }

    @Test func refusesATableThatDoesNotAddUp() {
        #expect(throws: (any Error).self) { try SystemCallTrace.parse("") }
        #expect(throws: (any Error).self) {
            let lines = table.split(separator: "\n").filter { !$0.hasSuffix("statx") }
            return try SystemCallTrace.parse(lines.joined(separator: "\n"))
        }
    }
}

@Suite struct FigureTableTests {
    @Test(arguments: [(0.0, 2, "0.00"), (1.005, 1, "1.0"), (-0.25, 1, "-0.3"), (12.96, 1, "13.0"), (0.04, 2, "0.04")])
    func printsAFixedNumberOfPlaces(_ value: Double, _ places: Int, _ text: String) {
        #expect(value.text(places: places) == text)
    }

    @Test func alignsTheFirstColumnLeftAndOthersRight() {
        let table = FigureTable(columns: [("name", 6), ("n", 4)])
        #expect(table.heading == "name     n")
        #expect(table.line(["longer-name", "12345"]) == "longer-name 12345")
    }
}
