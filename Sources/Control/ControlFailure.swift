/// Why a request was not done: the `error` of a response.
public struct ControlFailure: Error, Codable, Equatable, Sendable, CustomStringConvertible {
    /// The kind of a failure, for programs. A client must bear kinds that it does not know.
    public struct Code: RawRepresentable, Codable, Hashable, Sendable {
        /// The kind's name in the protocol.
        public let rawValue: String

        /// A kind by its name.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// There is no such method.
        public static let unknownMethod = Code(rawValue: "unknown-method")
        /// The line is no JSON object. The connection is closed.
        public static let malformed = Code(rawValue: "malformed")
        /// The line is longer than ``ControlServer/longestLine``. The connection is closed.
        public static let lineTooLong = Code(rawValue: "line-too-long")
        /// A JSON object that is no request.
        public static let invalidRequest = Code(rawValue: "invalid-request")
        /// The client belongs to another user. The connection is closed.
        public static let notAllowed = Code(rawValue: "not-allowed")
        /// The VM cannot do it now: it is not up yet, or about to end.
        public static let unavailable = Code(rawValue: "unavailable")
        /// Nothing here can do it, as run a command where there is no agent.
        public static let unsupported = Code(rawValue: "unsupported")
        /// The host refuses: its errno is in ``ControlFailure/errno``. Nothing has changed.
        public static let host = Code(rawValue: "host")
        /// The guest refuses: its errno is in ``ControlFailure/errno``. What had been done on the host is undone.
        public static let guest = Code(rawValue: "guest")
        /// The guest has not answered in time. What had been done on the host is undone, and what the guest may still do of it
        /// is undone when it answers.
        public static let guestSilent = Code(rawValue: "guest-silent")
        /// The guest has gone, or has begun anew, while it did it.
        public static let guestLost = Code(rawValue: "guest-lost")
        /// There is no such share.
        public static let noSuchShare = Code(rawValue: "no-such-share")
        /// Something in the guest uses the share; `force` takes it away all the same.
        public static let busy = Code(rawValue: "busy")
    }

    /// The kind, for programs.
    public var code: Code
    /// A sentence, for people.
    public var message: String
    /// The name of the errno behind it, such as `ENOENT`, where there is one.
    public var errno: String?

    /// A failure of a kind.
    public init(_ code: Code, _ message: String, errno: String? = nil) {
        self.code = code
        self.message = message
        self.errno = errno
    }

    /// For people.
    public var description: String { message }
}
