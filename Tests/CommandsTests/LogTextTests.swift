import Testing

@testable import Commands

@Suite struct LogTextTests {
    @Test(arguments: 1...7)
    func showsNothingThatATerminalWouldObeyHoweverTheBytesCome(size: Int) {
        var text = LogText()
        let bytes = Array("é\tone\r\n\u{1b}[31mr\u{9b}d\n日本 €\n".utf8) + [0x9b, 0xff, 0x0a, 0xe2, 0x82]
        var shown = ""

        for start in stride(from: 0, to: bytes.count, by: size) {
            shown += text.append(Array(bytes[start..<min(start + size, bytes.count)]))
        }

        #expect(shown == "é\tone\n?[31mr?d\n日本 €\n\u{fffd}\u{fffd}\n")
    }
}
