import Linux
import Testing

@testable import Commands

@Suite struct TerminalTextTests {
    @Test(arguments: [
        ("", 0), ("abc", 3), ("日本語", 6), ("한글", 4), ("cafe\u{301}", 4), ("é", 1), ("👨", 2), ("…", 1), ("a\u{200b}b", 2),
    ])
    func countsColumns(text: String, columns: Int) {
        #expect(text.terminalColumns == columns)
    }

    @Test(arguments: [
        ("plain/path", "plain/path"), ("日本 cafe\u{301}", "日本 cafe\u{301}"),
        // Nothing that moves the cursor, colours, or turns the direction around.
        ("a\u{1b}[31mb\u{7}", "a?[31mb?"), ("a\r\nb\tc", "a??b?c"), ("\u{9b}2J", "?2J"),
        ("\u{202e}txt.exe", "?txt.exe"),
        // What terminals do not agree about is its first part alone.
        ("👨‍👩‍👧!", "👨!"), ("👍🏽", "👍"), ("❤\u{fe0f}", "❤"), ("1\u{fe0f}\u{20e3}", "1"),
    ])
    func printsNothingButText(text: String, printed: String) {
        #expect(printable(text) == printed)
    }

    @Test(arguments: [
        ("abcdef", 6, "abcdef", "abcdef"), ("abcdef", 4, "abc…", "…def"), ("日本語", 6, "日本語", "日本語"),
        ("日本語", 5, "日本…", "…本語"), ("日本語", 4, "日…", "…語"), ("ae\u{301}b", 2, "a…", "…b"), ("abc", 1, "…", "…"),
        ("abc", 0, "", ""),
    ])
    func shortensWithoutCuttingACharacter(text: String, columns: Int, start: String, end: String) {
        #expect(text.fitted(to: columns) == start)
        #expect(text.fitted(to: columns, keeping: .end) == end)
    }

    @Test func alignsATableByColumnsOfTheTerminal() {
        var table = TextTable("NAME", "N")
        table.append("日本", "1")
        table.append("cafe\u{301}", "2")

        #expect(table.lines == ["NAME  N", "日本  1", "cafe\u{301}  2"])
    }
}
