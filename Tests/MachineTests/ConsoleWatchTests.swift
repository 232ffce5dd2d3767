import Machine
import Testing

@Suite struct ConsoleWatchTests {
    private func watch(_ pieces: [String]) -> ConsoleWatch {
        var watch = ConsoleWatch()
        for piece in pieces { _ = Array(piece.utf8).withUnsafeBytes { watch.append($0) } }
        return watch
    }

    @Test func noticesAPanicHoweverItsBytesArrive() {
        let text = "[ 1.0] fine\r\n[ 2.0] Kernel panic - not syncing: sysrq triggered crash\r\n[ 2.1] CPU: 0\r\n"

        let whole = watch([text])
        let cut = watch(text.map { String($0) })

        #expect(whole.hasPanicked && cut.hasPanicked)
        #expect(cut.panicLines == ["[ 2.0] Kernel panic - not syncing: sysrq triggered crash", "[ 2.1] CPU: 0"])
        #expect(whole.panicLines == cut.panicLines)
    }

    @Test func doesNotTakeOtherTalkOfPanicForOne() {
        #expect(!watch(["Kernel panic - not synching\n", "panic=-1 on the command line\n"]).hasPanicked)
    }

    @Test func keepsTheLastLinesOnly() {
        let watch = watch((0..<200).map { "line \($0)\n" })

        #expect(watch.tail.count == ConsoleWatch.tailLimit)
        #expect(watch.tail.last == "line 199")
    }

    @Test func boundsALineThatNeverEnds() {
        var watch = watch([String(repeating: "x", count: 100_000)])
        watch.finish()

        #expect(watch.tail.count == 1)
        #expect(watch.tail[0].utf8.count <= 4096)
    }

    @Test func letsNoControlCharacterThrough() {
        #expect(watch(["a\u{1b}[31mb\u{9b}1mü\n"]).tail == ["a?[31mb?1mü"])
    }
}
