public import Linux

/// One request of one client, from when it has come until it is answered. On the server's loop.
public final class ControlCall {
    /// What is asked for.
    public let request: ControlRequest
    /// Called when the client has left before the answer; nobody hears the answer then.
    public var onAbandoned: () -> Void = {}
    /// Called with what the client has to say to the command that it executes.
    public var onNotice: (CommandNotice.Content) -> Void = { _ in }

    private var descriptors: [SharedDescriptor]
    private var respond: ((Result<ControlResult, ControlFailure>) -> Void)?

    init(
        _ request: ControlRequest, descriptors: [SharedDescriptor],
        respond: @escaping (Result<ControlResult, ControlFailure>) -> Void
    ) {
        self.request = request
        self.descriptors = descriptors
        self.respond = respond
    }

    /// The descriptors that came with the request, in their order; they are the caller's from now on. Those of an answered
    /// call that nobody has taken are closed.
    public func takeDescriptors() -> [SharedDescriptor] {
        defer { descriptors = [] }
        return descriptors
    }

    /// Answers, once and at any time; what comes after that is not heard.
    public func answer(_ answer: Result<ControlResult, ControlFailure>) {
        guard let respond else { return }
        self.respond = nil
        forget()
        respond(answer)
    }

    /// The client has left.
    func abandon() {
        guard respond != nil else { return }
        respond = nil
        let abandoned = onAbandoned
        forget()
        abandoned()
    }

    private func forget() {
        descriptors = []
        onAbandoned = {}
        onNotice = { _ in }
    }
}
