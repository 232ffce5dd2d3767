import Foundation
import Testing

/// The built `sheaf`, as its users run it.
enum Sheaf {
    /// Where the built programs are: beside the test bundle.
    static let products: String = {
        let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? CommandLine.arguments[0]
        var directory = URL(fileURLWithPath: bundle).resolvingSymlinksInPath()
        while directory.path != "/" {
            directory.deleteLastPathComponent()
            if FileManager.default.isExecutableFile(atPath: directory.appendingPathComponent("sheaf").path) { break }
        }
        return directory.path
    }()

    /// Where Scripts/fetch-kernel puts Debian's kernels.
    static let kernels: String = {
        let environment = ProcessInfo.processInfo.environment
        return (environment["XDG_CACHE_HOME"] ?? "\(environment["HOME"] ?? "")/.cache") + "/sheaf/kernels"
    }()

    /// The path of the newest fetched kernel of a version.
    static func kernel(_ version: String) throws -> String {
        let versions = try FileManager.default.contentsOfDirectory(atPath: kernels).filter {
            $0.hasPrefix(version + ".")
        }
        let newest = try #require(
            versions.max { $0.compare($1, options: .numeric) == .orderedAscending },
            "no kernel \(version) in \(kernels): run Scripts/fetch-kernel")
        return "\(kernels)/\(newest)/vmlinuz"
    }

    /// The arguments of a `sheaf run` on a Debian kernel.
    static func run(_ version: String = "6.12", _ arguments: [String]) throws -> [String] {
        ["\(products)/sheaf", "run", "--kernel", try kernel(version), "--accel", "tcg"] + arguments
    }

    /// Words as one line for a shell.
    static func shellLine(_ words: [String]) -> String {
        words.map { "'" + $0.replacingOccurrences(of: "'", with: "'\\''") + "'" }.joined(separator: " ")
    }
}

/// The same programs and kernels where an ordinary user reaches them: the checkout and root's cache need not be.
final class OrdinaryUser {
    static let number: UInt32 = 12345
    let scratch: Scratch

    init(kernel version: String) throws {
        scratch = try Scratch()
        let kernel = URL(fileURLWithPath: try Sheaf.kernel(version)).deletingLastPathComponent()
        let cache = try scratch.directory("cache/sheaf/kernels")
        let files = FileManager.default
        try files.copyItem(atPath: kernel.path, toPath: "\(cache)/\(kernel.lastPathComponent)")
        for program in ["sheaf", "sheaf-agent"] {
            try files.copyItem(atPath: "\(Sheaf.products)/\(program)", toPath: scratch.path(program))
        }
        try adopt("cache")
        try adopt(try name(ofDirectory: "home"))
    }

    /// Makes a directory that belongs to the user.
    func directory(_ name: String) throws -> String {
        let path = try scratch.directory(name)
        try adopt(name)
        return path
    }

    private func name(ofDirectory name: String) throws -> String {
        _ = try scratch.directory(name)
        return name
    }

    private func adopt(_ name: String) throws {
        let chown = Process()
        chown.executableURL = URL(fileURLWithPath: "/bin/chown")
        chown.arguments = ["-R", "\(Self.number):\(Self.number)", scratch.path(name)]
        try chown.run()
        chown.waitUntilExit()
    }

    /// The arguments of a command line that runs `sheaf run` as this user.
    func run(_ version: String, _ arguments: [String]) -> [String] {
        command(["run", "--kernel", version, "--accel", "tcg"] + arguments)
    }

    /// The arguments of a command line that runs `sheaf` as this user.
    func command(_ arguments: [String]) -> [String] {
        let home = scratch.path("home")
        var words = ["-u", "XDG_STATE_HOME", "HOME=\(home)", "XDG_RUNTIME_DIR=\(home)"]
        words.append("XDG_CACHE_HOME=\(scratch.path("cache"))")
        if getuid() == 0 {
            words += ["setpriv", "--reuid=\(Self.number)", "--regid=\(Self.number)", "--clear-groups"]
        }
        return words + [scratch.path("sheaf")] + arguments
    }
}
