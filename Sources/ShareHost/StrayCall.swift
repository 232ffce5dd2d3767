#if DEBUG
    internal import CLinux
    internal import FUSE
    internal import Glibc
    internal import Linux

    /// For tests of what becomes of a worker that goes astray, in debug builds alone: with the environment variable
    /// SHEAF_TEST_STRAY_CALL set, whoever asks for STATFS has it make a system call that is not on its list.
    enum StrayCall {
        private static let isWanted = getenv("SHEAF_TEST_STRAY_CALL") != nil

        /// Makes the call, pipe2(2), where it is wanted and `readable` is such a request.
        static func make(for readable: RequestHandler.Buffers) {
            guard isWanted, let first = readable.first, first.iov_len >= 8, let start = first.iov_base,
                Opcode(rawValue: start.loadUnaligned(fromByteOffset: 4, as: UInt32.self)) == .statfs
            else { return }
            var (read, write): (CInt, CInt) = (-1, -1)
            guard cl_pipe(&read, &write) == 0 else { return }
            _ = cl_close(read)
            _ = cl_close(write)
        }
    }
#endif
