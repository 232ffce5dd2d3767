import Testing

@testable import Commands

@Suite struct LineEditorTests {
    private static let left = "\u{1b}[D"
    private static let right = "\u{1b}[C"

    /// An editor into which this was typed.
    private func editor(_ typed: String, text: String = "", columns: Int = 80) -> LineEditor {
        var editor = LineEditor(prompt: "? ", text: text, columns: columns)
        var decoder = KeyDecoder()
        for key in decoder.decode(Array(typed.utf8)) { _ = editor.press(key) }
        return editor
    }

    @Test(arguments: [
        ("abc", "abc", "abc"), ("abc\u{7f}", "ab", "ab"), ("\u{7f}", "", ""),
        ("ac\(left)b", "abc", "ab"), ("abc\u{1}x", "xabc", "x"), ("abc\u{1}x\u{5}y", "xabcy", "xabcy"),
        ("abc\(left)\(left)\u{1b}[3~", "ac", "a"), ("abc\u{15}", "", ""), ("abc\(left)\u{15}", "c", ""),
        ("abc\(left)\u{b}", "ab", "ab"), ("/one/two/\u{17}", "/one/", "/one/"), ("one two\u{17}\u{17}x", "x", "x"),
        ("abc\u{1b}[H\(right)x\u{1b}[Fy", "axbcy", "axbcy"), ("\(left)\(right)a", "a", "a"),
        ("日本\(left)x\u{7f}\u{7f}", "本", ""),
        // A combining accent joins the letter before, and goes with it.
        ("ae\u{301}", "ae\u{301}", "ae\u{301}"), ("ae\u{301}\u{7f}", "a", "a"),
    ])
    func edits(typed: String, text: String, before: String) {
        let editor = editor(typed)

        #expect(editor.text == text)
        #expect(editor.textBeforeCursor == before)
    }

    @Test(arguments: [
        (Key.enter, LineEditor.Event.accepted), (.tab, .completionAsked), (.escape, .cancelled),
        (.control("c"), .cancelled), (.control("d"), .cancelled), (.up, .refused), (.backspace, .refused),
        (.character("a"), .edited),
    ])
    func tellsWhatAKeyHasDone(key: Key, event: LineEditor.Event) {
        var editor = LineEditor(prompt: "? ", columns: 80)

        #expect(editor.press(key) == event)
    }

    @Test func showsTheLineAndTheCursor() {
        var empty = LineEditor(prompt: "", columns: 80)
        var plain = editor("ab\(Self.left)")
        var wide = editor("日本\(Self.left)")
        var hostile = editor("", text: "a\u{1b}[2Jb")

        #expect(empty.rendered() == "\r\u{1b}[K\r")
        #expect(plain.rendered() == "\r? ab\u{1b}[K\r\u{1b}[3C")
        #expect(wide.rendered() == "\r? 日本\u{1b}[K\r\u{1b}[4C")
        #expect(hostile.rendered() == "\r? a?[2Jb\u{1b}[K\r\u{1b}[8C")
    }

    @Test func scrollsALongLineSideways() {
        // Room for nine columns of text.
        var editor = editor("0123456789abc", columns: 12)
        #expect(editor.rendered() == "\r? 56789abc\u{1b}[K\r\u{1b}[10C")

        for _ in 0..<10 { _ = editor.press(.left) }
        #expect(editor.rendered() == "\r? 3456789ab\u{1b}[K\r\u{1b}[2C")
        _ = editor.press(.home)
        #expect(editor.rendered() == "\r? 012345678\u{1b}[K\r\u{1b}[2C")
        _ = editor.press(.control("k"))
        editor.insert("日本語日本語")
        #expect(editor.rendered() == "\r? 語日本語\u{1b}[K\r\u{1b}[10C")
        editor.columns = 80
        #expect(editor.rendered() == "\r? 日本語日本語\u{1b}[K\r\u{1b}[14C")
    }
}
