import Foundation
import Testing

extension Boots {
    /// When a guest sees what the host has changed, and what it does not ask again.
    @Suite(.serialized) struct CachePolicyTests {
        @Test func showsWhatTheHostChangesAsThePolicyHasIt() async throws {
            let scratch = try Scratch()
            var arguments: [String] = []
            let policies = ["auto", "always", "never", "metadata"]
            for policy in policies {
                let share = try scratch.directory(policy)
                for name in ["edited", "removed"] {
                    try "old".write(toFile: "\(share)/\(name)", atomically: false, encoding: .utf8)
                }
                arguments += ["-v", "\(share):/\(policy),cache=\(policy)"]
            }
            let guest = try await LiveGuest("6.12", arguments)
            let look = """
                for p in \(policies.joined(separator: " ")); do
                    cd /$p; echo $p $(cat edited) $(ls) $(cat made) $(cat removed)
                done 2>&-
                """
            let before = policies.map { "\($0) old edited removed old" }.joined(separator: "\n")
            #expect(try await guest.ask(look) == before)

            for policy in policies {
                let share = scratch.path(policy)
                // In place: the name is the same, the content longer.
                let file = try #require(FileHandle(forWritingAtPath: "\(share)/edited"))
                try file.write(contentsOf: Data("newer".utf8))
                try "new".write(toFile: "\(share)/made", atomically: false, encoding: .utf8)
                try FileManager.default.removeItem(atPath: "\(share)/removed")
            }
            let now = "newer edited made new"
            let atOnce = try await guest.ask(look).split(separator: "\n").map(String.init)
            #expect(atOnce.count == 4)
            #expect(atOnce.last { $0.hasPrefix("never") } == "never \(now)")
            let later = try await guest.ask("sleep 1.2; \(look)").split(separator: "\n").map(String.init)
            #expect(later.last { $0.hasPrefix("auto") } == "auto \(now)")
            #expect(later.last { $0.hasPrefix("never") } == "never \(now)")
            // Who asks for it sees the host's state under any policy.
            let dropped = try await guest.ask("echo 3 > /proc/sys/vm/drop_caches; \(look)")
            #expect(dropped == policies.map { "\($0) \(now)" }.joined(separator: "\n"))
            _ = try await guest.end()
        }

        @Test func asksNothingTwiceOfWhatNobodyChanges() async throws {
            let scratch = try Scratch()
            for policy in ["auto", "always"] {
                for n in 1...50 {
                    let directory = try scratch.directory("\(policy)/d\(n % 5)")
                    try "\(n)".write(toFile: "\(directory)/f\(n)", atomically: false, encoding: .utf8)
                }
            }
            let guest = try await LiveGuest(
                "6.12",
                ["auto", "always"].flatMap { ["-v", "\(scratch.path($0)):/\($0),ro,cache=\($0)"] })
            func requests() async throws -> [String: Int] {
                let status = try await guest.json("status", guest.name)
                var counts: [String: Int] = [:]
                for share in try #require(status["shares"] as? [[String: Any]]) {
                    guard let source = share["source"] as? String, source.hasPrefix(scratch.root),
                        let activity = share["activity"] as? [String: Any], let count = activity["requests"] as? Int
                    else { continue }
                    counts[String(source.dropFirst(scratch.root.count + 1))] = count
                }
                return counts
            }
            let work = """
                for p in auto always; do cd /$p; find . -type f -exec cat {} + | wc -c; ls -lR | wc -l; ls nothing 2>&1 | wc -l; done
                """
            let found = try await guest.ask(work)
            // A guest asks once more for the attributes of what it has read: for the time of access.
            #expect(try await guest.ask(work) == found)
            let first = try await requests()
            #expect(try await guest.ask("sleep 1.1; \(work)") == found)
            let second = try await requests()

            let auto = try #require(second["auto"]) - (first["auto"] ?? 0)
            let always = try #require(second["always"]) - (first["always"] ?? 0)
            // Each file is still opened and closed, and asked for the attributes that ls(1) wants to see; so are the six
            // directories, by two programs.
            #expect(always <= 3 * 50 + 6 * 6 + 6, "\(always)")
            #expect(auto >= always + 50, "\(auto)")
            _ = try await guest.end()
        }
    }
}
