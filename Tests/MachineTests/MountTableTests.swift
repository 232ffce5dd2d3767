import Testing

@testable import Machine

@Suite struct MountTableTests {
    private func line(_ number: Int, source: String = "sheaf-rw") -> String {
        "\(number) 1 0:30 /s\(number) /mnt/\(number) rw,relatime shared:1 - virtiofs \(source) rw\n"
    }

    private func table(_ text: String, pieces size: Int) -> MountTable {
        var table = MountTable()
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            table.append(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        table.finish()
        return table
    }

    @Test(arguments: [1, 7, 50, 100_000])
    func readsLinesHoweverTheyAreCut(size: Int) {
        let text =
            line(1) + "\n" + line(2, source: "tmpfs") + "nonsense - \n - \n- - -\n" + line(3, source: "sheaf-ro")
            + line(4).dropLast()

        #expect(table(text, pieces: size).mounts.map(\.target) == ["/mnt/1", "/mnt/3", "/mnt/4"])
    }

    @Test func passesOverALineWithoutEndAndReadsOn() {
        let endless = String(repeating: "x", count: 3 * MountTable.longestLine)

        for size in [10_000, 65_532, 1 << 20] {
            let table = table(line(1) + endless + line(2) + line(3), pieces: size)
            #expect(table.mounts.map(\.target).suffix(1) == ["/mnt/3"])
            #expect(table.mounts.first?.target == "/mnt/1")
            #expect(table.mounts.count == 2)
        }
    }

    @Test func keepsNoMoreThanIsSensible() {
        let text = (0..<40_000).map { line($0) }.joined()

        let count = table(text, pieces: 65_532).mounts.count

        #expect((5_000..<15_000).contains(count))
    }

    /// Four million lines that are no mounts: taken apart and kept, they took seconds and hundreds of megabytes.
    @Test func takesATableOfNothingAtOnce() {
        var table = MountTable()
        let piece = [UInt8](repeating: 0x61, count: 65_532).enumerated().map { $0.offset % 2 == 0 ? $0.element : 0x0a }
        let start = ContinuousClock.now

        for _ in 0..<128 { table.append(piece) }
        table.finish()

        #expect(table.mounts.isEmpty)
        #expect(ContinuousClock.now - start < .seconds(20))
    }
}
