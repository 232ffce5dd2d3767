internal import ArgumentParser
internal import Control
internal import Linux
internal import Machine
internal import SystemPackage

/// `sheaf status`: one VM and its shares.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show a VM that runs, and its shares.",
        discussion: "VM may be left out when exactly one runs.")

    @Argument(help: ArgumentHelp(MachineChoice.help, valueName: "VM"))
    var name: String?

    @Option(help: "table or json.")
    var format = OutputFormat.table

    func run() throws {
        let machine: LiveMachine
        do {
            machine = LiveMachine(try MachineChoice.entry(for: name))
        } catch {
            FileDescriptor.standardError.say("sheaf: \(error)")
            throw ExitCode(1)
        }
        switch machine {
        case .silent(let name, let state, let reason):
            FileDescriptor.standardError.say("sheaf: the VM '\(name)' is \(state): \(reason)")
            throw ExitCode(1)
        case .known(let status):
            if format == .json { return try printJSON(status) }
            show(status)
        }
    }

    private func show(_ status: MachineStatus) {
        let qemu = status.qemuPid.map { ", QEMU \($0)" } ?? ""
        let release = [status.kernelRelease, status.kernel.map { "(\($0))" }].compactMap { $0 }.joined(separator: " ")
        for (key, value) in [
            ("Name", status.name), ("State", status.state.rawValue), ("Uptime", uptime(status.uptime)),
            ("PID", "\(status.pid)\(qemu)"), ("Kernel", release), ("Accel", status.accelerator ?? "-"),
            ("CPUs", status.cpus.map(String.init) ?? "-"), ("Memory", status.memoryMiB.map { "\($0) MiB" } ?? "-"),
        ] {
            print(key + String(repeating: " ", count: 10 - key.count) + printable(value))
        }
        guard !status.shares.isEmpty else { return }
        print("")
        var table = TextTable("TARGET", "SOURCE", "ACCESS", "SUBNAME")
        for share in status.shares {
            table.append(
                share.targets.map(\.path).joined(separator: " "), share.source, share.access, share.subname)
        }
        table.lines.forEach { print($0) }
    }
}
