public import ArgumentParser
internal import CLinux
internal import Glibc

/// The `sheaf` command: one stalk, many leaves.
public struct Sheaf: ParsableCommand {
    /// What `sheaf --help` says.
    public static let configuration = CommandConfiguration(
        commandName: "sheaf",
        abstract: "Boot a VM with your folders in it.",
        discussion: """
            sheaf run -v ~/src:/src                       a shell in a VM that has ~/src at /src
            sheaf run -v .:/work -- make -C /work check   run one command there and exit with its status
            sheaf run -d --name box -v ~/src:/src         one in the background
            sheaf exec box -- make -C /src                a command in it (sheaf shell box: a shell)
            sheaf logs box                                what it has written
            sheaf stop box                                power it off
            sheaf ps                                      the VMs that run, and what they run on
            sheaf share add ~/data:/data                  one of them gets a folder more, now
            sheaf status --watch                          one of them, and what is being done with its shares
            sheaf serve --socket /tmp/fs.sock -v ~/src    only the file server, for a QEMU of your own
            sheaf doctor                                  what this machine has for it, and what is missing
            """,
        version: version,
        subcommands: [
            RunCommand.self, ExecCommand.self, ShellCommand.self, LogsCommand.self, StopCommand.self, ShareCommand.self,
            PsCommand.self, StatusCommand.self, ServeCommand.self, DoctorCommand.self, CompletionCommand.self,
        ])

    /// Sheaf's version.
    static let version = "0.1.0"

    /// A command without arguments.
    public init() {}

    /// Parses the process's arguments, runs the command and exits with its status. Never returns.
    ///
    /// A usage error exits with 64 (EX_USAGE), as every program made with the argument parser does.
    public static func start() -> Never {
        openStandardStreams()
        signal(SIGPIPE, SIG_IGN)
        // Some parents start their children with signals blocked; then nothing could ask us to end.
        _ = cl_unblock_signals()
        main()
        Glibc.exit(0)
    }

    /// Opens /dev/null where one of the three standard descriptors is closed, before anything else could be opened at its
    /// number and be mistaken for it.
    private static func openStandardStreams() {
        for number: CInt in 0...2 where fcntl(number, F_GETFD) < 0 {
            _ = open("/dev/null", number == 0 ? O_RDONLY : O_WRONLY)
        }
    }
}
