internal import ArgumentParser
internal import Control
internal import Linux
internal import SystemPackage

/// `sheaf share ls`: a VM's shares.
struct ShareListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List the shares of a VM that runs.",
        discussion: "sheaf status shows what is done with them.")

    @Argument(help: ArgumentHelp(MachineChoice.help, valueName: "VM"), completion: .machines)
    var machine: String?

    @Option(help: "table or json.")
    var format = OutputFormat.table

    @Flag(name: .shortAndLong, help: "Only the targets, one a line.")
    var quiet = false

    func run() throws {
        let status = try ShareTalk.with(ShareTalk.entry(machine)) { client throws(ControlClientError) in
            try client.status()
        }
        if format == .json { return try printJSON(status.shares) }
        var table = TextTable("TARGET", "SOURCE", "ACCESS", "STATE", "SUBNAME")
        for share in status.shares {
            let targets = share.targets.map { ($0.path, $0.state.rawValue) }
            for (target, state) in targets.isEmpty ? [("-", "-")] : targets {
                if quiet {
                    print(printable(target == "-" ? share.subname : target))
                } else {
                    table.append(target, share.source, share.access, state, share.subname)
                }
            }
        }
        guard !quiet else { return }
        table.lines.forEach { print($0) }
        for aggregate in status.aggregates where aggregate.device == "external" {
            // One line shows all directories; each file goes to a place of its own.
            let shares = status.shares.filter { $0.bucket == aggregate.bucket }
            let directory = shares.first { $0.kind != .file }
            for share in (directory.map { [$0] } ?? []) + shares.filter({ $0.kind == .file }) {
                print("in the guest: \(AgentlessGuest.mountCommand(tag: aggregate.tag, share: share))")
            }
        }
    }
}
