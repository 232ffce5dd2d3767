import CLinux
import CObserver
import FileService
import Frontend
import Glibc
import Linux
import Logging
import Sandbox
import SystemPackage
import TestSupport
import Testing

@testable import ShareHost

/// What is not done for a request: work of the runtime.
extension SystemCallListTests {
    /// What no request needs for certain: done as often as chance has it, and here once.
    func workOfTheRuntime(_ confinement: WorkerConfinement) throws {
        let page = Int(sysconf(CInt(_SC_PAGESIZE)))
        let file = try Linux.Descriptor(result: cl_memfd("observed", UInt64(page)))
        let device = FileSystemDevice(
            requestQueues: 1, confinement: confinement, log: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
        ) { _ in
            let serve: (RequestHandler.Buffers, RequestHandler.Buffers) -> UInt32 = { _, _ in
                Self.useMemory()
                Self.touchMissingPage(of: file.number, page)
                for call in Self.callsOfTheRuntime { _ = co_call(call.0, call.1, call.2, call.3, 0, 0, 0) }
                return 0
            }
            return RequestHandler(
                serve: serve, pace: { _ in .quick }, serveOrWait: { (serve($0, $1), nil) },
                ticket: { SessionTicket() }, serveLater: { readable, writable, _ in serve(readable, writable) })
        }
        let served = ServedDevice(device)
        defer { served.end() }
        let frontend = try served.connect()
        let driver = try HostileDriver(frontend)
        #expect(try driver.send([1, 2, 3]).outcome == .used(0))
    }

    /// The same on a thread that is confined as one that speaks with a frontend.
    func workOfASession(_ confinement: WorkerConfinement) throws {
        try Linux.Thread(name: "session") {
            guard (try? confinement.enter()) != nil, (try? confinement.seal(for: .session)) != nil else { return }
            Self.useMemory()
            for call in Self.callsOfTheRuntime where !Self.ofClocks.contains(call.0) {
                _ = co_call(call.0, call.1, call.2, call.3, 0, 0, 0)
            }
        }.join()
    }

    private static let ofClocks: Set = [Int(SYS_clock_gettime), Int(SYS_clock_nanosleep)]

    private static let callsOfTheRuntime: [(Int, Int, Int, Int)] = [
        (Int(SYS_brk), 0, 0, 0),
        // No page: malloc makes it where its heap has to grow, which that of a thread that has ended may have done.
        (Int(SYS_mprotect), 0, 0, Int(PROT_READ)),
        // Wakes nobody.
        (Int(SYS_futex), 0, 1, 0),
        (Int(SYS_clock_gettime), Int(CLOCK_MONOTONIC), 0, 0),
        (Int(SYS_clock_nanosleep), Int(CLOCK_MONOTONIC), 0, 0),
        // Nothing to go on with: EINTR.
        (Int(SYS_restart_syscall), 0, 0, 0),
        (Int(SYS_getrandom), 0, 0, 0),
        // Nobody has the number 0.
        (Int(SYS_tgkill), 0, 0, Int(SIGABRT)),
        (Int(SYS_getpid), 0, 0, 0), (Int(SYS_gettid), 0, 0, 0),
    ]

    private static func useMemory() {
        var block = malloc(64 << 20)
        block = realloc(block, 128 << 20)
        free(block)
        // More than a heap of malloc's begins with.
        let pieces = (0..<64).map { _ in malloc(60_000) }
        for piece in pieces { free(piece) }
        var set = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &set)
    }

    private static func touchMissingPage(of file: CInt, _ page: Int) {
        var base: UnsafeMutableRawPointer?
        var address: UnsafeMutableRawPointer?
        var length = 0
        guard cl_map_guest_region(file, 0, UInt64(page), &base, &length, &address) == 0, let base else { return }
        _ = cl_ftruncate(file, 0)
        #expect(base.load(as: UInt8.self) == 0)
        _ = cl_unmap_guest_region(base, length)
    }
}
