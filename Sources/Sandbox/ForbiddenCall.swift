internal import CLinux

/// A system call that a worker thread was stopped at.
public struct ForbiddenCall: Equatable, Sendable {
    /// The call's name and number: `execve (59)`.
    public let call: String
    /// The thread's name.
    public let thread: String
    /// The thread's number.
    public let threadID: Int32

    /// The first of this process, if there was one.
    public static var first: ForbiddenCall? {
        var call = cl_forbidden_call()
        guard cl_first_forbidden_call(&call) else { return nil }
        let thread = withUnsafeBytes(of: call.name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return ForbiddenCall(
            call: SystemCallFilter.name(ofCall: call.number), thread: thread, threadID: call.thread)
    }

    /// From now on an eventfd is signalled when a worker thread was stopped at a call, which stays where it is. A launcher
    /// that has not ended `patience` milliseconds later is ended, with the exit status `status`: it may wait for a lock that
    /// the thread has.
    ///
    /// - Parameters:
    ///   - notice: The eventfd, open until the end of the process; -1 for none, and then a forbidden call ends the process
    ///     at once.
    ///   - patience: In milliseconds.
    ///   - status: What the process is to exit with.
    public static func tell(_ notice: Int32, patience: UInt32, status: Int32) {
        cl_tell_of_forbidden_calls(notice, patience, status)
    }
}

extension ForbiddenCall: CustomStringConvertible {
    /// A sentence about it.
    public var description: String {
        "the file server was stopped: its thread \(thread) (\(threadID)) made the system call \(call), which is not on "
            + "its seccomp filter's list; please report that; --seccomp log runs without that limit"
    }
}
