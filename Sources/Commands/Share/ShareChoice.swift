internal import ArgumentParser
internal import Glibc
internal import SystemPackage

/// Which share of which VM a command is about, and how long that may take.
struct ShareChoice: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "The VM, where several run, and the share: its target, its host directory or its name.",
            valueName: "[VM] SHARE"), completion: .machinesAndShares)
    var words: [String] = []

    @Option(help: ArgumentHelp("Seconds that host and guest may take (default: 10).", valueName: "SECONDS"))
    var timeout: Double?

    func validate() throws {
        guard (1...2).contains(words.count) else { throw ValidationError("which share? Write [VM] SHARE") }
        try Self.check(timeout)
    }

    /// Refuses a time that is none.
    static func check(_ timeout: Double?) throws {
        if let timeout, !(timeout > 0 && timeout <= 86_400) {
            throw ValidationError("--timeout \(timeout) is not a number of seconds between 0 and 86400")
        }
    }

    /// The VM that is named; nil for the only one.
    var machine: String? { words.count > 1 ? words.first : nil }

    /// The share as a VM understands it: a path that is not absolute is a host directory's where there is one, else a name.
    var share: String {
        let word = words.last ?? ""
        guard !word.hasPrefix("/") else { return word }
        let path = absolutePath(word)
        guard word.contains("/") || access(path.string, F_OK) == 0 else { return word }
        guard let resolved = realpath(path.string, nil) else { return path.string }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
