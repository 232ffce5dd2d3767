/// A share that has left its aggregate's synthetic root, and whose files on the host are still to be closed.
public struct ChildDeparture: Sendable {
    private let child: Child
    private let session: Session?

    init(child: Child, session: Session?) {
        self.child = child
        self.session = session
    }

    /// The share as it was.
    public var share: ChildSummary { child.summary }

    /// Lets go of what the guest does not need any more: of everything, if the share was revoked. No lock may be held: the
    /// host may take its time to close a file.
    public func finish() {
        if child.isRevoked { session?.revoke(child) }
        session?.dropRoot(of: child)
    }
}
