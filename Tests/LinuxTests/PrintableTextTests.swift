import Linux
import SystemPackage
import Testing

@Suite struct PrintableTextTests {
    @Test(arguments: [
        ("plain\nlines\n", "plain\nlines\n"), ("\u{1b}[2J\u{1b}]0;t\u{7}", "?[2J?]0;t?"),
        ("a\r\nb\n\n\u{9b}c", "a?\nb\n\n?c"), ("für\n\u{202e}x", "für\n?x"), ("", ""), ("\n", "\n"), ("a\0b", "a?b"),
    ])
    func leavesLinesAndNothingElseThatATerminalObeys(text: String, printed: String) {
        #expect(printable(lines: text) == printed)
    }

    @Test func saysNothingButText() throws {
        let pipe = try Pipe()

        FileDescriptor(rawValue: pipe.writingEnd.number).say("QEMU ended: \u{1b}]0;title\u{7}\nand more")

        var bytes = [UInt8](repeating: 0, count: 100)
        let count = try bytes.withUnsafeMutableBytes {
            try FileDescriptor(rawValue: pipe.readingEnd.number).read(into: $0)
        }
        #expect(String(decoding: bytes.prefix(count), as: UTF8.self) == "QEMU ended: ?]0;title?\nand more\n")
    }
}
