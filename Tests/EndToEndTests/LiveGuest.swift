import CLinux
import Foundation
import Testing

/// A VM with a shell in it that the test speaks to, while `sheaf` commands change it.
final class LiveGuest {
    /// Directories of the host.
    let scratch: Scratch
    /// The VM's name.
    let name: String
    private let program: Program
    private let keyboard: FileHandle
    private let environment: [String: String]
    private let commands: [String]
    private var questions = 0

    /// Boots, and returns when the shell answers.
    ///
    /// - Parameters:
    ///   - version: The kernel's.
    ///   - arguments: More for `sheaf run`.
    ///   - command: What runs in it, that reads lines for a shell; a guest without one may reboot.
    ///   - user: Whose VM it is; the test's own when nil.
    /// - Throws: What it could not be booted for.
    init(
        _ version: String = "6.12", _ arguments: [String] = [], command: [String] = ["--", "sh"],
        as user: OrdinaryUser? = nil
    ) async throws {
        let scratch = try user?.scratch ?? Scratch()
        self.scratch = scratch
        name = "live"
        try #require(mkfifo(scratch.path("keyboard"), 0o600) == 0)
        // For reading too, so that neither side waits for the other.
        keyboard = try #require(FileHandle(forUpdatingAtPath: scratch.path("keyboard")))
        let run: [String]
        if let user {
            run = ["env"] + user.run(version, ["--name", name] + arguments + command)
            environment = [:]
            commands = ["env"] + user.command([])
        } else {
            run = try Sheaf.run(version, ["--name", name] + arguments + command)
            chmod(try scratch.directory("runtime"), 0o700)
            environment = ["XDG_RUNTIME_DIR": scratch.path("runtime")]
            commands = ["\(Sheaf.products)/sheaf"]
        }
        program = try Program(
            ["sh", "-c", "exec \"$@\" < \"$0\"", scratch.path("keyboard")] + run, environment: environment)
        _ = try await ask("true")
    }

    /// The launcher's process.
    var launcher: pid_t { program.identifier }

    /// Its QEMU's.
    var qemu: pid_t? { program.children.first }

    /// The control socket.
    var socket: String { "\(environment["XDG_RUNTIME_DIR"] ?? "")/sheaf/\(name)/control.sock" }

    /// What it has said so far, on both streams.
    var words: String { program.outputSoFar + program.errorsSoFar }

    // MARK: - In the guest

    /// Runs a script in the guest's shell.
    ///
    /// - Returns: What it printed, without the last line's end.
    func ask(
        _ script: String, limit: Double = 120, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        try await answer(to: begin(script), limit: limit, sourceLocation: sourceLocation)
    }

    /// Begins a script in the guest's shell.
    ///
    /// - Returns: Its number, for ``answer(to:limit:sourceLocation:)``.
    func begin(_ script: String) throws -> Int {
        questions += 1
        let text = "{ \(script)\n} 2>&1; printf '\\n<%s>\\n' \(questions)\n"
        try keyboard.write(contentsOf: Data(text.utf8))
        return questions
    }

    func answer(
        to number: Int, limit: Double = 120, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let mark = "\n<\(number)>\n"
        let isThere = try await program.waits(upTo: limit) { program.outputSoFar.contains(mark) }
        try #require(isThere, "\(words)", sourceLocation: sourceLocation)
        let before = program.outputSoFar.components(separatedBy: mark)[0]
        let start = number > 1 ? before.components(separatedBy: "\n<\(number - 1)>\n").last ?? "" : before
        return start.hasSuffix("\n") ? String(start.dropLast()) : start
    }

    /// Types a line without waiting for anything.
    func type(_ line: String) throws {
        try keyboard.write(contentsOf: Data((line + "\n").utf8))
    }

    // MARK: - On the host

    /// Runs a command of `sheaf`'s.
    func sheaf(_ arguments: String..., limit: Double = 60) async throws -> Finished {
        try await start(arguments).finish(limit: limit)
    }

    /// Starts a command of `sheaf`'s.
    func start(_ arguments: [String]) throws -> Program {
        try Program(commands + arguments, environment: environment)
    }

    /// Starts a script of bash's, which gets the path of `sheaf` after its arguments.
    func startScript(_ script: String, _ arguments: [String]) throws -> Program {
        try Program(["bash", "-c", script, "bash"] + arguments + commands, environment: environment)
    }

    /// Runs a command that is to succeed, for its JSON.
    func json(
        _ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> [String: Any] {
        let finished = try await start(arguments + ["--format", "json"]).finish(limit: 60)
        try #require(finished.status == 0, "\(finished.errors)", sourceLocation: sourceLocation)
        return try #require(
            try JSONSerialization.jsonObject(with: finished.output) as? [String: Any], sourceLocation: sourceLocation)
    }

    /// The shares below the scratch directory, each as `TARGET ACCESS STATE` or, without a target, as `- ACCESS`.
    var shares: [String] {
        get async throws {
            let status = try await json("status", name)
            let shares = try #require(status["shares"] as? [[String: Any]])
            return shares.flatMap { share -> [String] in
                guard let source = share["source"] as? String, source.hasPrefix(scratch.root),
                    let access = share["access"] as? String, let targets = share["targets"] as? [[String: String]]
                else { return [] }
                if targets.isEmpty { return ["- \(access)"] }
                return targets.map { "\($0["path"] ?? "") \(access) \($0["state"] ?? "")" }
            }
        }
    }

    /// The devices: `TAG DEVICE CHILDREN`.
    var devices: [String] {
        get async throws {
            let status = try await json("status", name)
            let aggregates = try #require(status["aggregates"] as? [[String: Any]])
            return aggregates.map { "\($0["tag"] ?? "") \($0["device"] ?? "") \($0["children"] ?? "")" }
        }
    }

    /// How many requests the guest has sent about what is shared at a target.
    func requests(at target: String) async throws -> Int {
        let shares = try #require(try await json("status", name)["shares"] as? [[String: Any]])
        let share = shares.first { ($0["targets"] as? [[String: String]])?.first?["path"] == target }
        return try #require((share?["activity"] as? [String: Any])?["requests"] as? Int)
    }

    /// Powers the guest off.
    func end() async throws -> Finished {
        try type("exit")
        return try await program.finish(limit: 60)
    }
}

extension LiveGuest {
    /// All that a request which failed must leave as it was.
    struct Traces: Equatable, CustomStringConvertible {
        /// The launcher's descriptors, but for the host's files of the guest's root, by what they are.
        var descriptors: [String: Int]
        /// The launcher's threads, by their names.
        var threads: [String: Int]
        var shares: [String]
        /// How many mounts the guest has.
        var mounts: String
        /// The guest's directories.
        var directories: String

        var description: String {
            let counts = (descriptors.map { ($0, $1) } + threads.map { ($0, $1) }).sorted { $0.0 < $1.0 }
            return (counts.map { "\($0.0): \($0.1)" } + shares + ["\(mounts) mounts", directories])
                .joined(separator: "; ")
        }
    }

    /// What there is now, with nothing in the guest's memory of what it does not use.
    func traces() async throws -> Traces {
        let mounts = try await ask("sync; echo 3 > /proc/sys/vm/drop_caches; wc -l < /proc/self/mountinfo")
        let directories = try await ask("ls -d /*/ /mnt/*/ /mnt/*/*/ /mnt/*/*/*/ 2>/dev/null | sort | tr '\\n' ' '")
        return Traces(
            descriptors: descriptors, threads: threads, shares: try await shares, mounts: mounts,
            directories: directories)
    }

    /// Waits until all is as it was: threads with nothing to do end a moment later, and so do connections.
    ///
    /// - Returns: What there is then.
    func settles(to traces: Traces, within seconds: Double = 10) async throws -> Traces {
        let end = ContinuousClock.now + .seconds(seconds)
        while true {
            let now = try await self.traces()
            if now == traces || ContinuousClock.now > end { return now }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// The launcher's open descriptors by kind: files of the scratch directory by their path.
    var descriptors: [String: Int] {
        let directory = "/proc/\(launcher)/fd"
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        var kinds: [String: Int] = [:]
        for number in numbers {
            guard let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\(number)")
            else { continue }
            // What the guest has of its root comes and goes with every program it runs.
            if link.hasPrefix("/"), !link.hasPrefix(scratch.root) { continue }
            kinds[link.components(separatedBy: ":[")[0], default: 0] += 1
        }
        return kinds
    }

    /// The launcher's threads by name.
    var threads: [String: Int] {
        let directory = "/proc/\(launcher)/task"
        var names: [String: Int] = [:]
        for task in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
            guard let name = try? String(contentsOfFile: "\(directory)/\(task)/comm", encoding: .utf8) else { continue }
            names[name.trimmingCharacters(in: .newlines), default: 0] += 1
        }
        return names
    }
}
