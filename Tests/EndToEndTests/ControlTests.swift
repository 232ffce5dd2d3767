import Foundation
import Testing

extension LiveBoots {
    @Suite(.serialized) struct ControlTests {
        /// What `sheaf` prints as JSON.
        private func json(_ arguments: [String], in surroundings: Surroundings) async throws -> Any {
            let finished = try await Program(
                ["\(Sheaf.products)/sheaf"] + arguments + ["--format", "json"], environment: surroundings.environment
            ).finish(limit: 30)
            #expect(finished.status == 0, "\(finished.errors)")
            return try JSONSerialization.jsonObject(with: finished.output)
        }

        @Test func showsARunningMachineAndForgetsAKilledOne() async throws {
            let surroundings = try Surroundings()
            let scratch = try Scratch()
            let share = try scratch.directory("share")
            let program = try Program(
                Sheaf.run(arguments: [
                    "--name", "seen", "-v", "\(share):/share:ro", "--", "sh", "-c", "echo up; sleep 100",
                ]), environment: surroundings.environment)
            #expect(try await program.waits { program.outputSoFar.contains("up") }, "\(program.errorsSoFar)")

            let listed = try #require(try await json(["ps"], in: surroundings) as? [[String: Any]])
            let status = try #require(try await json(["status", "seen"], in: surroundings) as? [String: Any])
            let only = try #require(try await json(["status"], in: surroundings) as? [String: Any])
            let second = try await Program(
                Sheaf.run(arguments: ["--name", "seen", "--", "true"]), environment: surroundings.environment
            ).finish(limit: 30)

            #expect(listed.map { $0["name"] as? String } == ["seen"])
            #expect(listed.first?["state"] as? String == "running")
            #expect(status["name"] as? String == "seen")
            #expect(only["name"] as? String == "seen")
            #expect(status["accelerator"] as? String == "tcg")
            #expect((status["kernelRelease"] as? String)?.hasPrefix("6.12.") == true)
            #expect((status["qemuPid"] as? Int32).map { program.children.contains($0) } == true)
            let shares = try #require(status["shares"] as? [[String: Any]])
            let shown = try #require(shares.first { $0["source"] as? String == share })
            #expect((shown["targets"] as? [[String: String]])?.map { $0["path"] } == ["/share"])
            #expect(shown["access"] as? String == "ro")
            #expect(second.status == 125)
            #expect(second.errors.contains("'seen'"))

            program.signal(SIGKILL)
            _ = try await program.finish(limit: 30)
            #expect(surroundings.leftovers.contains { $0.contains("seen") })
            #expect((try await json(["ps"], in: surroundings) as? [Any])?.isEmpty == true)
            #expect(!surroundings.leftovers.contains { $0.hasPrefix("runtime/") })
        }

        @Test func runsWithoutASocketWhereItsPathWouldBeTooLong() async throws {
            let scratch = try Scratch()
            let runtime = try scratch.directory(String(repeating: "long", count: 25))

            let finished = try await Program(
                Sheaf.run(arguments: ["--", "true"]), environment: ["XDG_RUNTIME_DIR": runtime]
            ).finish()

            #expect(finished.status == 0, "\(finished.errors)")
            #expect(finished.errors.contains("107"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: runtime).isEmpty)
        }
    }
}
