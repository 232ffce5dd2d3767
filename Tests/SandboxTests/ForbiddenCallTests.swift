import CLinux
import CObserver
import Glibc
import Linux
import SystemPackage
import Testing

@testable import Sandbox

/// A worker that makes a call which is not on the list.
@Suite struct ForbiddenCallTests {
    /// Makes a call on a sealed thread; what it returned, or nil where the thread did not come so far.
    private static func call(_ seccomp: SeccompMode, _ number: Int, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0) -> Int {
        nonisolated(unsafe) var result = Int.min
        let thread = try? Linux.Thread(name: "fs-queue-1") {
            do throws(Errno) {
                let confinement = WorkerConfinement(seccomp: seccomp)
                try confinement.enter()
                try confinement.seal()
            } catch {
                return
            }
            result = co_call(number, a, b, c, 0, 0, 0)
        }
        thread?.join()
        return result
    }

    @Test func endsTheProcessAndSaysSo() async throws {
        let result = try #require(
            await #expect(processExitsWith: .exitCode(128 + SIGSYS), observing: [\.standardErrorContent]) {
                _ = ForbiddenCallTests.call(.kill, Int(SYS_socket), Int(AF_INET), 1)
            })

        let said = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(said.contains("sheaf: thread fs-queue-1 made the system call 41, which its seccomp filter forbids\n"))
    }

    @Test func endsTheProcessForAnArgumentThatIsNotListed() async {
        // PROT_EXEC; TIOCSTI; SIGKILL to this very thread.
        await #expect(processExitsWith: .exitCode(128 + SIGSYS)) {
            _ = ForbiddenCallTests.call(.kill, Int(SYS_mmap), 0, 4096, 5)
        }
        await #expect(processExitsWith: .exitCode(128 + SIGSYS)) {
            _ = ForbiddenCallTests.call(.kill, Int(SYS_ioctl), 0, 0x5412)
        }
        await #expect(processExitsWith: .exitCode(128 + SIGSYS)) {
            _ = ForbiddenCallTests.call(.kill, Int(SYS_tgkill), Int(getpid()), Int(getpid()), Int(SIGKILL))
        }
    }

    @Test func aborts() async {
        await #expect(processExitsWith: .signal(SIGABRT)) {
            let thread = try? Linux.Thread(name: "fs-queue-1") {
                let confinement = WorkerConfinement(seccomp: .kill)
                _ = try? confinement.enter()
                try? confinement.seal()
                abort()
            }
            thread?.join()
        }
    }

    @Test func tellsWhomItWasToldToAndLeavesTheRestToThem() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let notice = cl_eventfd(0, false)
            ForbiddenCall.tell(notice, patience: 60_000, status: 125)
            let thread = try? Linux.Thread(name: "fs-queue-1") {
                let confinement = WorkerConfinement(seccomp: .kill)
                _ = try? confinement.enter()
                try? confinement.seal()
                _ = co_call(Int(SYS_ptrace), 0, 0, 0, 0, 0, 0)
                _exit(1)
            }
            thread?.detach()
            _ = cl_eventfd_wait(notice)
            guard let call = ForbiddenCall.first, call.call == "ptrace (101)", call.thread == "fs-queue-1" else {
                _exit(2)
            }
            _exit(7)
        }
    }

    @Test func endsTheProcessWhenNobodyElseDoes() async {
        await #expect(processExitsWith: .exitCode(125)) {
            ForbiddenCall.tell(cl_eventfd(0, false), patience: 200, status: 125)
            _ = ForbiddenCallTests.call(.kill, Int(SYS_ptrace))
        }
    }

    @Test func isMadeWhereItIsOnlyLogged() {
        // A socket of no family.
        #expect(Self.call(.log, Int(SYS_socket), -1) == -1)
        #expect(Self.call(.off, Int(SYS_socket), -1) == -1)
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

        #expect(kept == before & Capability.mask(WorkerConfinement.keptCapabilities))
        #expect(Set(bounding) == Set(WorkerConfinement.keptCapabilities.map { CInt($0.rawValue) }))
        #expect(cl_thread_capabilities() == before)
    }

    @Test(.enabled(if: cl_landlock_version() >= 6)) func reachesNobodyOverTheNetOrBySignals() async {
        // Even without a filter. No other process is in the thread's domain.
        await #expect(processExitsWith: .exitCode(0)) {
            let parent = getppid()
            let thread = try? Linux.Thread(name: "fs-queue-1") {
                let confinement = WorkerConfinement(seccomp: .off)
                _ = try? confinement.enter()
                try? confinement.seal()
                guard kill(parent, 0) == -1, errno == EPERM else { _exit(1) }
                let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_addr.s_addr = 0x0100_007f
                address.sin_port = 0x0100
                let result = withUnsafePointer(to: &address) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
                guard result == -1, errno == EACCES else { _exit(2) }
                _exit(0)
            }
            thread?.join()
        }
    }
}
