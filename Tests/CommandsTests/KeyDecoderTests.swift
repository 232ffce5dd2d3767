import Testing

@testable import Commands

@Suite struct KeyDecoderTests {
    @Test(arguments: [
        ("aé日", [Key.character("a"), .character("é"), .character("日")]),
        ("\r\u{7f}\t\u{8}", [.enter, .backspace, .tab, .backspace]),
        ("\u{1}\u{3}\u{4}\u{17}", [.control("a"), .control("c"), .control("d"), .control("w")]),
        ("\u{1b}[A\u{1b}[B\u{1b}[C\u{1b}[D", [.up, .down, .right, .left]),
        ("\u{1b}OA\u{1b}OH\u{1b}OF", [.up, .home, .end]),
        ("\u{1b}[H\u{1b}[F\u{1b}[1~\u{1b}[4~", [.home, .end, .home, .end]),
        ("\u{1b}[3~\u{1b}[5~\u{1b}[6~", [.delete, .pageUp, .pageDown]),
        ("\u{1b}", [.escape]), ("\u{1b}\u{1b}[A", [.escape, .up]),
        // Keys that nobody asks for: Alt-x, F5, Ctrl-Right.
        ("\u{1b}xa\u{1b}[15~b\u{1b}[1;5Cc", [.character("a"), .character("b"), .character("c")]),
    ])
    func namesKeys(text: String, keys: [Key]) {
        var decoder = KeyDecoder()

        #expect(decoder.decode(Array(text.utf8)) == keys)
    }

    @Test func waitsForTheRestOfACharacterAndOfAnArrow() {
        var decoder = KeyDecoder()

        #expect(decoder.decode([0xe6]).isEmpty)
        #expect(decoder.decode([0x97]).isEmpty)
        #expect(decoder.decode([0xa5, 0x1b, 0x5b]) == [.character("日")])
        #expect(decoder.decode([0x35]).isEmpty)
        #expect(decoder.decode([0x7e]) == [.pageUp])
    }

    @Test(
        arguments: [[0xff, 0x61], [0x80, 0x61], [0xc3, 0x61], [0xe0, 0x80, 0x80, 0x61], [0xed, 0xa0, 0x80, 0x61]]
            as [[UInt8]])
    func dropsWhatIsNoText(bytes: [UInt8]) {
        var decoder = KeyDecoder()

        #expect(decoder.decode(bytes) == [.character("a")])
    }

    @Test func keepsNoSequenceWithoutEnd() {
        var decoder = KeyDecoder()

        #expect(decoder.decode([0x1b, 0x5b] + [UInt8](repeating: 0x31, count: 100)).isEmpty)
        #expect(decoder.decode([0x61]) == [.character("a")])
    }
}
