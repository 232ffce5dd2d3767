import Foundation
import Testing

extension Boots {
    @Suite(.serialized) struct OutcomeTests {
        private func run(_ arguments: [String]) async throws -> Finished {
            try await Program(Sheaf.run(arguments: arguments)).finish()
        }

        /// A VM whose command goes on until it is stopped, in surroundings of its own.
        private func running(_ options: [String] = [], in surroundings: Surroundings) async throws -> Program {
            let program = try Program(
                Sheaf.run(arguments: options + ["--", "sh", "-c", "echo up; sleep 100"]),
                environment: surroundings.environment)
            #expect(try await program.waits { program.outputSoFar.contains("up") }, "\(program.errorsSoFar)")
            return program
        }

        @Test func givesUpAtTheTimeoutAndLeavesNothingButALog() async throws {
            let surroundings = try Surroundings()
            let program = try await running(["--timeout", "12"], in: surroundings)
            let qemu = program.children

            let finished = try await program.finish()

            #expect(finished.status == 124, "\(finished.errors)")
            #expect(!qemu.isEmpty)
            #expect(try await Program.survivors(of: qemu).isEmpty)
            let left = surroundings.leftovers
            #expect(left.count == 1)
            #expect(left.allSatisfy { $0.hasSuffix(".console.log") && finished.errors.contains($0) }, "\(left)")
        }

        @Test func leavesNothingWhenTheCommandHasEnded() async throws {
            let surroundings = try Surroundings()

            let finished = try await Program(
                Sheaf.run(arguments: ["--", "true"]), environment: surroundings.environment
            ).finish()

            #expect(finished.status == 0, "\(finished.errors)")
            #expect(surroundings.leftovers.isEmpty)
        }

        @Test func tellsThatTheGuestPoweredOff() async throws {
            let finished = try await run(["--", "sh", "-c", "kill -USR1 1; sleep 60"])

            #expect(finished.status == 255)
            #expect(finished.errors.contains("powered off"))
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

        @Test(arguments: [SIGTERM, SIGINT, SIGHUP])
        func endsCleanlyWhenItIsToldTo(signal: CInt) async throws {
            let surroundings = try Surroundings()
            let program = try await running(in: surroundings)
            let qemu = program.children

            program.signal(signal)
            let finished = try await program.finish(limit: 30)

            #expect(finished.status == 128 + signal)
            #expect(!qemu.isEmpty)
            #expect(try await Program.survivors(of: qemu).isEmpty)
            #expect(surroundings.leftovers.isEmpty)
        }

        @Test func leavesWhatTheGuestHasSyncedAndNothingElseWhenItIsKilled() async throws {
            let surroundings = try Surroundings()
            let scratch = try Scratch()
            let share = try scratch.directory("share")
            let script = """
                for i in $(seq 1000000); do yes $i | head -c 40000 > $i; sync $i; mv $i $i.done; sync .; echo $i; done
                """
            let program = try Program(
                try Sheaf.run("6.12", ["-v", "\(share):/work", "--cwd", "/work", "--", "sh", "-c", script]),
                environment: surroundings.environment)
            #expect(try await program.waits { program.outputSoFar.split(separator: "\n").count >= 3 })
            let qemu = program.children

            program.signal(SIGKILL)
            let said = try await program.finish(limit: 30).text.split(separator: "\n")

            #expect(!qemu.isEmpty)
            #expect(try await Program.survivors(of: qemu).isEmpty)
            for number in said {
                let line = "\(number)\n"
                let content = String(String(repeating: line, count: 40_000 / line.utf8.count + 1).prefix(40_000))
                #expect(scratch.text("share/\(number).done") == content, "\(number)")
            }
            // What could not go with it goes with the next look.
            let list = try Program(["\(Sheaf.products)/sheaf", "ps"], environment: surroundings.environment)
            #expect(try await list.finish().status == 0)
            #expect(surroundings.leftovers.allSatisfy { $0.hasSuffix(".console.log") }, "\(surroundings.leftovers)")
        }

        @Test func tellsThatQEMUIsLost() async throws {
            let program = try await running(in: Surroundings())

            for child in program.children { kill(child, SIGKILL) }
            let finished = try await program.finish(limit: 30)

            #expect(finished.status == 255)
            #expect(finished.errors.contains("QEMU ended with signal 9 (Killed), as by a host that is out of memory"))
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
