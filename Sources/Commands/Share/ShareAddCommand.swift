internal import ArgumentParser
internal import Control
internal import Linux
internal import Machine
internal import SystemPackage

/// `sheaf share add`: one more folder for a VM that runs.
struct ShareAddCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Share one more host directory with a VM that runs.",
        usage: "sheaf share add [VM] SRC[:DST][:ro|rw] [--timeout SECONDS] [-q]",
        discussion: """
            Returns when the guest has it mounted. Without DST it appears at the same path as on the host. The same folder
            added again gets one more target; at a target that it has already nothing changes.
            """)

    @Argument(
        help: ArgumentHelp(
            "The VM, where several run, and the share as 'sheaf run -v' takes it.", valueName: "[VM] SRC[:DST][:ro|rw]")
    )
    var words: [String] = []

    @Option(help: ArgumentHelp("Seconds that host and guest may take (default: 10).", valueName: "SECONDS"))
    var timeout: Double?

    @Option(help: "table or json.")
    var format = OutputFormat.table

    @Flag(name: .shortAndLong, help: "Say nothing but errors.")
    var quiet = false

    func validate() throws {
        guard words.count <= 2 else { throw ValidationError("one share at a time: [VM] SRC[:DST][:ro|rw]") }
        guard words.count > 0 else { throw ValidationError("which directory? Write SRC[:DST][:ro|rw]") }
        try Self.check(timeout)
        _ = try ShareArgument.checked(words[words.count - 1])
    }

    static func check(_ timeout: Double?) throws {
        if let timeout, !(timeout > 0 && timeout <= 86_400) {
            throw ValidationError("--timeout \(timeout) is not a number of seconds between 0 and 86400")
        }
    }

    func run() throws {
        let request = try ShareArgument.checked(words[words.count - 1])
        let addition = ShareAddition(
            source: request.source.string, target: request.target, access: request.isReadOnly ? "ro" : nil,
            name: request.name, hidesPersonalData: request.hidesPersonalData ? true : nil, timeout: timeout)
        let (added, name) = try ShareTalk.with(words.count > 1 ? words[0] : nil) {
            client throws(ControlClientError) in try client.add(addition)
        }
        if format == .json { return try printJSON(added) }
        guard !quiet else { return }
        print(ShareTalk.sentence(added, in: name))
        if let command = added.mountCommand { print("in the guest: \(command)") }
    }
}
