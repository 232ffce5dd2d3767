internal import ArgumentParser
internal import Control
internal import Machine

/// `sheaf share set`: another target or access for a share.
struct ShareSetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Move a share to another place in the guest, or change what the guest may do with it.",
        usage: "sheaf share set [VM] SHARE [--target DST] [--ro | --rw] [--force]")

    @OptionGroup var choice: ShareChoice

    @Option(help: ArgumentHelp("Where the guest is to have it, an absolute path.", valueName: "DST"))
    var target: String?

    @Flag(help: "Let the guest only read. Enforced on the host.")
    var ro = false

    @Flag(help: "Let the guest write.")
    var rw = false

    @Flag(help: "Even if something in the guest uses it, which keeps what it has open.")
    var force = false

    @Option(help: "table or json.")
    var format = OutputFormat.table

    func validate() throws {
        guard !(ro && rw) else { throw ValidationError("--ro and --rw exclude each other") }
        guard target != nil || ro || rw else { throw ValidationError("what is to change? Give --target, --ro or --rw") }
        if let target, !target.hasPrefix("/") { throw ValidationError("--target '\(target)' is not absolute") }
    }

    func run() throws {
        let machine = try ShareTalk.entry(choice.machine)
        let change = ShareChange(
            share: choice.share, target: target, access: ro ? "ro" : rw ? "rw" : nil, force: force,
            timeout: choice.timeout)
        let added = try ShareTalk.with(machine) {
            client throws(ControlClientError) in try client.change(change)
        }
        if format == .json { return try printJSON(added) }
        print(ShareTalk.sentence(added, in: machine.name))
    }
}
