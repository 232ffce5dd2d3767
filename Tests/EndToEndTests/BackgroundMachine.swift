import Foundation
import Testing

/// A VM that `sheaf run --detach` has started in surroundings of its own, and the commands that reach it there.
final class BackgroundMachine {
    let surroundings: Surroundings
    let name: String
    /// The launcher.
    let launcher: pid_t
    let qemu: pid_t
    private let words: [String]

    /// Starts it; `launch` is a `sheaf run` without `--detach`, and `words` how `sheaf` itself is called.
    init(
        _ launch: [String]? = nil, _ arguments: [String] = [], words: [String] = ["\(Sheaf.products)/sheaf"],
        in surroundings: Surroundings? = nil
    ) async throws {
        self.words = words
        let surroundings = try surroundings ?? Surroundings()
        self.surroundings = surroundings
        let run = try (launch ?? Sheaf.run(arguments: [])) + ["--detach"] + arguments
        let started = try await Program(run, environment: surroundings.environment).finish(limit: 60)
        try #require(started.status == 0, "\(started.errors)")
        #expect(started.errors == "")
        name = started.text.trimmingCharacters(in: .newlines)
        let status = try await Program(
            words + ["status", name, "--format", "json"], environment: surroundings.environment
        ).finish(limit: 30)
        let members = try #require(try JSONSerialization.jsonObject(with: status.output) as? [String: Any])
        launcher = try #require(members["pid"] as? pid_t)
        qemu = try #require(members["qemuPid"] as? pid_t)
    }

    /// The words of a `sheaf` that knows of the VM.
    func sheaf(_ arguments: String...) -> [String] { words + arguments }

    /// Starts such a `sheaf`.
    func start(_ arguments: String..., input: Data? = nil) throws -> Program {
        try Program(words + arguments, input: input, environment: surroundings.environment)
    }

    /// Runs one to its end.
    func finish(_ arguments: String..., input: Data? = nil, limit: Double = 60) async throws -> Finished {
        try await Program(words + arguments, input: input, environment: surroundings.environment).finish(limit: limit)
    }

    /// Runs a shell script in the guest.
    func exec(_ script: String, input: Data? = nil) async throws -> Finished {
        try await finish("exec", name, "--", "sh", "-c", script, input: input)
    }

    deinit {
        kill(launcher, SIGKILL)
    }
}
