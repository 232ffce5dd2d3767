import CLinux
import Glibc
import Linux
import Synchronization
import SystemPackage

/// Ends the program when no reply has come for ten seconds: the measuring loop waits without a limit, which saves it a
/// system call for each wake-up.
final class Watchdog: Sendable {
    private let replies = Atomic<UInt64>(0)
    private let isArmed = Atomic<Bool>(false)

    /// Starts watching, from its own thread, which ends with the program.
    ///
    /// - Throws: What pthread_create(3) failed with.
    init() throws(Errno) {
        _ = try Thread(name: "watchdog") { [self] in
            var last: UInt64 = 0
            var idle = 0
            while true {
                sleep(1)
                let now = replies.load(ordering: .relaxed)
                idle = isArmed.load(ordering: .relaxed) && now == last ? idle + 1 : 0
                last = now
                if idle >= 10 {
                    let message = "sheaf-bench: the backend has not replied for 10 seconds\n"
                    _ = message.withCString { write(2, $0, strlen($0)) }
                    exit(1)
                }
            }
        }
    }

    /// Says that replies are being waited for, or are not.
    func arm(_ isArmed: Bool) { self.isArmed.store(isArmed, ordering: .relaxed) }

    /// Says that replies have come.
    func note(_ total: UInt64) { replies.store(total, ordering: .relaxed) }
}
