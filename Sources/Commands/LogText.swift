internal import Linux

/// A log's bytes, as they come, as text for a terminal: lines and tabs stay, and nothing else in it does anything.
struct LogText {
    /// The beginning of a character that has not come whole.
    private var rest: [UInt8] = []

    /// Takes the next bytes.
    ///
    /// - Returns: The text that they make up.
    mutating func append(_ bytes: [UInt8]) -> String {
        let all = rest + bytes
        let whole = all.count - Self.unfinished(all)
        rest = Array(all[whole...])
        // A console ends its lines with both, and Swift takes the two for one character.
        let text = String(decoding: all[..<whole].filter { $0 != 0x0d }, as: UTF8.self)
        var result = ""
        for character in text {
            result += character == "\n" || character == "\t" ? String(character) : printable(character)
        }
        return result
    }

    /// How many of the last bytes are the beginning of one character.
    private static func unfinished(_ bytes: [UInt8]) -> Int {
        for (index, byte) in bytes.suffix(3).reversed().enumerated() where byte & 0xc0 != 0x80 {
            let length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
            return index + 1 < length ? index + 1 : 0
        }
        return 0
    }
}
