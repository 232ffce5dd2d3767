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
        /// The VM cannot tell now: it is about to end.
        public static let unavailable = Code(rawValue: "unavailable")
    }

    /// The kind, for programs.
    public var code: Code
    /// A sentence, for people.
    public var message: String

    /// A failure of a kind.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// For people.
    public var description: String { message }
}
