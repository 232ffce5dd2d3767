import CLinux
import CObserver
import Glibc
import Linux
import SystemPackage
import Testing

@testable import Sandbox

/// A worker that makes a call which is not on the list: in a process of its own, which may end by it.
@Suite struct ForbiddenCallTests {
    /// How a process ended, and what it wrote.
    private struct End {
        /// What it exited with, or 128 and the signal.
        var status: CInt
        var output: String
    }

    /// Runs `confined-call`, which lies where this program does.
    private func run(_ words: [String]) throws -> End {
        var path = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &path, 4095)
        let own = FilePath(String(decoding: path.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self))
        let program = own.removingLastComponent().appending("confined-call").string
        var (read, write): (CInt, CInt) = (-1, -1)
        try checked(cl_pipe(&read, &write))
        let output = Linux.Descriptor(owning: read)
        let input = Linux.Descriptor(owning: write)
        let map = [cl_fd_mapping(source: write, target: 1), cl_fd_mapping(source: write, target: 2)]
        let arguments = ([program] + words).map { strdup($0) } + [nil]
        defer { for text in arguments { free(text) } }
        // With nothing that would keep Swift's crash reporter away.
        let pid = try checked(
            cl_spawn(program, arguments, [nil], map, 2, UInt32(CL_SPAWN_OUTLIVES.rawValue)))
        _ = consume input
        var said: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while case let count = cl_read(output.number, &piece, piece.count), count > 0 { said += piece.prefix(count) }
        var status: CInt = 0
        try checked(cl_wait(pid, &status, true))
        let code = cl_exit_code(status)
        return End(
            status: code >= 0 ? code : 128 + cl_term_signal(status), output: String(decoding: said, as: UTF8.self))
    }

    @Test func endsTheProcessAndSaysSo() throws {
        let end = try run(["kill", "\(SYS_socket)", "\(AF_INET)", "1"])

        #expect(end.status == 128 + SIGSYS)
        #expect(
            end.output == "sheaf: thread fs-queue-1 made the system call 41, which its seccomp filter forbids\n")
    }

    /// The thread that keeps CAP_SYS_ADMIN opens nothing; and it is the list for files that allows that.
    @Test func letsTheThreadForAttributesOpenNothing() throws {
        let call = ["\(SYS_openat)", "-1", "0", "0"]
        #expect(try run(["kill", "labels"] + call).status == 128 + SIGSYS)
        #expect(try run(["kill"] + call).status == 0)
        #expect(try run(["kill", "labels", "\(SYS_getxattr)", "0", "0", "0"]).status == 0)
    }

    @Test func letsTheThreadThatSpeaksWithAFrontendOpenNothingAndReachNobody() throws {
        for call in [[SYS_openat, -1], [SYS_socket, 1, 1], [SYS_connect, -1], [SYS_execve, 0], [SYS_clone, 0]] {
            let words = call.map { "\($0)" }
            #expect(try run(["kill", "session"] + words).status == 128 + SIGSYS, "\(words)")
        }
        #expect(try run(["kill", "session", "\(SYS_recvmsg)", "-1", "0", "0"]).status == 0)
    }

    /// malloc, asked by a thread for the first time, may open a file that has the number of processors: for one thread of a
    /// process, and which one depends on how many there are.
    @Test func asksForNothingElseWhenAThreadAllocatesForTheFirstTime() throws {
        #expect(try run(["kill", "heap", "20"]).status == 0)
    }

    /// PROT_EXEC; TIOCSTI; SIGKILL.
    @Test(arguments: [
        [Int(SYS_mmap), 0, 4096, 5], [Int(SYS_ioctl), 0, 0x5412], [Int(SYS_tgkill), 1, 1, Int(SIGKILL)],
    ])
    func endsTheProcessForAnArgumentThatIsNotListed(call: [Int]) throws {
        #expect(try run(["kill"] + call.map { "\($0)" }).status == 128 + SIGSYS)
    }

    /// And not by what a crash reporter would ask the kernel for.
    @Test(arguments: [("abort", SIGABRT), ("trap", SIGILL), ("touch", SIGSEGV), ("bus", SIGABRT)])
    func endsTheProcessByTheCrashItself(crash: String, signal: CInt) throws {
        let end = try run(["kill", crash])

        #expect(end.status == 128 + signal, "\(end.output)")
        #expect(!end.output.contains("system call"), "\(end.output)")
    }

    @Test func tellsWhomItWasToldToAndLeavesTheRestToThem() throws {
        #expect(try run(["kill", "told", "\(SYS_ptrace)"]).status == 7)
    }

    @Test func endsTheProcessWhenNobodyElseDoes() throws {
        #expect(try run(["kill", "untold", "\(SYS_ptrace)"]).status == 125)
    }

    @Test(arguments: ["log", "off"]) func isMadeWhereTheProcessIsNotToEnd(mode: String) throws {
        // A socket of no family.
        let end = try run([mode, "\(SYS_socket)", "-1"])

        #expect(end.status == 0)
        #expect(end.output == "-1\n")
    }

    @Test(.enabled(if: cl_thread_may_change_ids()))
    func keepsTheCapabilitiesOfAFileServerAlone() throws {
        nonisolated(unsafe) var kept: UInt64 = 0
        nonisolated(unsafe) var bounding: [CInt] = []
        let before = cl_thread_capabilities()
        let thread = try Linux.Thread(name: "fs-queue-1") {
            let confinement = WorkerConfinement(seccomp: .off)
            _ = try? confinement.enter()
            try? confinement.seal()
            kept = cl_thread_capabilities()
            // PR_CAPBSET_READ.
            bounding = (0..<41).filter { co_call(Int(SYS_prctl), 23, Int($0), 0, 0, 0, 0) == 1 }
        }
        thread.join()

        let allowed = Capability.mask(WorkerConfinement.Duty.files.capabilities)
        #expect(kept == before & allowed)
        #expect(bounding.allSatisfy { allowed >> UInt64($0) & 1 == 1 }, "\(bounding)")
        #expect(cl_thread_capabilities() == before)
    }

    @Test(.enabled(if: cl_landlock_version() >= 6)) func reachesNobodyOverTheNetOrBySignals() throws {
        // Even without a filter.
        #expect(try run(["off", "reach"]).status == 0)
    }
}
