internal import ArgumentParser
internal import Control
internal import Machine

/// `sheaf ps`: the VMs that run.
struct PsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps",
        abstract: "List the VMs that run.",
        discussion: "What VMs that were killed left behind is removed on the way.")

    @Option(help: "table or json.")
    var format = OutputFormat.table

    func run() throws {
        let machines = try saying { () throws(LaunchError) in try LiveMachine.all() }
        guard format == .table else { return try printJSON(machines) }
        var table = TextTable("NAME", "STATE", "UPTIME", "PID", "KERNEL", "ACCEL", "SHARES")
        for machine in machines {
            switch machine {
            case .known(let status):
                table.append(
                    status.name, status.state.rawValue, uptime(status.uptime), "\(status.pid)",
                    status.kernelRelease ?? "-", status.accelerator ?? "-", "\(status.shares.count)")
            case .silent(let name, let state, _):
                table.append(name, state, "-", "-", "-", "-", "-")
            }
        }
        table.lines.forEach { print($0) }
    }
}

/// Seconds as people read them: `42s`, `3m07s`, `2h05m`, `4d11h`.
func uptime(_ seconds: Double) -> String {
    // What another process says need be no sensible number.
    guard seconds >= 0, seconds < 1e12 else { return "-" }
    let whole = Int(seconds)
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    if whole < 60 { return "\(whole)s" }
    if whole < 3600 { return "\(whole / 60)m\(two(whole % 60))s" }
    if whole < 86400 { return "\(whole / 3600)h\(two(whole / 60 % 60))m" }
    return "\(whole / 86400)d\(two(whole / 3600 % 24))h"
}
