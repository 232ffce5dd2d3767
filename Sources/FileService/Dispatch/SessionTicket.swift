/// The session in which a request came, and so which nodes and handles its numbers stand for.
public struct SessionTicket: Sendable {
    let session: Session?

    init(session: Session?) {
        self.session = session
    }

    /// A ticket of no session, such as before INIT: every request but that is refused.
    public init() {
        session = nil
    }
}
