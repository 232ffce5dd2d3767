internal import FoundationEssentials

/// What a VM can be asked for: the `method` of a request.
public enum Method: String, CaseIterable, Codable, Sendable {
    /// What the VM is, what it does, and its shares. Answered by a ``MachineStatus``.
    case status
}

/// One line from a client: `{"id":1,"method":"status"}`. Members that are not known mean nothing.
struct RequestLine: Codable {
    var id: RequestID
    /// As the client wrote it: it may be one that is not known here.
    var method: String

    init(id: RequestID, method: Method) {
        self.id = id
        self.method = method.rawValue
    }

    /// Reads a line.
    ///
    /// - Throws: A failure for the client: `.malformed` where the bytes are no JSON object, else `.invalidRequest`.
    init(parsing line: some Sequence<UInt8>) throws(ControlFailure) {
        let bytes = Data(line)
        guard (try? JSONDecoder().decode(Members.self, from: bytes)) != nil else {
            throw ControlFailure(.malformed, "a request is one JSON object on one line")
        }
        do {
            self = try JSONDecoder().decode(Self.self, from: bytes)
        } catch {
            throw ControlFailure(
                .invalidRequest, "a request has an id, which is a whole number or a string, and the name of a method")
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decodeIfPresent(RequestID.self, forKey: .id) ?? .none
        method = try container.decode(String.self, forKey: .method)
    }

    private enum CodingKeys: String, CodingKey {
        case id, method
    }

    /// An object, whatever is in it.
    private struct Members: Decodable {
        init(from decoder: any Decoder) throws {
            _ = try decoder.container(keyedBy: CodingKeys.self)
        }
    }
}
