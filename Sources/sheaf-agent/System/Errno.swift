import CAgent

/// Why a system call failed.
struct Errno: Error, Equatable {
    /// The number, as in errno(3).
    let code: Int32

    static let invalidArgument = Errno(code: EINVAL)
    static let noSuchFile = Errno(code: ENOENT)
    static let fileExists = Errno(code: EEXIST)
    static let isDirectory = Errno(code: EISDIR)
    static let isBusy = Errno(code: EBUSY)
    static let wouldBlock = Errno(code: EAGAIN)
    static let timedOut = Errno(code: ETIMEDOUT)
    static let canceled = Errno(code: ECANCELED)
    static let brokenPipe = Errno(code: EPIPE)
    static let inputOutput = Errno(code: EIO)
}

/// The result of a call that leaves its reason in errno.
@discardableResult
func checked(_ result: Int32) throws(Errno) -> Int32 {
    guard result >= 0 else { throw Errno(code: agent_errno()) }
    return result
}

/// The result of a call of the C shim, which returns its reason.
@discardableResult
func unwrapped(_ result: Int32) throws(Errno) -> Int32 {
    guard result >= 0 else { throw Errno(code: -result) }
    return result
}
