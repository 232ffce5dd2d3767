import Foundation
import Testing

extension Boots {
    /// What guests may believe of shares: what it saves, and how long it takes until a change on the host is seen.
    @Suite(.serialized) struct CacheTests {
        private static let policies = ["auto", "always", "never", "metadata"]

        /// Looks at five things that the host will change, in a share of each policy, all the time: the data, the size, the
        /// name, the absence and the presence of a file. When it sees the file `go` of the share `never`, the host has
        /// changed them all. Prints after how many seconds each was seen to have changed, `-` for not in four seconds, and
        /// the longest time between two looks.
        private static let observer = #"""
            use Time::HiRes "time"; use POSIX;
            sub data { my $f = POSIX::open("$_[0]/data", O_RDONLY); POSIX::read($f, my $b, 16); POSIX::close($f); $b }
            sub look { (data($_[0]), (stat "$_[0]/size")[7], -e "$_[0]/name" ? 1 : 0, -e "$_[0]/new" ? 1 : 0,
              -e "$_[0]/gone" ? 1 : 0) }
            my @policies = qw(auto always never metadata); my (%before, %seen);
            for (1, 2) { $before{$_} = [look("/$_")] for @policies }
            $| = 1; print "ready\n";
            my ($go, $last, $gap);
            while (!$go || time < $go + 4) {
              my $now = time;
              if ($go) { $gap = $now - $last if $now - $last > $gap } elsif (-e "/never/go") { $go = $now }
              $last = $now;
              for my $p (@policies) { my @now = look("/$p");
                for (0 .. 4) { $seen{"$p $_"} //= time if $now[$_] ne $before{$p}[$_] } }
            }
            for my $p (@policies) {
              print join(" ", $p, map { my $t = $seen{"$p $_"}; !defined $t ? "-" : sprintf "%.3f", $t > $go ? $t - $go : 0 }
                0 .. 4), "\n" }
            printf "gap %.3f\n", $gap;
            my $f = POSIX::open("/proc/sys/vm/drop_caches", O_WRONLY); POSIX::write($f, "3", 1); my $dropped = 0;
            for my $p (@policies) { my @now = look("/$p"); $now[$_] ne $before{$p}[$_] && ++$dropped for 0 .. 4 }
            print "dropped $dropped\n";
            """#

        @Test func showsWhatTheHostChangesInTheTimeThatAPolicyNames() async throws {
            let scratch = try Scratch()
            var shares: [String] = []
            for policy in Self.policies {
                let share = try scratch.directory(policy)
                for (name, content) in [("data", "before"), ("size", "1"), ("name", ""), ("gone", "")] {
                    try content.write(toFile: "\(share)/\(name)", atomically: false, encoding: .utf8)
                }
                shares += ["-v", "\(share):/\(policy):rw,cache=\(policy)"]
            }
            try Self.observer.write(toFile: scratch.path("never/observer"), atomically: false, encoding: .utf8)
            let program = try Program(Sheaf.run(arguments: shares + ["--", "perl", "/never/observer"]))
            let isReady = try await program.waits(upTo: 300) { program.outputSoFar.contains("ready\n") }
            try #require(isReady, "\(program.errorsSoFar)")

            for policy in Self.policies {
                let share = scratch.path(policy)
                // The file's own, so that no name changes.
                for (name, content) in [("data", "behind"), ("size", "12345")] {
                    let file = try #require(FileHandle(forWritingAtPath: "\(share)/\(name)"))
                    try file.write(contentsOf: Data(content.utf8))
                    try file.close()
                }
                try #require(rename("\(share)/name", "\(share)/other") == 0)
                try #require(FileManager.default.createFile(atPath: "\(share)/new", contents: nil))
                try #require(unlink("\(share)/gone") == 0)
            }
            try #require(FileManager.default.createFile(atPath: scratch.path("never/go"), contents: nil))
            let finished = try await program.finish(limit: 120)

            try #require(finished.status == 0, "\(finished.errors)")
            var seen: [String: [String]] = [:]
            for line in finished.text.split(separator: "\n").dropFirst() {
                let words = line.split(separator: " ").map(String.init)
                seen[words[0]] = Array(words.dropFirst())
            }
            print("seen after seconds (data, size, name, new, gone): \(seen)")
            // What is between two looks is not the policy's doing; neither is a clock that ticks every 10 ms.
            let slack = 0.02 + (Double(seen["gap"]?.first ?? "") ?? .infinity)
            try #require(slack < 1)
            let never = try #require(seen["never"]).map { Double($0) ?? .infinity }
            #expect(never.count == 5 && never.allSatisfy { $0 <= slack })
            let auto = try #require(seen["auto"]).map { Double($0) ?? .infinity }
            #expect(auto.count == 5 && auto.allSatisfy { $0 <= 1 + slack })
            // Names, also missing ones, and attributes are believed for a day; what is read is not.
            let metadata = try #require(seen["metadata"])
            #expect(Double(metadata[0]) ?? .infinity <= slack)
            #expect(metadata.dropFirst() == ["-", "-", "-", "-"])
            #expect(seen["always"] == ["-", "-", "-", "-", "-"])
            // Who asks for it sees the host's state under any policy.
            #expect(seen["dropped"] == ["20"])
        }

        @Test func sendsNoRequestForWhatItMayBelieve() async throws {
            let scratch = try Scratch()
            for share in ["auto", "always", "buffered"] { _ = try scratch.directory(share) }
            for share in ["auto", "always"] {
                let tree = try scratch.directory("\(share)/tree")
                for number in 0..<50 {
                    try "\(number)\n".write(toFile: "\(tree)/\(number)", atomically: false, encoding: .utf8)
                }
                try FileManager.default.createSymbolicLink(atPath: "\(tree)/link", withDestinationPath: "0")
            }
            let guest = try await LiveGuest(
                "6.12",
                [
                    "-v", "\(scratch.path("auto")):/auto:ro", "-v",
                    "\(scratch.path("buffered")):/buffered:rw,writeback",
                ])
            let added = try await guest.sheaf(
                "share", "add", guest.name, "\(scratch.path("always")):/always:ro,cache=always")
            try #require(added.status == 0, "\(added.errors)")
            // Single files as well: one that nobody changes, and one that the guest buffers writes of.
            for (file, target) in [("always/tree/7", "/seven:ro,cache=always"), ("buffered/one", "/one:rw,writeback")] {
                let path = scratch.path(file)
                if target.hasSuffix("writeback") { try "one\n".write(toFile: path, atomically: false, encoding: .utf8) }
                let added = try await guest.sheaf("share", "add", guest.name, "\(path):\(target)")
                try #require(added.status == 0, "\(added.errors)")
            }
            #expect(try await guest.ask("cat /seven; echo two >> /one; cat /one; sync") == "7\none\ntwo")
            #expect(try String(contentsOfFile: scratch.path("buffered/one"), encoding: .utf8) == "one\ntwo\n")
            func cost(of script: String, at target: String) async throws -> (answer: String, requests: Int) {
                let before = try await guest.requests(at: target)
                let answer = try await guest.ask("cd /; \(script.replacingOccurrences(of: "SHARE", with: target))")
                return (answer, try await guest.requests(at: target) - before)
            }
            let walk = "find SHARE/tree -type f | sort -V | xargs cat | sha256sum; cat SHARE/tree/link; ls SHARE/absent"

            var answers: [String] = []
            for target in ["/auto", "/always"] {
                let first = try await cost(of: walk, at: target)
                let second = try await cost(of: walk, at: target)
                print("find and cat 50 files in \(target): \(first.requests), then \(second.requests) requests")
                #expect(first.answer == second.answer)
                answers.append(first.answer.replacingOccurrences(of: target, with: ""))
                #expect(first.requests > 50)
                // `find` asks for the kind of the file system, which no guest remembers.
                if target == "/always" { #expect(second.requests <= 1) } else { #expect(second.requests > 100) }
            }
            #expect(answers[0] == answers[1])

            // One hundred writes become few, and reach the host when the file is closed.
            let script = """
                mkfifo /tmp/end; perl -e 'open F, ">", "SHARE/f"; syswrite F, sprintf("%04096d", $_) for 1 .. 100;
                  open E, "<", "/tmp/end"; close F' &
                until test -s SHARE/f && test $(stat -c %s SHARE/f) = 409600; do sleep 0.1; done; stat -c %s SHARE/f
                """
            let writing = try await cost(of: script, at: "/buffered")
            let early = try FileManager.default.attributesOfItem(atPath: scratch.path("buffered/f"))[.size] as? Int
            let closing = try await cost(of: "echo > /tmp/end; wait", at: "/buffered")
            print("100 writes of 4 KiB with writeback: \(writing.requests), at close \(closing.requests) requests")
            #expect(writing.answer == "409600")
            #expect(writing.requests + closing.requests < 20)
            // Some of it earlier: a guest lets little of its memory wait to be written.
            #expect(try #require(early) < 409_600)
            let content = try String(contentsOfFile: scratch.path("buffered/f"), encoding: .utf8)
            #expect(content.utf8.count == 409_600)
            #expect(content.hasSuffix("0100"))
            // Appending is the guest's own affair then.
            _ = try await guest.ask("printf tail >> /buffered/f")
            #expect(try String(contentsOfFile: scratch.path("buffered/f"), encoding: .utf8) == content + "tail")
            #expect(
                try await guest.devices.sorted() == [
                    "sheaf-fixed hot-plugged 2", "sheaf-ro boot 2", "sheaf-wb boot 2",
                ])
            _ = try await guest.end()
        }

        @Test func mapsFilesAsEachPolicySays() async throws {
            let scratch = try Scratch()
            let options = Self.policies.map { ($0, "cache=\($0)") } + [("buffered", "writeback")]
            var shares: [String] = []
            for (name, option) in options {
                let share = try scratch.directory(name)
                try "before".write(toFile: "\(share)/mapped", atomically: false, encoding: .utf8)
                shares += ["-v", "\(share):/\(name):rw,\(option)"]
            }
            let tool = scratch.path("auto/sheaf-conformance")
            try FileManager.default.copyItem(atPath: "\(Sheaf.products)/sheaf-conformance", toPath: tool)
            let onHost = try await Program([tool, "run", try scratch.directory("host"), "mmap/"]).finish()
            try #require(onHost.text.contains("mmap/shared-write-is-read-by-read"))
            let guest = try await LiveGuest("6.12", shares)

            // Among the guest's own programs it is as on the host.
            for (name, _) in options {
                let inGuest = try await guest.ask("/auto/sheaf-conformance run /\(name) mmap/")
                #expect(inGuest + "\n" == onHost.text, "\(name)")
            }

            // What the host changes is not seen in a mapping that is there, before the file is opened.
            let names = options.map(\.0)
            let files = names.map { "/\($0)/mapped" }.joined(separator: " ")
            _ = try await guest.ask("mkfifo /tmp/ask /tmp/answer")
            _ = try await guest.ask(
                "/auto/sheaf-conformance map \(files) < /tmp/ask > /tmp/answer & exec 5>/tmp/ask 6</tmp/answer")
            func mapped() async throws -> [String: String] {
                let words = try await guest.ask("printf x >&5; read line <&6; echo $line").split(separator: " ")
                try #require(words.count == names.count)
                return Dictionary(uniqueKeysWithValues: zip(names, words.map { String($0.filter { $0 != "'" }) }))
            }
            #expect(try await mapped().values.allSatisfy { $0 == "before/before" })
            for name in names {
                let file = try #require(FileHandle(forWritingAtPath: scratch.path("\(name)/mapped")))
                try file.write(contentsOf: Data("behind".utf8))
                try file.close()
            }
            let untouched = try await mapped()
            #expect(untouched.values.allSatisfy { $0 == "before/before" }, "\(untouched)")
            _ = try await guest.ask("for f in \(files); do : < $f; done")
            let opened = try await mapped()
            #expect(["auto", "never", "metadata"].allSatisfy { opened[$0] == "behind/behind" }, "\(opened)")
            #expect(["always", "buffered"].allSatisfy { opened[$0] == "before/before" }, "\(opened)")
            _ = try await guest.end()
        }
    }
}
