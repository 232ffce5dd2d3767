import CLinux
import Glibc
import Linux
import Synchronization
import SystemPackage
import TestSupport
import Testing

@Suite struct HeldInodeTests {
    /// A filter that answers one call with EPERM, as a container's may: struct sock_filter by struct sock_filter.
    private static func refusing(_ call: Int) -> [UInt64] {
        func instruction(_ code: UInt64, _ value: UInt64, orSkip skipped: UInt64 = 0) -> UInt64 {
            code | skipped << 24 | value << 32
        }
        return [
            instruction(0x20, 0),  // BPF_LD | BPF_W | BPF_ABS: the call's number
            instruction(0x15, UInt64(call), orSkip: 1),  // BPF_JMP | BPF_JEQ | BPF_K
            instruction(0x06, 0x0005_0000 | UInt64(EPERM)),  // BPF_RET | BPF_K: SECCOMP_RET_ERRNO
            instruction(0x06, 0x7FFF_0000),  // SECCOMP_RET_ALLOW
        ]
    }

    /// open_tree(2), the same number on every architecture.
    private static let openTree = 428

    @Test(arguments: [false, true])
    func holdsTheInodeOfAnOpenFile(isRefused: Bool) throws {
        let directory = try TemporaryDirectory()
        try directory.folder.write("file", [1])
        let file = try Descriptor(result: cl_openat(CL_AT_FDCWD, directory.folder.path(of: "file"), O_RDWR, 0))
        let links = try Descriptor(result: cl_openat(CL_AT_FDCWD, "/proc/self/fd", CL_O_PATH, 0))
        try #require(unlink(directory.folder.path(of: "file")) == 0)
        let (open, fds) = (file.number, links.number)
        let result = Mutex<(filter: CInt, held: CInt, withoutLinks: CInt)>((0, -1, -1))

        // A filter is the thread's for good.
        let thread = try Linux.Thread(name: "holds") {
            var filter: CInt = 0
            if isRefused {
                let program = Self.refusing(Self.openTree)
                filter = min(cl_no_new_privileges(), cl_load_filter(program, UInt16(program.count)))
            }
            guard filter == 0 else { return result.withLock { $0.filter = filter } }
            result.withLock { $0 = (filter, cl_hold(fds, open), isRefused ? cl_hold(-1, open) : -EBADF) }
        }
        thread.join()

        let (filter, number, withoutLinks) = result.withLock { $0 }
        try checked(filter)
        // It is by them that it was held, and not by the call.
        #expect(withoutLinks == -EBADF)
        let held = try Descriptor(result: number)
        #expect(fcntl(held.number, F_GETFL) & CL_O_PATH != 0)
        #expect(fcntl(held.number, F_GETFD) == FD_CLOEXEC)
        var (first, second) = (cl_statx(), cl_statx())
        try checked(cl_statx(open, nil, &first))
        try checked(cl_statx(held.number, nil, &second))
        #expect(first.ino == second.ino && second.nlink == 0)
    }
}
