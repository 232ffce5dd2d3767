/// What a guest has done with a share since it was added, and what it holds of it now.
public struct ShareActivity: Codable, Equatable, Sendable {
    /// The last request that failed, but for answers that are no trouble, as that there is no such file.
    public struct Failure: Codable, Equatable, Sendable {
        /// The errno's name, such as `ENOSPC`.
        public var errno: String
        /// What was tried: `write`, `create`, ….
        public var operation: String
        /// When, in seconds since 1970.
        public var time: Double

        /// A failure.
        public init(errno: String, operation: String, time: Double) {
            self.errno = errno
            self.operation = operation
            self.time = time
        }
    }

    /// Requests answered.
    public var requests: UInt64
    /// Bytes read.
    public var bytesRead: UInt64
    /// Bytes written.
    public var bytesWritten: UInt64
    /// Requests that failed.
    public var errors: UInt64
    /// Files and directories that the guest has open now.
    public var openHandles: Int
    /// Files and directories that the guest remembers now.
    public var liveInodes: Int
    /// The last failure.
    public var lastError: Failure?

    /// No activity, or this much.
    public init(
        requests: UInt64 = 0, bytesRead: UInt64 = 0, bytesWritten: UInt64 = 0, errors: UInt64 = 0, openHandles: Int = 0,
        liveInodes: Int = 0, lastError: Failure? = nil
    ) {
        self.requests = requests
        self.bytesRead = bytesRead
        self.bytesWritten = bytesWritten
        self.errors = errors
        self.openHandles = openHandles
        self.liveInodes = liveInodes
        self.lastError = lastError
    }
}
