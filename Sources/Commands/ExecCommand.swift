internal import ArgumentParser
internal import Machine

/// `sheaf exec`: one more command in a VM that runs.
struct ExecCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec",
        abstract: "Run a command in a VM that runs.",
        usage: "sheaf exec [VM] [options] -- COMMAND...",
        discussion: """
            Without a terminal the command's standard input, output and error are three separate streams, as they are for
            run; with one it gets a terminal of its own, and Ctrl-] three times leaves it. Signals are passed on.

              sheaf exec -- df -h /src               in the only VM that runs
              sheaf exec build --cwd /src -- make    in the VM named build

            Exit status: the command's own; 125 when the VM cannot be asked; 126 or 127 when the command cannot be executed
            or is not found; 128+N when signal N ended it; 255 when the VM has ended.
            """)

    @Argument(help: ArgumentHelp(MachineChoice.help, valueName: "VM"), completion: .machines)
    var vm: String?

    @OptionGroup var options: CommandOptions

    @Argument(parsing: .postTerminator, help: ArgumentHelp("What to run in the guest.", valueName: "COMMAND"))
    var command: [String] = []

    func validate() throws {
        guard !command.isEmpty else {
            throw ValidationError("there is no command to run: write it after '--' (sheaf shell gives you a shell)")
        }
    }

    func run() throws {
        throw ExitCode(Int32(try inMachine(vm) { RemoteCommand(command, in: $0, options, isQuiet: false).run() }))
    }
}

/// `sheaf shell`: a login shell in a VM that runs.
struct ShellCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell",
        abstract: "Get a shell in a VM that runs.",
        discussion: "Its exit status is the shell's, or as of exec. Ctrl-] three times leaves it.")

    @Argument(help: ArgumentHelp(MachineChoice.help, valueName: "VM"), completion: .machines)
    var vm: String?

    @OptionGroup var options: CommandOptions

    @Flag(name: .shortAndLong, help: "Say nothing but errors.")
    var quiet = false

    func run() throws {
        throw ExitCode(Int32(try inMachine(vm) { RemoteCommand([], in: $0, options, isQuiet: quiet).run() }))
    }
}

/// Does something in the VM that an argument names.
///
/// - Throws: Status 125, when it has been said that there is none.
private func inMachine(_ argument: String?, _ body: (RuntimePlace.Entry) -> UInt8) throws -> UInt8 {
    body(try saying(exit: 125) { () throws(LaunchError) in try MachineChoice.entry(for: argument) })
}
