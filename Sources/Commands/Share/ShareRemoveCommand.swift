internal import ArgumentParser
internal import Control
internal import Glibc
internal import Machine
internal import SystemPackage

/// `sheaf share rm`: takes a share from a VM that runs.
struct ShareRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm",
        abstract: "Take a share, or one of its targets, from a VM that runs.",
        usage: "sheaf share rm [VM] SHARE [--force] [--revoke]",
        discussion: """
            A share that something in the guest uses stays, unless it is forced. Nothing is removed on the host but the
            sharing.
            """)

    @Argument(
        help: ArgumentHelp(
            "The VM, where several run, and the share: its target, its host directory or its name.",
            valueName: "[VM] SHARE"), completion: .machinesAndShares)
    var words: [String] = []

    @Flag(help: "Even if something in the guest uses it, which keeps what it has open.")
    var force = false

    @Flag(help: "And what the guest has open of it fails from now on (ESTALE).")
    var revoke = false

    @Option(help: ArgumentHelp("Seconds that the guest may take (default: 10).", valueName: "SECONDS"))
    var timeout: Double?

    @Option(help: "table or json.")
    var format = OutputFormat.table

    func validate() throws {
        guard (1...2).contains(words.count) else { throw ValidationError("which share? Write [VM] SHARE") }
        try ShareAddCommand.check(timeout)
    }

    func run() throws {
        let machine = try ShareTalk.entry(words.count > 1 ? words[0] : nil)
        let removal = ShareRemoval(
            share: Self.selector(words[words.count - 1]), force: force, revoke: revoke, timeout: timeout)
        let removed = try ShareTalk.with(machine) {
            client throws(ControlClientError) in try client.remove(removal)
        }
        if format == .json { return try printJSON(removed) }
        let places = removed.targets.isEmpty ? "" : " at \(removed.targets.joined(separator: ", "))"
        let rest = removed.isGone ? "" : "; the share has other targets"
        print(
            "\(removed.source) is no longer\(places) in \(machine.name), after \(ShareTalk.time(removed.milliseconds))\(rest)"
        )
    }

    /// A share as a person names it: a path that is not absolute is a host directory's where there is one, else a name.
    static func selector(_ word: String) -> String {
        guard !word.hasPrefix("/") else { return word }
        let path = absolutePath(word)
        guard word.contains("/") || access(path.string, F_OK) == 0 else { return word }
        guard let resolved = realpath(path.string, nil) else { return path.string }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
