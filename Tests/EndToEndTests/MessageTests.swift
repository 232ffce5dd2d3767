import Foundation
import Testing

extension Boots {
    /// How many requests a guest sends for what programs do all the time, in a share with the usual policy.
    @Suite struct MessageTests {
        /// What a program does, and the most requests it may cost: between what it costs and what it does where a server says
        /// nothing of missing names, links, FLUSH and cached pages. Before each the share rests until the guest believes
        /// nothing of it any more.
        private static let workloads: [(name: String, script: String, most: Int)] = [
            (
                "open, read and close a file, 10 times",
                "for (1 .. 10) { my $f = POSIX::open(\"file\"); POSIX::read($f, $b, 9); POSIX::close($f) }", 32
            ),
            ("stat a missing name, 10 times", "stat \"missing\" for 1 .. 10", 7),
            ("readlink, 10 times", "readlink \"link\" for 1 .. 10", 7),
            (
                "write 4 KiB, 100 times",
                "$f = POSIX::open(\"f\", O_WRONLY | O_CREAT, 0644); POSIX::write($f, \"x\" x 4096, 4096) for 1 .. 100",
                120
            ),
            ("read 1 MiB", "$f = POSIX::open(\"big\"); POSIX::read($f, $b, 1 << 20)", 20),
            ("read 1 MiB again", "$f = POSIX::open(\"big\"); POSIX::read($f, $b, 1 << 20)", 7),
        ]

        @Test func sendsFewRequestsForWhatProgramsDoAllTheTime() async throws {
            let scratch = try Scratch()
            let share = try scratch.directory("share")
            try "content".write(toFile: "\(share)/file", atomically: false, encoding: .utf8)
            try FileManager.default.createSymbolicLink(atPath: "\(share)/link", withDestinationPath: "file")
            let big = Data(repeating: 7, count: 1 << 20)
            try #require(FileManager.default.createFile(atPath: "\(share)/big", contents: big))
            let guest = try await LiveGuest("6.12", ["-v", "\(share):/share"])
            for (name, script, most) in Self.workloads {
                let before = try await guest.requests(at: "/share")
                _ = try await guest.ask(
                    "cd /share; perl -MPOSIX -e 'select undef, undef, undef, 1.5; \(script)'; cd /")
                let sent = try await guest.requests(at: "/share") - before
                print("\(name): \(sent) requests")
                #expect(sent <= most, "\(name)")
            }
            _ = try await guest.end()
        }
    }
}
