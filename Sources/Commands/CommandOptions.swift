internal import ArgumentParser
internal import Glibc

/// What `run`, `exec` and `shell` take for the command in the guest.
struct CommandOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Where the command starts in the guest.", valueName: "DIR"))
    var cwd: String?

    @Option(
        name: [.customShort("e"), .customLong("env")],
        help: ArgumentHelp("Set a variable for the command, or pass on yours (repeatable).", valueName: "NAME[=VALUE]"))
    var environment: [String] = []

    func validate() throws {
        if let cwd, !cwd.hasPrefix("/") { throw ValidationError("--cwd '\(cwd)' is not absolute") }
    }

    /// `NAME=VALUE` each: those given as such, and those of this process that were named and are set.
    var variables: [String] {
        environment.compactMap { text in
            if text.contains("=") { return text }
            return getenv(text).map { "\(text)=\(String(cString: $0))" }
        }
    }
}
