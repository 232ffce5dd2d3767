import Testing

@testable import Control

@Suite struct LineBufferTests {
    private func lines(_ buffer: inout LineBuffer) -> [String] {
        var lines: [String] = []
        while let line = buffer.next() { lines.append(String(decoding: line, as: UTF8.self)) }
        return lines
    }

    @Test(arguments: 1...9)
    func cutsAtNewlinesHoweverTheBytesCome(size: Int) {
        var buffer = LineBuffer()
        var found: [String] = []
        let bytes = Array("one\n\ntwo\nrest".utf8)

        for start in stride(from: 0, to: bytes.count, by: size) {
            buffer.append(bytes[start..<min(start + size, bytes.count)])
            found += lines(&buffer)
        }

        #expect(found == ["one", "", "two"])
        #expect(buffer.count == 4)
    }
}
