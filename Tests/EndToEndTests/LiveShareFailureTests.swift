import Foundation
import Testing

extension LiveBoots {
    /// Requests about shares that fail, and leave no trace on either side.
    @Suite(.serialized) struct LiveShareFailureTests {
        /// Adds in vain.
        ///
        /// - Returns: What was said.
        private func refuses(
            _ arguments: [String], in guest: LiveGuest, leaving before: LiveGuest.Traces, status: Int32 = 1,
            sourceLocation: SourceLocation = #_sourceLocation
        ) async throws -> String {
            let finished = try await guest.start(arguments).finish(limit: 60)
            #expect(finished.status == status, "\(finished.text)\(finished.errors)", sourceLocation: sourceLocation)
            let after = try await guest.settles(to: before)
            #expect(after == before, sourceLocation: sourceLocation)
            return finished.errors
        }

        @Test(arguments: ["6.1", "6.12"])
        func leavesNoTraceOfWhatHostOrGuestRefuses(version: String) async throws {
            let guest = try await LiveGuest(version)
            let (a, b) = (try guest.scratch.directory("a"), try guest.scratch.directory("b"))
            try guest.scratch.write("file", "text\n")
            try #require(mkfifo(guest.scratch.path("pipe"), 0o600) == 0)
            func refuses(_ share: String, leaving before: LiveGuest.Traces) async throws -> String {
                try await self.refuses(["share", "add", share], in: guest, leaving: before)
            }

            // The host, before there is any device for it: nothing is plugged in.
            let bare = try await guest.traces()
            let missing = guest.scratch.path("missing")
            #expect(try await refuses("\(missing):/x", leaving: bare).contains(missing))
            #expect(try await guest.devices == ["sheaf-ro boot 1"])

            #expect(try await guest.sheaf("share", "add", "\(a):/mnt/a").status == 0)
            let before = try await guest.traces()
            let pipe = try await refuses("\(guest.scratch.path("pipe")):/x", leaving: before)
            #expect(pipe.contains("\(guest.scratch.path("pipe")): neither a directory nor a regular file"), "\(pipe)")
            #expect(try await refuses("\(missing):/x", leaving: before).contains("ENOENT"))
            #expect(try await refuses("\(b):/mnt/a", leaving: before).contains(a))
            #expect(try await refuses("\(b):/mnt", leaving: before).contains("/mnt/a"))
            #expect(try await refuses("\(b):/mnt/a/in", leaving: before).contains("\(a)/in"))
            for place in ["/proc", "/run/sheaf/rw"] {
                #expect(try await refuses("\(b):\(place)", leaving: before).contains(place))
            }
            // The guest.
            for place in ["/proc/x/y", "/sys/x", "/sys/kernel/x/y"] {
                let words = try await refuses("\(b):\(place)", leaving: before)
                #expect(words.contains("the guest cannot mount the share on \(place)"), "\(words)")
            }
            let file = try await refuses("\(b):/etc/passwd/x", leaving: before)
            #expect(file.contains("ENOTDIR") && file.contains("there is a file"), "\(file)")
            // Directories that were made on the way are gone too; this one ends in a place that a file has.
            _ = try await guest.ask("mkdir /mnt/deep && touch /mnt/deep/file")
            let deep = try await guest.traces()
            _ = try await refuses("\(b):/mnt/deep/file", leaving: deep)
            let onDirectory = try await refuses("\(guest.scratch.path("file")):/mnt/deep", leaving: deep)
            #expect(onDirectory.contains("EISDIR") && onDirectory.contains("there is a directory"), "\(onDirectory)")
            _ = try await refuses("\(guest.scratch.path("file")):/mnt/deep/file/x", leaving: deep)
            // A second target that cannot be had leaves the first.
            _ = try await refuses("\(a):/proc/x", leaving: deep)
            let moved = try await self.refuses(
                ["share", "set", "/mnt/a", "--target", "/sys/x", "--ro"], in: guest, leaving: deep)
            #expect(moved.contains("/sys/x"), "\(moved)")
            #expect(try await guest.sheaf("share", "add", "\(b):/mnt/b").status == 0)
            #expect(try await guest.end().status == 0)
        }

        @Test func saysWhatAnOrdinaryUserMayNot() async throws {
            let user = try OrdinaryUser(kernel: "6.12")
            let guest = try await LiveGuest("6.12", as: user)
            let mine = try user.directory("mine")
            let closed = try user.scratch.directory("closed/inside")
            chmod(user.scratch.path("closed"), 0)
            defer { chmod(user.scratch.path("closed"), 0o755) }
            try user.scratch.write("mine/file", "1\n")

            let added = try await guest.sheaf("share", "add", "\(mine):/mine")
            #expect(added.status == 0, "\(added.errors)")
            #expect(try await guest.ask("cat /mine/file; echo 2 > /mine/new") == "1")
            let before = try await guest.traces()
            // Root would be let in; without root there is nobody else to be refused.
            if getuid() == 0 {
                let words = try await refuses(["share", "add", "\(closed):/x"], in: guest, leaving: before)
                #expect(words.contains(closed) && words.contains("EACCES"), "\(words)")
            }
            #expect(try await guest.sheaf("share", "rm", "/mine").status == 0)
            #expect(user.scratch.text("mine/new") == "2\n")
            #expect(try await guest.end().status == 0)
        }

        @Test func goesOnWhenItCouldOpenNothingForAWhile() async throws {
            let guest = try await LiveGuest(command: [])
            let a = try guest.scratch.directory("a")
            try guest.scratch.write("a/file", "a\n")
            #expect(try await guest.sheaf("share", "add", "\(a):/a").status == 0)
            let before = try await guest.traces()
            func limit(to count: Int) async throws {
                let words = ["prlimit", "--pid", "\(guest.launcher)", "--nofile=\(count):"]
                try #require(try await Program(words).finish().status == 0)
            }
            let used = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(guest.launcher)/fd").compactMap(
                Int.init)
            let free = try #require((0...used.count).first { !used.contains($0) })

            // One for a client, and none for what it brings.
            try await limit(to: free + 1)
            let refused = try await guest.sheaf("exec", guest.name, "--", "true")
            #expect(refused.status == 125)
            #expect(refused.errors.contains("limit of open files"), "\(refused.errors)")
            // None at all: a client waits, and a program in the guest does not.
            try await limit(to: free)
            let waiting = try guest.start(["exec", guest.name, "--", "cat", "/a/file"])
            let said = try await guest.ask("cat /a/file; echo alive")
            #expect(said.hasSuffix("alive"), "\(said)")
            #expect(waiting.outputSoFar == "")
            try await limit(to: 4096)

            #expect(try await waiting.finish(limit: 30).text == "a\n")
            #expect(try await guest.ask("cat /a/file") == "a")
            #expect(try await guest.settles(to: before) == before)
            #expect(try await guest.end().status == 0)
        }

        @Test(arguments: [false, true])
        func leavesNoTraceOfWhatAGuestThatHangsWasAskedFor(isPlugged: Bool) async throws {
            let guest = try await LiveGuest()
            let (a, b) = (try guest.scratch.directory("a"), try guest.scratch.directory("b"))
            if isPlugged { #expect(try await guest.sheaf("share", "add", "\(a):/a").status == 0) }
            let before = try await guest.traces()
            let devices = try await guest.devices
            let qemu = try #require(guest.qemu)

            kill(qemu, SIGSTOP)
            let began = ContinuousClock.now
            let added = try await guest.sheaf("share", "add", "\(b):/mnt/b", "--timeout", "1")
            #expect(ContinuousClock.now - began < .seconds(5))
            // A second target of a share that the guest has: it could mount this one also after it was given up.
            let second = try await guest.sheaf("share", "add", "\(a):/mnt/a", "--timeout", "1")
            if isPlugged {
                let removed = try await guest.sheaf("share", "rm", "/a", "--timeout", "1")
                #expect(removed.status == 1 && removed.errors.contains("--force"), "\(removed.errors)")
            }
            let known = try await guest.shares
            kill(qemu, SIGCONT)

            for failed in [added, second] {
                #expect(failed.status == 1)
                #expect(failed.errors.contains("the guest does not answer"), "\(failed.errors)")
            }
            #expect(known == (isPlugged ? ["/a rw unknown"] : []))
            if isPlugged {
                #expect(try await guest.settles(to: before) == before)
                #expect(try await guest.devices == devices)
            } else {
                // The device comes a moment later, and stays for the next.
                let end = ContinuousClock.now + .seconds(20)
                while try await guest.devices == devices, ContinuousClock.now < end {}
                var expected = before
                let after = try await guest.traces()
                (expected.descriptors, expected.threads) = (after.descriptors, after.threads)
                #expect(after == expected)
            }
            #expect(try await guest.sheaf("share", "add", "\(b):/mnt/b").status == 0)
            #expect(try await guest.ask("touch /mnt/b/new && ls /mnt/b") == "new")
            #expect(try await guest.end().status == 0)
        }

        @Test func failsWhatIsUnderWayWhenTheVMEnds() async throws {
            let guest = try await LiveGuest()
            let a = try guest.scratch.directory("a")
            #expect(try await guest.sheaf("share", "add", "\(a):/a").status == 0)
            let qemu = try #require(guest.qemu)
            kill(qemu, SIGSTOP)
            let adding = try guest.start(["share", "add", "\(a):/b"])
            try await Task.sleep(for: .milliseconds(300))

            kill(qemu, SIGKILL)
            let finished = try await adding.finish(limit: 20)

            #expect(finished.status == 1)
            #expect(!finished.errors.isEmpty)
        }
    }
}
