internal import FoundationEssentials

/// What a client calls one of its requests. The response gives it back as it came.
public enum RequestID: Hashable, Sendable, Codable {
    /// None, or `null`.
    case none
    /// A whole number.
    case integer(Int64)
    /// A text.
    case text(String)

    /// Reads `null`, a whole number or a string.
    ///
    /// - Throws: `DecodingError.typeMismatch` for anything else.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .none
        } else if let number = try? container.decode(Int64.self) {
            self = .integer(number)
        } else {
            self = .text(try container.decode(String.self))
        }
    }

    /// Writes the bare value.
    ///
    /// - Throws: What the encoder does.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .none: try container.encodeNil()
        case .integer(let number): try container.encode(number)
        case .text(let text): try container.encode(text)
        }
    }
}
