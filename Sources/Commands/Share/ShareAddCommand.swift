internal import ArgumentParser
internal import Control
internal import FileService
internal import Glibc
internal import Linux
internal import Machine
internal import SystemPackage

/// `sheaf share add`: one more folder or file for a VM that runs.
struct ShareAddCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Share one more host directory or file with a VM that runs.",
        usage: "sheaf share add [VM] [SRC[:DST][:ro|rw]] [--timeout SECONDS] [-q]",
        discussion: """
            Returns when the guest has it mounted. Without DST it appears at the same path as on the host. The same folder
            added again gets one more target; at a target that it has already nothing changes.

            Without SRC, at a terminal, it asks for source, access and target.
            """)

    @Argument(
        help: ArgumentHelp(
            "The VM, where several run, and the share as 'sheaf run -v' takes it.", valueName: "[VM] SRC[:DST][:ro|rw]"),
        completion: .file())
    var words: [String] = []

    @Option(help: ArgumentHelp("Seconds that host and guest may take (default: 10).", valueName: "SECONDS"))
    var timeout: Double?

    @Option(help: "table or json.")
    var format = OutputFormat.table

    @Flag(name: .shortAndLong, help: "Say nothing but errors.")
    var quiet = false

    func validate() throws {
        guard words.count <= 2 else { throw ValidationError("one share at a time: [VM] SRC[:DST][:ro|rw]") }
        try ShareChoice.check(timeout)
        if let source { _ = try ShareArgument.checked(source) }
        guard source != nil || SharePrompt.canAsk else {
            throw ValidationError("which directory or file? Write SRC[:DST][:ro|rw]")
        }
    }

    /// The VM that is named, and the share; nil for what is to be found out.
    ///
    /// One word alone is a VM's name only where there is nothing of that name here.
    private var machine: String? { words.count == 2 || source == nil ? words.first : nil }
    private var source: String? {
        guard words.count == 1, let word = words.first, !word.contains("/"), !word.contains(":") else {
            return words.last
        }
        let isSource = access(absolutePath(word).string, F_OK) == 0
        let isMachine = (try? RuntimePlace().liveMachines())?.contains { $0.name == word } ?? false
        return isMachine && !isSource ? nil : word
    }

    func run() throws {
        // Who is to answer is known before anything is asked.
        let machine = try ShareTalk.entry(self.machine)
        let request = try source.map(ShareArgument.checked) ?? asked()
        let addition = ShareAddition(
            source: request.source.string, target: request.target, access: request.isReadOnly ? "ro" : nil,
            name: request.name, options: request.options.texts, timeout: timeout)
        let added = try ShareTalk.with(machine) { client throws(ControlClientError) in try client.add(addition) }
        if format == .json { return try printJSON(added) }
        guard !quiet else { return }
        print(ShareTalk.sentence(added, in: machine.name))
        if let command = added.mountCommand { print("in the guest: \(command)") }
    }

    private func asked() throws -> ShareRequest {
        guard case .share(let request) = try SharePrompt.ask() else {
            FileDescriptor.standardError.say("sheaf: nothing is shared")
            throw ExitCode(1)
        }
        return request
    }
}
