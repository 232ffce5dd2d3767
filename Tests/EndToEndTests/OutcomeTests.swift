import Foundation
import Testing

extension Boots {
    @Suite(.serialized) struct OutcomeTests {
        private func run(_ arguments: [String]) async throws -> Finished {
            try await Program(Sheaf.run(arguments: arguments)).finish()
        }

        @Test func givesUpAtTheTimeoutAndLeavesNothing() async throws {
            let program = try Program(Sheaf.run(arguments: ["--timeout", "12", "--", "sleep", "100"]))
            let finished = try await program.finish()

            #expect(finished.status == 124, "\(finished.errors)")
            #expect(try await children(of: program.identifier).isEmpty)
        }

        @Test func tellsAPanicAndShowsItsLines() async throws {
            let finished = try await run(["--", "sh", "-c", "echo c > /proc/sysrq-trigger"])

            #expect(finished.status == 255)
            #expect(finished.errors.contains("Kernel panic - not syncing: sysrq triggered crash"))
        }

        @Test func endsWithTheUsersCodeAfterAPanic() async throws {
            let finished = try await run(["--panic-exit-code", "42", "--", "sh", "-c", "echo c > /proc/sysrq-trigger"])

            #expect(finished.status == 42)
        }

        @Test func tellsACommandThatIsNotThereFromOneThatCannotRun() async throws {
            let missing = try await run(["--", "nosuchcmd"])
            let plain = try await run(["--", "/etc/passwd"])

            #expect(missing.status == 127)
            #expect(missing.errors.contains("nosuchcmd"))
            #expect(plain.status == 126)
        }

        @Test func tellsTheSignalThatEndedTheCommand() async throws {
            let finished = try await run(["--", "sh", "-c", "kill -9 $$"])

            #expect(finished.status == 137)
        }

        @Test func tellsAResetFromACommandsEnd() async throws {
            let finished = try await run(["--", "sh", "-c", "echo b > /proc/sysrq-trigger; sleep 60"])

            #expect(finished.status == 255)
        }

        @Test(arguments: [SIGTERM, SIGINT])
        func endsCleanlyWhenItIsToldTo(signal: CInt) async throws {
            let program = try Program(Sheaf.run(arguments: ["--", "sh", "-c", "echo up; sleep 100"]))
            #expect(try await program.waits { program.outputSoFar.contains("up") })

            program.signal(signal)
            let finished = try await program.finish(limit: 30)

            #expect(finished.status == 128 + signal)
            #expect(try await children(of: program.identifier).isEmpty)
        }

        @Test func takesQEMUWithItWhenItIsKilled() async throws {
            let program = try Program(Sheaf.run(arguments: ["--", "sh", "-c", "echo up; sleep 100"]))
            #expect(try await program.waits { program.outputSoFar.contains("up") })
            let qemu = try await children(of: program.identifier)
            #expect(!qemu.isEmpty)

            program.signal(SIGKILL)
            _ = try await program.finish(limit: 30)

            var alive = qemu
            for _ in 0..<100 where !alive.isEmpty {
                alive = alive.filter { kill($0, 0) == 0 && !isZombie($0) }
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(alive.isEmpty)
        }

        @Test func tellsThatQEMUIsLost() async throws {
            let program = try Program(Sheaf.run(arguments: ["--", "sh", "-c", "echo up; sleep 100"]))
            #expect(try await program.waits { program.outputSoFar.contains("up") })

            for child in try await children(of: program.identifier) { kill(child, SIGKILL) }
            let finished = try await program.finish(limit: 30)

            #expect(finished.status == 255)
            #expect(finished.errors.contains("QEMU"))
        }

        @Test func reportsOutcomePhasesAndShares() async throws {
            let scratch = try Scratch()
            let share = try scratch.directory("share")

            let finished = try await run([
                "--report", scratch.path("report.json"), "-v", "\(share):/share", "--", "sh", "-c", "echo out; exit 3",
            ])
            let report = try #require(
                try JSONSerialization.jsonObject(with: Data(scratch.text("report.json").utf8)) as? [String: Any])
            let phases = try #require(report["phases"] as? [String: Double])

            #expect(finished.status == 3)
            #expect(report["outcome"] as? String == "exited")
            #expect(report["exitCode"] as? Int == 3)
            #expect(report["accelerator"] as? String == "tcg")
            #expect((report["shares"] as? [[String: String]])?.contains { $0["target"] == "/share" } == true)
            let order = ["prepared", "spawned", "running", "agent", "mounted", "started", "output", "ended", "off"]
            let times = order.compactMap { phases[$0] }
            #expect(times.count == order.count)
            #expect(times == times.sorted())
        }
    }
}

/// The live children of a process, as `pgrep -P` finds them.
private func children(of process: pid_t) async throws -> [pid_t] {
    try await Program(["pgrep", "-P", "\(process)"]).finish().text.split(separator: "\n").compactMap { pid_t($0) }
}

private func isZombie(_ process: pid_t) -> Bool {
    let status = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
    return status.contains(") Z ")
}
