/// What guests have done with one share since it was added, and what they hold of it now.
///
/// Summed while requests are served: each number is one that was true lately, not all at one moment.
public struct ChildActivity: Equatable, Sendable {
    /// Requests about something in the share, its root directory included.
    public var requests: UInt64 = 0
    /// Bytes that guests have read from files.
    public var bytesRead: UInt64 = 0
    /// Bytes that guests have written to files or had copied there.
    public var bytesWritten: UInt64 = 0
    /// Requests that were refused or failed; an answer by which programs find things out is none.
    public var errors: UInt64 = 0
    /// Files and directories that guests have open.
    public var openHandles = 0
    /// Inodes that the guest knows, without the share's root directory.
    public var liveInodes = 0
    /// The last of the errors; nil when there was none.
    public var lastError: ChildError?

    /// Nothing was done yet.
    public init() {}

    /// Adds another share's.
    public mutating func add(_ other: ChildActivity) {
        requests &+= other.requests
        bytesRead &+= other.bytesRead
        bytesWritten &+= other.bytesWritten
        errors &+= other.errors
        openHandles &+= other.openHandles
        liveInodes &+= other.liveInodes
        if let theirs = other.lastError, theirs.time > lastError?.time ?? 0 { lastError = theirs }
    }
}
