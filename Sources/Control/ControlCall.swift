/// One request of one client, from when it has come until it is answered. On the server's loop.
public final class ControlCall {
    /// What is asked for.
    public let request: ControlRequest
    /// Called when the client has left before the answer; nobody hears the answer then.
    public var onAbandoned: () -> Void = {}

    private var respond: ((Result<ControlResult, ControlFailure>) -> Void)?

    init(_ request: ControlRequest, respond: @escaping (Result<ControlResult, ControlFailure>) -> Void) {
        self.request = request
        self.respond = respond
    }

    /// Answers, once and at any time; what comes after that is not heard.
    public func answer(_ answer: Result<ControlResult, ControlFailure>) {
        guard let respond else { return }
        self.respond = nil
        onAbandoned = {}
        respond(answer)
    }

    /// The client has left.
    func abandon() {
        guard respond != nil else { return }
        respond = nil
        let abandoned = onAbandoned
        onAbandoned = {}
        abandoned()
    }
}
