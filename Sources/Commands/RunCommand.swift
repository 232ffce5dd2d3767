internal import ArgumentParser
internal import Control
internal import EventLoop
internal import Glibc
internal import Linux
internal import Machine
internal import Sandbox
internal import SystemPackage

/// `sheaf run`: boot a VM, run a command in it, exit with its status.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Boot a VM with shares and run a command, or a shell, in it.",
        usage: "sheaf run [-v SRC[:DST][:ro|rw]]... [options] [-- COMMAND...]",
        discussion: """
            The guest runs a kernel of this machine (or --kernel) on the host's own system, read-only under a temporary
            overlay: what the guest writes outside of shares is gone with it, and nothing personal is in it that you did
            not share. No root privileges are needed.

              sheaf run                                       a shell
              sheaf run -v ~/src:/src -v ~/models:/models:ro  a shell with two folders, one of them read-only
              sheaf run -v .:/work --cwd /work -- make check  one command; its own exit status, stdout and stderr
              sheaf run -d --name build -v .:/work            in the background, for exec, shell, logs and stop
              sheaf run --kernel arch/x86/boot/bzImage --timeout 60 -- uname -r

            Read-only is enforced on the host: root in the guest cannot get around it.

            Exit status: the command's own; 124 after --timeout; 125 when the VM could not be launched; 126 or 127 when
            the command cannot be executed or is not found; 128+N when signal N ended it; 255 (or --panic-exit-code)
            after a kernel panic, a reset, or the guest's sudden end.
            """)

    @Option(
        name: [.short, .customLong("share")],
        help: ArgumentHelp(
            "Share a host directory or file (repeatable). Without DST it appears at the same path as on the host.",
            discussion: "Or by keys: source=SRC,target=DST,name=NAME,ro. '\\' takes the next character as it is.",
            valueName: "SRC[:DST][:ro|rw]"),
        transform: ShareArgument.checked)
    var v: [ShareRequest] = []

    @Option(help: ArgumentHelp("A kernel image, a build tree, or a version such as 6.12.", valueName: "PATH|VERSION"))
    var kernel: String?

    @Option(help: ArgumentHelp("The kernel's modules, where they are not in /lib/modules.", valueName: "DIR"))
    var modules: String?

    @Option(
        help: ArgumentHelp(
            "The guest's root: host, host:all, none, or a directory (DIR:rw to write through).", valueName: "ROOT"),
        transform: RootSelection.init(argument:))
    var root: RootSelection = .host(everything: false)

    @Option(help: ArgumentHelp("More for the guest's kernel command line.", valueName: "TEXT"))
    var append: String?

    @Option(help: ArgumentHelp("Virtual CPUs.", valueName: "N"))
    var cpus = 1

    @Option(help: ArgumentHelp("The guest's memory: 512M, 2G.", valueName: "SIZE"))
    var memory = MemorySize(mebibytes: 1024)

    @Option(help: ArgumentHelp("auto, kvm or tcg.", valueName: "WHICH"))
    var accel = "auto"

    @Option(
        help: ArgumentHelp(
            "The VM's name for ps and status, and the guest's host name (default: vm-PID, and sheaf).",
            valueName: "NAME"))
    var name: String?

    @OptionGroup var options: CommandOptions

    @Flag(
        name: .shortAndLong,
        help: ArgumentHelp(
            "Return when the guest is ready, and print the VM's name.",
            discussion: "Without a command the VM stays until stop, else until the command has ended."))
    var detach = false

    @Option(help: Polling.help)
    var poll = Polling.auto

    @Option(help: ArgumentHelp("Give up after so many seconds, with exit status 124.", valueName: "SECONDS"))
    var timeout: Double?

    @Option(help: ArgumentHelp("What to exit with after a panic, a reset or a lost guest.", valueName: "CODE"))
    var panicExitCode: UInt8 = 255

    @Option(help: ArgumentHelp("Write outcome, times and shares as JSON ('-' for stderr).", valueName: "FILE"))
    var report: String?

    @Option(
        help: ArgumentHelp(
            "A system call that the file server has no use for: kill, log or off.",
            discussion: "kill ends the launcher and says which call it was; off sets no limit.", valueName: "WHAT"))
    var seccomp = SeccompMode.kill

    @Flag(help: "Print the QEMU command and the kernel command line, and start nothing.")
    var dryRun = false

    @Flag(name: .shortAndLong, help: "Say nothing but errors.")
    var quiet = false

    @Flag(help: "Say what is done, and show the guest's console.")
    var verbose = false

    @Option(help: .hidden)
    var backgroundSocket: Int32?

    @Option(help: .hidden)
    var backgroundLog: String?

    @Argument(parsing: .postTerminator, help: ArgumentHelp("What to run in the guest.", valueName: "COMMAND"))
    var command: [String] = []

    func validate() throws {
        guard (1...256).contains(cpus) else { throw ValidationError("--cpus \(cpus) is not between 1 and 256") }
        guard memory.mebibytes >= 128 else { throw ValidationError("--memory \(memory.mebibytes)M is under 128M") }
        guard ["auto", "kvm", "tcg"].contains(accel) else {
            throw ValidationError("--accel \(accel) is none of auto, kvm, tcg")
        }
        // The upper end is what the loop's timers hold, some 46 days.
        if let timeout, !(timeout > 0 && timeout <= Duration.mostSeconds) {
            throw ValidationError(
                "--timeout \(timeout) is not a number of seconds between 0 and \(Int(Duration.mostSeconds))")
        }
        if let name { try MachineName.check(name) }
    }

    func run() throws {
        var configuration = MachineConfiguration()
        configuration.command = command
        configuration.shares = v
        configuration.root = root
        configuration.kernel = kernel
        configuration.modules = modules.map(absolutePath)
        configuration.append = append
        configuration.cpus = cpus
        configuration.memory = memory.mebibytes
        configuration.acceleration = accel
        configuration.mayPoll = poll == .auto
        configuration.name = name
        configuration.hostname = name ?? configuration.hostname
        configuration.directory = options.cwd
        configuration.environment = options.variables
        configuration.timeout = timeout
        configuration.panicExitCode = panicExitCode
        configuration.report = report.map { $0 == "-" ? "-" : absolutePath($0) }
        configuration.seccomp = seccomp
        configuration.isQuiet = quiet
        configuration.isVerbose = verbose
        if dryRun {
            print(try saying(exit: 125) { () throws(LaunchError) in try DryRun.describe(configuration) })
            return
        }
        if let backgroundSocket, let backgroundLog {
            configuration.background = MachineConfiguration.Background(
                socket: backgroundSocket, log: FilePath(backgroundLog))
        } else if detach {
            return try launchInBackground()
        }
        let launcher = Launcher(configuration)
        let control = ControlPoint(of: launcher, isQuiet: quiet)
        launcher.menu = RunMenu()
        throw withExtendedLifetime(control) { ExitCode(Int32(launcher.run())) }
    }

    /// Has this very command line run by another process, which knows by two options more that it is the one.
    private func launchInBackground() throws {
        let launch = BackgroundLaunch { background in
            let arguments = CommandLine.arguments.dropFirst()
            let name = arguments.firstIndex(of: "run").map { $0 + 1 } ?? arguments.startIndex
            let more = ["--background-socket", "\(background.socket)", "--background-log", background.log.string]
            return arguments[..<name] + more + arguments[name...]
        }
        switch try saying(exit: 125, { () throws(LaunchError) in try launch.run() }) {
        case .ready(let name): print(name)
        case .failed(let status): throw ExitCode(Int32(status))
        }
    }
}

extension ShareArgument {
    /// `parse`, with an error that the argument parser shows as it stands.
    static func checked(_ text: String) throws -> ShareRequest {
        do {
            return try parse(text)
        } catch {
            throw ValidationError(error.description)
        }
    }
}

extension RootSelection {
    /// Reads the value of `--root`.
    init(argument: String) throws {
        switch argument {
        case "host": self = .host(everything: false)
        case "host:all": self = .host(everything: true)
        case "none": self = .none
        case "": throw ValidationError("--root is empty (write host, host:all, none or a directory)")
        default:
            let isWritable = argument.hasSuffix(":rw")
            let path = isWritable || argument.hasSuffix(":ro") ? String(argument.dropLast(3)) : argument
            self = .directory(absolutePath(path), isWritable: isWritable)
        }
    }
}
