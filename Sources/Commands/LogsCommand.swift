internal import ArgumentParser
internal import CLinux
internal import Control
internal import Glibc
internal import Linux
internal import Machine
internal import SystemPackage

/// `sheaf logs`: what a VM wrote where nobody looked.
struct LogsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Show what a VM has written.",
        discussion: """
            Of a VM that was started with --detach and a command, that is what the command wrote; of any other, and with
            --console, what its guest wrote on its console. The logs of VMs in the background are kept when they end, and the
            console of one that failed: of the last twenty.

            In a terminal, control characters in a log are shown as '?'; elsewhere the bytes are as they were written.
            """)

    @Argument(
        help: ArgumentHelp("The VM's name, also of one that has ended; needed where several run.", valueName: "VM"),
        completion: .machines)
    var vm: String?

    @Flag(name: .shortAndLong, help: "Go on until the VM ends.")
    var follow = false

    @Flag(help: "Show the guest's console, even where there is a command's output.")
    var console = false

    func run() throws {
        do {
            let (logs, client) = try find()
            let path = console ? logs.console : logs.output ?? logs.console
            guard let path else {
                throw LaunchError("the VM '\(logs.name)' has written no \(console ? "console log" : "log") yet")
            }
            try show(path, of: logs.name, while: follow ? client : nil)
        } catch {
            FileDescriptor.standardError.say("sheaf: \(error)")
            throw ExitCode(1)
        }
    }

    /// The logs of the VM that is meant, and a connection to it where it runs.
    private func find() throws(LaunchError) -> (MachineLogs, ControlClient?) {
        let logs = try MachineLogs.all()
        let running: RuntimePlace.Entry
        do throws(LaunchError) {
            running = try MachineChoice.entry(for: vm)
        } catch {
            // It may have ended.
            if let vm, let kept = logs.first(where: { $0.name == vm }) { return (kept, nil) }
            guard !logs.isEmpty else { throw error }
            let names = logs.reduce(into: [String]()) { if !$0.contains($1.name) { $0.append($1.name) } }
            throw LaunchError("\(error); there are logs of: \(names.joined(separator: ", "))")
        }
        let client: ControlClient
        let status: MachineStatus
        do throws(ControlClientError) {
            client = try ControlClient(path: running.controlSocket)
            status = try client.status()
        } catch {
            throw LaunchError("the VM '\(running.name)' cannot be asked for its logs: \(error)")
        }
        // Those of an earlier VM of the name are another's.
        guard let own = logs.first(where: { $0.name == status.name && $0.pid == status.pid }) else {
            throw LaunchError("the VM '\(status.name)' has written no log yet")
        }
        return (own, client)
    }

    /// Shows a log, and what is added to it until the VM's connection ends.
    private func show(_ path: FilePath, of name: String, while client: ControlClient?) throws(LaunchError) {
        do {
            let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
            let isTerminal = cl_is_terminal(STDOUT_FILENO)
            var text = LogText()
            var hasEnded = client == nil
            while true {
                let bytes = try [UInt8](unsafeUninitializedCapacity: 64 * 1024) { buffer, count in
                    count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
                }
                if !bytes.isEmpty {
                    let shown = isTerminal ? Array(text.append(bytes).utf8) : bytes
                    try FileDescriptor.standardOutput.writeAll(shown)
                } else if hasEnded {
                    return
                } else {
                    // What it wrote last may come before or after the news of its end: one more turn finds it.
                    hasEnded = client?.waitForEnd(within: .milliseconds(100)) ?? true
                }
            }
        } catch Errno.brokenPipe {
            // Who reads this has seen enough.
        } catch let error as Errno {
            throw LaunchError("the log '\(path)' cannot be shown: \(error.explained)")
        } catch {
            throw LaunchError("the log '\(path)' cannot be shown: \(error)")
        }
    }
}
