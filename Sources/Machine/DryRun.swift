internal import GuestBoot
internal import Logging
internal import QEMU
internal import ShareHost

/// What a launch would start, as text to paste into a shell.
public enum DryRun {
    /// Decides everything that a launch decides, starts nothing, and writes down what would be started.
    ///
    /// The file server runs inside the launcher and its sockets have no names; in the text it is `sheaf serve` with sockets
    /// below `$XDG_RUNTIME_DIR`, so that the lines can be run as they stand.
    ///
    /// - Throws: What stands in the way of the launch.
    public static func describe(_ configuration: MachineConfiguration) throws(LaunchError) -> String {
        let plan = try LaunchPlan(configuration, shareHost: ShareHost(log: Logger(label: "sheaf")))
        let directory = "/tmp/sheaf-\(configuration.hostname)"
        var lines = ["# \(plan.summary)", "mkdir -p \(ShellWord.quoted(directory))"]
        var fileSystems: [Hardware.FileSystem] = []
        for bucket in plan.buckets {
            let socket = "\(directory)/\(bucket.rawValue).sock"
            var words = ["sheaf", "serve", "--socket", socket]
            if bucket == .readOnly { words.append("--ro") }
            for share in plan.shares where share.bucket == bucket {
                words += ["-v", "source=\(escaped(share.source)),name=\(escaped(share.subname))"]
            }
            lines.append(words.map(ShellWord.quoted).joined(separator: " ") + " &")
            fileSystems.append(
                Hardware.FileSystem(
                    tag: bucket.tag, backend: .connect(path: socket), requestQueues: plan.requestQueues))
        }
        var hardware = plan.hardware(console: .stdio, fileSystems: fileSystems)
        hardware.agentLink = .listen(path: "\(directory)/agent.sock")
        lines.append(hardware.commandLine(for: plan.qemuVersion).shellCommand(program: plan.program.path))
        if !plan.commandLine.spilled.isEmpty {
            lines.append("# \(plan.commandLine.spilled.count) shares more go to the agent over its link")
        }
        return lines.joined(separator: "\n")
    }

    /// A value for the keyed form of a share.
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            if character == "," || character == "\\" { result.append("\\") }
            result.append(character)
        }
    }
}
