internal import ArgumentParser
internal import Control
internal import Machine
internal import SystemPackage

/// `sheaf share set`: another target or access for a share.
struct ShareSetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Move a share to another place in the guest, or change what the guest may do with it.",
        usage: "sheaf share set [VM] SHARE [--target DST] [--ro | --rw] [--force]")

    @Argument(
        help: ArgumentHelp(
            "The VM, where several run, and the share: its target, its host directory or its name.",
            valueName: "[VM] SHARE"), completion: .machinesAndShares)
    var words: [String] = []

    @Option(help: ArgumentHelp("Where the guest is to have it, an absolute path.", valueName: "DST"))
    var target: String?

    @Flag(help: "Let the guest only read. Enforced on the host.")
    var ro = false

    @Flag(help: "Let the guest write.")
    var rw = false

    @Flag(help: "Even if something in the guest uses it, which keeps what it has open.")
    var force = false

    @Option(help: ArgumentHelp("Seconds that host and guest may take (default: 10).", valueName: "SECONDS"))
    var timeout: Double?

    @Option(help: "table or json.")
    var format = OutputFormat.table

    func validate() throws {
        guard (1...2).contains(words.count) else { throw ValidationError("which share? Write [VM] SHARE") }
        guard !(ro && rw) else { throw ValidationError("--ro and --rw exclude each other") }
        guard target != nil || ro || rw else { throw ValidationError("what is to change? Give --target, --ro or --rw") }
        if let target, !target.hasPrefix("/") { throw ValidationError("--target '\(target)' is not absolute") }
        try ShareAddCommand.check(timeout)
    }

    func run() throws {
        let machine = try ShareTalk.entry(words.count > 1 ? words[0] : nil)
        let change = ShareChange(
            share: ShareRemoveCommand.selector(words[words.count - 1]), target: target,
            access: ro ? "ro" : rw ? "rw" : nil, force: force, timeout: timeout)
        let added = try ShareTalk.with(machine) {
            client throws(ControlClientError) in try client.change(change)
        }
        if format == .json { return try printJSON(added) }
        print(ShareTalk.sentence(added, in: machine.name))
    }
}
