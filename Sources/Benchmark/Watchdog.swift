import CLinux
import Glibc
import Linux
import Synchronization
import SystemPackage

/// Ends the program when no reply has come for ten seconds: the measuring loops wait without a limit, which saves them a
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
                    FileDescriptor.standardError.say("sheaf-bench: a backend has not replied for 10 seconds")
                    exit(1)
                }
            }
        }
    }

    /// Says that replies are being waited for, or are not.
    func arm(_ isArmed: Bool) { self.isArmed.store(isArmed, ordering: .relaxed) }

    /// Says that replies have come. What two threads say at the same moment may count once: that replies come is all that
    /// matters, and a locked instruction for each batch would not be free.
    func noteReplies() { replies.store(replies.load(ordering: .relaxed) &+ 1, ordering: .relaxed) }
}
