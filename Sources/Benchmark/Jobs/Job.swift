import FUSE
import Frontend
import Linux

/// A workload at work on one queue: how to make the next request, and what its reply must be.
///
/// A value of its own for each queue, used by that queue's thread.
protocol Job: SendableMetatype {
    /// There is an end to it, after which `settle` belongs to what is measured.
    static var isFinite: Bool { get }

    /// Makes the first request of an operation in a slot.
    ///
    /// - Returns: False when there are no more operations.
    mutating func begin(_ client: FuseClient, slot: Int, number: UInt64) throws(BackendFault) -> Bool

    /// Looks at a reply, and makes the operation's next request in the same slot if there is one.
    ///
    /// - Returns: The units of the operation if that was its last reply, else nil.
    /// - Throws: A wrong reply, among others.
    mutating func proceed(_ client: FuseClient, _ reply: Reply) throws(BackendFault) -> Int?

    /// Gives back what is still held, when nothing is in flight.
    ///
    /// - Parameters:
    ///   - client: Of the job's queue.
    ///   - forgetter: For nodes.
    /// - Throws: The server's `Errno`, or a `BackendFault`, among them what the host holds that it should not.
    mutating func settle(_ client: FuseClient, _ forgetter: Forgetter) throws
}

extension Job {
    static var isFinite: Bool { false }

    mutating func settle(_ client: FuseClient, _ forgetter: Forgetter) throws {}

    /// A wrong reply.
    func wrong(_ what: String, _ reply: Reply) -> BackendFault {
        let got = reply.error.map { $0.name } ?? "\(reply.body.count) bytes"
        return .malformed("\(what) got a wrong reply (\(got))")
    }
}
