internal import FileService
internal import Glibc
internal import GuestBoot
internal import Logging
internal import QEMU
internal import ShareHost

/// What a launch would start, as text to paste into a shell.
public enum DryRun {
    /// Decides everything that a launch decides, starts nothing, and writes down what would be started.
    ///
    /// The file server runs inside the launcher and its sockets have no names; in the text it is `sheaf serve` with sockets
    /// in a directory of the user's own, so that the lines can be run as they stand.
    ///
    /// - Throws: What stands in the way of the launch.
    public static func describe(_ configuration: MachineConfiguration) throws(LaunchError) -> String {
        let plan = try LaunchPlan(configuration, shareHost: ShareHost(log: Logger(label: "sheaf")))
        let directory = "\(runtimeDirectory)/sheaf-\(configuration.hostname)"
        let quoted = ShellWord.quoted(directory)
        // Whoever owned the sockets' directory could serve the guest, and read its memory.
        var lines = ["# \(plan.summary)", "mkdir -m 700 -p \(quoted) && test -O \(quoted) && {"]
        var fileSystems: [Hardware.FileSystem] = []
        for bucket in plan.buckets {
            let socket = "\(directory)/\(bucket.rawValue).sock"
            var words = ["sheaf", "serve", "--socket", socket]
            if bucket.access == .readOnly { words.append("--ro") }
            for share in plan.shares where share.bucket == bucket {
                let options = share.options.texts.map { ",\($0)" }.joined()
                words += ["-v", "source=\(escaped(share.source)),name=\(escaped(share.subname))\(options)"]
            }
            lines.append(words.map(ShellWord.quoted).joined(separator: " ") + " &")
            lines.append("until test -S \(ShellWord.quoted(socket)); do sleep 0.05; done")
            fileSystems.append(
                Hardware.FileSystem(
                    tag: bucket.tag, backend: .connect(path: socket), requestQueues: plan.requestQueues))
        }
        var hardware = plan.hardware(console: .stdio, fileSystems: fileSystems)
        hardware.agentLink = .listen(path: "\(directory)/agent.sock")
        lines.append(hardware.commandLine(for: plan.qemuVersion).shellCommand(program: plan.program.path))
        lines.append("}")
        if !plan.commandLine.spilled.isEmpty {
            lines.append("# \(plan.commandLine.spilled.count) shares more go to the agent over its link")
        }
        return lines.joined(separator: "\n")
    }

    /// `$XDG_RUNTIME_DIR`, or `/tmp` without it.
    private static var runtimeDirectory: String {
        guard let directory = getenv("XDG_RUNTIME_DIR"), directory[0] == CChar(bitPattern: UInt8(ascii: "/")) else {
            return "/tmp"
        }
        return String(cString: directory)
    }

    /// A value for the keyed form of a share.
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            if character == "," || character == "\\" { result.append("\\") }
            result.append(character)
        }
    }
}
