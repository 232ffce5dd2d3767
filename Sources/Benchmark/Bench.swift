import ArgumentParser
import Glibc

/// The program: a word for each thing it can do.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sheaf-bench",
        abstract: "Load a vhost-user-fs backend through its socket, with no guest.",
        discussion: """
            Takes the place of a VMM and its guest on the socket of any vhost-user-fs backend, checks every reply as \
            the strictest guest does, and prints what a request costs. A wrong reply ends the run: it gives no number.
            """,
        subcommands: [
            RunCommand.self, CompareCommand.self, NativeCommand.self, VerdictCommand.self, WorkloadsCommand.self,
        ],
        defaultSubcommand: RunCommand.self)
}

/// Does what the program's arguments say, and ends it.
public func runBenchmark() -> Never {
    Bench.main()
    Glibc.exit(0)
}
