import FoundationEssentials

/// How values are written and read.
enum JSON {
    static func text(_ value: some Encodable, isPretty: Bool) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func value<T: Decodable>(_ type: T.Type, of text: String) throws -> T {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }
}
