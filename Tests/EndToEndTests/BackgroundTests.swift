import Foundation
import Testing

extension LiveBoots {
    /// `sheaf run --detach`, `sheaf logs` and `sheaf stop`.
    @Suite(.serialized) struct BackgroundTests {
        private let chatter = """
            trap 'echo ending; sleep 0.5; echo over; exit 3' TERM
            printf 'up \\033[31mred\\n'; echo err >&2; while :; do sleep 0.1; done
            """

        @Test func keepsWhatACommandWroteAndLetsItEndWhenItIsStopped() async throws {
            let machine = try await BackgroundMachine(nil, ["--name", "job", "--", "sh", "-c", chatter])
            let follower = try machine.start("logs", "job", "--follow")
            #expect(try await follower.waits(upTo: 30) { follower.outputSoFar.contains("err") })
            let logs = try await machine.finish("logs")
            #expect(logs.text.contains("up \u{1b}[31mred\n"))
            #expect(!logs.text.contains("over"))
            let seen = try await TypedProgram(
                Sheaf.shellLine(
                    ["env"] + machine.surroundings.environment.map { "\($0)=\($1)" } + machine.sheaf("logs"))
            ).finish(limit: 30)
            #expect(seen.text.contains("up ?[31mred"), "\(seen.text)")
            let other = try machine.start("exec", "--", "sh", "-c", "echo up; exec sleep 100")
            #expect(try await other.waits(upTo: 30) { other.outputSoFar.contains("up") }, "\(other.errorsSoFar)")

            let stopped = try await machine.finish("stop", "job", limit: 30)

            #expect(stopped.status == 0)
            #expect(stopped.errors == "")
            #expect(try await Program.survivors(of: [machine.launcher, machine.qemu], after: 1).isEmpty)
            #expect(try await other.finish(limit: 30).status == 128 + SIGTERM)
            let followed = try await follower.finish(limit: 30)
            #expect(followed.status == 0)
            #expect(followed.text.hasSuffix("over\n"), "\(followed.text)")
            #expect(try await machine.finish("logs", "job").text == followed.text)
            #expect(try await machine.finish("logs", "job", "--console").status == 0)
            #expect(try await machine.finish("logs", "nobody").errors.contains("job"))
            #expect(try await machine.finish("ps", "--format", "json").text.filter { !$0.isWhitespace } == "[]")
            let left = machine.surroundings.leftovers
            #expect(left.count == 2 && left.allSatisfy { $0.hasPrefix("state/sheaf/logs/job-") }, "\(left)")
        }

        @Test func doesTheSameForAnOrdinaryUser() async throws {
            let user = try OrdinaryUser(kernel: "6.12")
            let share = try user.directory("share")
            let run = ["env"] + user.run("6.12", ["-v", "\(share):/share"])
            let sheaf = Array(run.prefix { $0 != "run" })

            let machine = try await BackgroundMachine(run, ["--", "sh", "-c", "echo up; exec sleep 100"], words: sheaf)
            #expect(try await machine.exec("id -u > /share/id; exit 4").status == 4)
            #expect(try await machine.finish("logs", machine.name).text == "up\n")
            let stopped = try await machine.finish("stop", limit: 30)

            #expect(stopped.status == 0, "\(stopped.errors)")
            #expect(user.scratch.text("share/id") == "0\n")
            #expect(try await Program.survivors(of: [machine.launcher, machine.qemu], after: 1).isEmpty)
        }

        @Test func failsAsItWouldInTheForeground() async throws {
            let surroundings = try Surroundings()
            let scratch = try Scratch()
            let place = try scratch.directory(String(repeating: "long", count: 25))
            func run(_ arguments: [String], _ more: [String: String] = [:]) async throws -> Finished {
                try await Program(
                    Sheaf.run(arguments: ["-d"] + arguments), environment: surroundings.environment.merging(more) { $1 }
                ).finish(limit: 60)
            }

            let source = try await run(["-v", "/nonexistent/folder:/x"])
            #expect(source.status == 125)
            #expect(source.errors.contains("/nonexistent/folder"))
            let command = try await run(["--", "nosuchcmd"])
            #expect(command.status == 127)
            #expect(command.errors.contains("nosuchcmd"))
            #expect(try await run(["--bogus"]).status == 64)
            let hidden = try await run([], ["XDG_RUNTIME_DIR": place])
            #expect(hidden.status == 125)
            #expect(hidden.errors.contains("107"))
            for finished in [source, command, hidden] { #expect(finished.text == "") }
            let left = surroundings.leftovers
            #expect(left.allSatisfy { $0.hasSuffix(".console.log") }, "\(left)")
        }

        @Test func endsWithWhoeverWaitsForIt() async throws {
            let surroundings = try Surroundings()
            for signal in [SIGINT, SIGKILL] {
                let program = try Program(Sheaf.run(arguments: ["-d"]), environment: surroundings.environment)
                #expect(try await program.waits(upTo: 30) { !program.grandchildren.isEmpty })
                let started = program.children + program.grandchildren

                program.signal(signal)
                let finished = try await program.finish(limit: 30)

                #expect(finished.status == 128 + signal, "\(finished.errors)")
                #expect(finished.text == "")
                #expect(try await Program.survivors(of: started).isEmpty)
            }
            let left = surroundings.leftovers
            #expect(left.allSatisfy { $0.hasSuffix(".console.log") }, "\(left)")
        }

        @Test func endsAGuestThatDoesNotAnswerWhenItsTimeIsOver() async throws {
            let frozen = try await BackgroundMachine(nil, ["--name", "frozen"])
            let stubborn = try await BackgroundMachine(
                nil, ["--name", "stubborn", "--", "sh", "-c", "trap '' TERM; sleep 1000; sleep 1000"],
                in: frozen.surroundings)
            #expect(try await frozen.finish("stop").errors.contains("frozen, stubborn"))
            kill(frozen.qemu, SIGSTOP)
            let start = ContinuousClock.now

            let stopped = try await frozen.finish("stop", "--all", "--timeout", "3", limit: 30)

            #expect(stopped.status == 0)
            // A program that does not end is the guest's own matter.
            #expect(stopped.errors.contains("'frozen'"))
            #expect(!stopped.errors.contains("'stubborn'"))
            #expect(ContinuousClock.now - start < .seconds(15))
            let all = [frozen.launcher, frozen.qemu, stubborn.launcher, stubborn.qemu]
            #expect(try await Program.survivors(of: all, after: 1).isEmpty)
            #expect(try await frozen.finish("stop").status == 1)
        }

        @Test func endsALauncherInTheForegroundAsASignalWould() async throws {
            let surroundings = try Surroundings()
            let program = try Program(
                Sheaf.run(arguments: ["--", "sh", "-c", "echo up; sleep 100"]), environment: surroundings.environment)
            #expect(try await program.waits { program.outputSoFar.contains("up") }, "\(program.errorsSoFar)")

            let stopped = try await Program(
                ["\(Sheaf.products)/sheaf", "stop"], environment: surroundings.environment
            ).finish(limit: 30)
            let finished = try await program.finish(limit: 1)

            #expect(stopped.status == 0)
            #expect(finished.status == 128 + SIGTERM)
            #expect(finished.errors.contains("sheaf stop"))
            #expect(surroundings.leftovers.isEmpty, "\(surroundings.leftovers)")
        }
    }
}
