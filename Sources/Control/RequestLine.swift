internal import FoundationEssentials

/// One line from a client: `{"id":1,"method":"status"}`, with `params` where the method has some. Members that are not known
/// mean nothing.
struct RequestLine: Encodable {
    var id: RequestID
    var request: ControlRequest

    init(id: RequestID, request: ControlRequest) {
        self.id = id
        self.request = request
    }

    /// A line that cannot be done, and the request that it answers to where it has an id.
    struct Refusal: Error {
        var id: RequestID
        var failure: ControlFailure
    }

    /// Reads a line.
    ///
    /// - Throws: A failure for the client: `.malformed` where the bytes are no JSON object, else `.invalidRequest` or
    ///   `.unknownMethod`.
    init(parsing line: some Sequence<UInt8>) throws(Refusal) {
        let bytes = Data(line)
        guard (try? JSONDecoder().decode(Members.self, from: bytes)) != nil else {
            throw Refusal(id: .none, failure: ControlFailure(.malformed, "a request is one JSON object on one line"))
        }
        let head: Head
        do {
            head = try JSONDecoder().decode(Head.self, from: bytes)
        } catch {
            let text = "a request has an id, which is a whole number or a string, and the name of a method"
            throw Refusal(id: .none, failure: ControlFailure(.invalidRequest, text))
        }
        id = head.id ?? .none
        guard ControlRequest.methods.contains(head.method) else {
            let known = ControlRequest.methods.joined(separator: ", ")
            let text = "there is no method of that name (there are: \(known))"
            throw Refusal(id: id, failure: ControlFailure(.unknownMethod, text))
        }
        do {
            request = try JSONDecoder().decode(Body.self, from: bytes).request
        } catch {
            let text = "the params of \(head.method) are not what it takes\(Self.explained(error))"
            throw Refusal(id: id, failure: ControlFailure(.invalidRequest, text))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(id, forKey: .id)
        try container.encode(request.method, forKey: .method)
        switch request {
        case .status: break
        case .addShare(let params): try container.encode(params, forKey: .params)
        case .removeShare(let params): try container.encode(params, forKey: .params)
        case .changeShare(let params): try container.encode(params, forKey: .params)
        case .execute(let params): try container.encode(params, forKey: .params)
        case .notify(let params): try container.encode(params, forKey: .params)
        case .stop(let params): try container.encode(params, forKey: .params)
        }
    }

    private static func explained(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, _): ": '\(key.stringValue)' is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            context.codingPath.last.map { ": '\($0.stringValue)' is of another type" } ?? ""
        default: ""
        }
    }

    private enum Key: String, CodingKey {
        case id, method, params
    }

    /// An object, whatever is in it.
    private struct Members: Decodable {
        init(from decoder: any Decoder) throws {
            _ = try decoder.container(keyedBy: Key.self)
        }
    }

    private struct Head: Decodable {
        var id: RequestID?
        /// As the client wrote it: it may be one that is not known here.
        var method: String
    }

    private struct Body: Decodable {
        var request: ControlRequest

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            switch try container.decode(String.self, forKey: .method) {
            case "share.add": request = .addShare(try container.decode(ShareAddition.self, forKey: .params))
            case "share.remove": request = .removeShare(try container.decode(ShareRemoval.self, forKey: .params))
            case "share.set": request = .changeShare(try container.decode(ShareChange.self, forKey: .params))
            case "exec": request = .execute(try container.decode(CommandExecution.self, forKey: .params))
            case "exec.resize", "exec.signal":
                request = .notify(try container.decode(CommandNotice.self, forKey: .params))
            case "stop":
                request = .stop(try container.decodeIfPresent(MachineStop.self, forKey: .params) ?? MachineStop())
            default: request = .status
            }
        }
    }
}
