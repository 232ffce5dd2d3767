internal import CLinux
public import SystemPackage

/// The one owner of a file descriptor: closed when it goes out of scope, never twice.
public struct Descriptor: ~Copyable, Sendable {
    /// The descriptor's number, to be lent to a call and never to be closed through.
    public let number: CInt

    /// Takes over a descriptor that somebody opened.
    public init(owning number: CInt) {
        self.number = number
    }

    /// Takes over what a wrapper of CLinux returned.
    ///
    /// - Parameter result: A descriptor, or a negated errno.
    /// - Throws: The errno in `result`.
    public init(result: CInt) throws(Errno) {
        self.number = try checked(result)
    }

    /// Gives the descriptor up to the caller, who closes it from now on.
    public consuming func release() -> CInt {
        let number = self.number
        discard self
        return number
    }

    /// Another descriptor of the same open file, close-on-exec. Corresponds to `fcntl(F_DUPFD_CLOEXEC)`.
    public func duplicate() throws(Errno) -> Descriptor {
        try Descriptor(result: cl_duplicate(number))
    }

    deinit {
        // A failed close has still closed the descriptor (close(2), Linux): there is nothing to try again.
        _ = cl_close(number)
    }
}

/// Makes a pair of connected stream sockets, both close-on-exec. Corresponds to `socketpair(2)`.
///
/// Frozen, so that other modules may take one end out.
@frozen
public struct SocketPair: ~Copyable {
    /// The end that stays here.
    public var near: Descriptor
    /// The end that is handed to somebody else.
    public var far: Descriptor

    /// Opens the pair.
    ///
    /// - Throws: What socketpair(2) failed with, such as EMFILE.
    public init() throws(Errno) {
        var first: CInt = -1
        var second: CInt = -1
        _ = try checked(cl_socketpair(&first, &second))
        near = Descriptor(owning: first)
        far = Descriptor(owning: second)
    }
}

/// A pipe, both ends close-on-exec. Corresponds to `pipe2(2)`.
@frozen
public struct Pipe: ~Copyable {
    /// Where its bytes come out.
    public var readingEnd: Descriptor
    /// Where they go in.
    public var writingEnd: Descriptor

    /// Opens the pipe.
    ///
    /// - Throws: What pipe2(2) failed with, such as EMFILE.
    public init() throws(Errno) {
        var reading: CInt = -1
        var writing: CInt = -1
        _ = try checked(cl_pipe(&reading, &writing))
        readingEnd = Descriptor(owning: reading)
        writingEnd = Descriptor(owning: writing)
    }
}
