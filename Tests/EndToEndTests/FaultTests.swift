import CLinux
import Foundation
import Testing

extension Boots {
    @Suite(.serialized) struct MemoryTests {
        /// Its kernel kills a program first, and is told to give up then.
        @Test func tellsAProgramThatRanOutOfMemoryFromAKernelThatGaveUp() async throws {
            let surroundings = try Surroundings()
            let scratch = try Scratch()
            let share = try scratch.directory("share")
            let script = """
                tail /dev/zero; echo $?; cat /s/before; echo after > /s/after; sync /s/after
                echo 2 > /proc/sys/vm/panic_on_oom; tail /dev/zero; echo never
                """
            try scratch.write("share/before", "before\n")

            let finished = try await Program(
                Sheaf.run(arguments: [
                    "--memory", "256M", "--report", scratch.path("report"), "-v", "\(share):/s", "--", "sh", "-c",
                    script,
                ]), environment: surroundings.environment
            ).finish()

            #expect(finished.text == "137\nbefore\n", "\(finished.errors)")
            #expect(finished.status == 255)
            #expect(finished.errors.contains("Kernel panic - not syncing: Out of memory"))
            #expect(scratch.text("share/after") == "after\n")
            let report = try JSONSerialization.jsonObject(with: Data(scratch.text("report").utf8)) as? [String: Any]
            #expect(report?["outcome"] as? String == "panic")
            #expect(surroundings.leftovers.allSatisfy { $0.hasSuffix(".console.log") }, "\(surroundings.leftovers)")
        }
    }
}

extension LiveBoots {
    @Suite(.serialized) struct StoppedTests {
        /// As by a debugger, or by whoever freezes its cgroup.
        @Test func goesOnAfterQEMUWasStoppedAndEndsOneThatStaysSo() async throws {
            let guest = try await LiveGuest()
            let (a, b) = (try guest.scratch.directory("a"), try guest.scratch.directory("b"))
            try guest.scratch.write("b/file", "b\n")
            #expect(try await guest.sheaf("share", "add", "\(a):/a").status == 0)
            #expect(try await guest.ask("ls /a; mkdir /b") == "")
            let before = try await guest.traces()
            let qemu = try #require(guest.qemu)
            try guest.type("for i in $(seq 60); do echo $i > /a/new; mv /a/new /a/file; done; echo over")

            kill(qemu, SIGSTOP)
            // The launcher does not wait for it.
            let status = try await guest.json("status", guest.name)
            let shares = try #require(status["shares"] as? [[String: Any]])
            let targets = shares.flatMap { $0["targets"] as? [[String: String]] ?? [] }
            #expect(targets.contains { $0["path"] == "/a" && $0["state"] == "unknown" }, "\(targets)")
            let refused = try await guest.sheaf("share", "add", "\(b):/b", "--timeout", "1")
            #expect(refused.status != 0)
            #expect(refused.errors.contains("does not answer"), "\(refused.errors)")
            kill(qemu, SIGCONT)

            // What the guest did too late is undone, and its program knows of nothing.
            #expect(try await guest.ask("cat /a/file").hasSuffix("over\n60"))
            let after = try await guest.settles(to: before)
            #expect(after == before)
            #expect(try await guest.sheaf("share", "add", "\(b):/b").status == 0)
            #expect(try await guest.ask("cat /b/file") == "b")

            kill(qemu, SIGSTOP)
            let stopped = try await guest.sheaf("stop", guest.name, "--timeout", "2")
            #expect(stopped.status == 0)
            #expect(stopped.errors.contains("was ended"), "\(stopped.errors)")
            #expect(try await Program.survivors(of: [qemu, guest.launcher]).isEmpty)
        }
    }
}
