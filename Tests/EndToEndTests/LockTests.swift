import Foundation
import Testing

extension Boots {
    /// Who sees the locks of a guest's programs.
    @Suite(.serialized) struct LockTests {
        @Test func sharesLocksWithTheHostWhereTheShareSaysSo() async throws {
            let scratch = try Scratch()
            let seen = try scratch.directory("seen")
            let own = try scratch.directory("own")
            let guest = try await LiveGuest("6.12", ["-v", "\(seen):/seen,locks=host", "-v", "\(own):/own"])
            let file = try HostLock("\(seen)/file")
            let other = try HostLock("\(own)/file")
            #expect(file.take() && other.take())

            let both = "flock -n /seen/file true; echo $?; flock -n /own/file true; echo $?"
            #expect(try await guest.ask(both) == "1\n0")

            // It waits for the host's, and gets it.
            let question = try guest.begin("flock /seen/file date +%s.%N; date +%s.%N")
            try await Task.sleep(for: .seconds(1))
            #expect(!guest.words.contains("\n<\(question)>\n"))
            file.letGo()
            _ = try await guest.answer(to: question)

            // The host waits for the guest's, which goes with its program.
            _ = try await guest.ask("flock /seen/file sleep 1000 & flock /own/file sleep 1000 & sleep 1")
            #expect(!file.take())
            #expect(other.take())
            // A file is closed by its guest a moment after its program has ended.
            _ = try await guest.ask("pkill -KILL sleep; wait; sleep 1")
            #expect(file.take())
            file.letGo()
            other.letGo()

            // Or with the guest.
            _ = try await guest.ask("flock -n /seen/file sleep 1000 & sleep 1")
            #expect(!file.take())
            _ = try await guest.end()
            #expect(file.take())
        }
    }
}

/// A file of the host that flock(2) locks.
private final class HostLock {
    private let descriptor: CInt

    init(_ path: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        try #require(descriptor >= 0)
    }

    deinit { close(descriptor) }

    /// Takes the lock; false when another has it.
    func take() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

    func letGo() { flock(descriptor, LOCK_UN) }
}
