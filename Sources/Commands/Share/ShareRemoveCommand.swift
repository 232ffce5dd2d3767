internal import ArgumentParser
internal import Control
internal import Machine

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

    @OptionGroup var choice: ShareChoice

    @Flag(help: "Even if something in the guest uses it, which keeps what it has open.")
    var force = false

    @Flag(help: "And what the guest has open of it fails from now on (ESTALE).")
    var revoke = false

    @Option(help: "table or json.")
    var format = OutputFormat.table

    func run() throws {
        let machine = try ShareTalk.entry(choice.machine)
        let removal = ShareRemoval(share: choice.share, force: force, revoke: revoke, timeout: choice.timeout)
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
}
