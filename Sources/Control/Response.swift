internal import FoundationEssentials

/// One line to a client: the request's id, and `result` or `error`.
struct ResponseLine: Encodable {
    var id: RequestID
    var answer: Result<ControlResult, ControlFailure>

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: ResponseKey.self)
        try container.encode(id, forKey: .id)
        switch answer {
        case .success(.status(let status)): try container.encode(status, forKey: .result)
        case .success(.added(let added)): try container.encode(added, forKey: .result)
        case .success(.removed(let removed)): try container.encode(removed, forKey: .result)
        case .success(.ended(let ended)): try container.encode(ended, forKey: .result)
        case .success(.stopped(let stopped)): try container.encode(stopped, forKey: .result)
        case .success(.done): _ = container.nestedContainer(keyedBy: ResponseKey.self, forKey: .result)
        case .failure(let failure): try container.encode(failure, forKey: .error)
        }
    }
}

/// A response as the client reads it, which knows what it asked for.
struct Reply<Value: Decodable>: Decodable {
    var id: RequestID
    var result: Value?
    var error: ControlFailure?

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: ResponseKey.self)
        id = try container.decodeIfPresent(RequestID.self, forKey: .id) ?? .none
        result = try container.decodeIfPresent(Value.self, forKey: .result)
        error = try container.decodeIfPresent(ControlFailure.self, forKey: .error)
    }
}

private enum ResponseKey: String, CodingKey {
    case id, result, error
}

/// A value as one line of the protocol, its end included.
func line(_ value: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Only a number that JSON does not have could not be written.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let data = try? encoder.encode(value) else { return [] }
    return Array(data) + [UInt8(ascii: "\n")]
}

/// A line of the server's as the value that it is.
///
/// - Throws: `.malformed`, with the line's beginning.
func parse<Value: Decodable>(_ type: Value.Type, _ line: [UInt8]) throws(ControlClientError) -> Value {
    guard let value = try? JSONDecoder().decode(type, from: Data(line)) else {
        throw .malformed(String(decoding: line.prefix(120), as: UTF8.self))
    }
    return value
}

extension Greeting {
    /// Reads a server's first line.
    ///
    /// - Throws: What came in place of a greeting in this library's protocol.
    init(parsing line: [UInt8]) throws(ControlClientError) {
        self = try parse(Greeting.self, line)
        guard `protocol` == Self.currentProtocol else { throw .otherProtocol(`protocol`) }
    }
}
