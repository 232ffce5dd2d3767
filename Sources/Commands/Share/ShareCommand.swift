internal import ArgumentParser
internal import Control
internal import Machine

/// `sheaf share`: the shares of a VM that runs.
struct ShareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "share",
        abstract: "Add, list, change and remove the shares of a VM that runs.",
        discussion: """
            sheaf share add ~/data:/data            the VM gets one folder more, now
            sheaf share ls                          what it has, and where
            sheaf share set /data --ro              it may only read it from now on
            sheaf share rm /data                    and now it is gone

            VM may be left out when exactly one runs. Instead of a name it may be the path of a control socket, with a '/'.
            """,
        subcommands: [ShareAddCommand.self, ShareListCommand.self, ShareSetCommand.self, ShareRemoveCommand.self])
}

/// What the commands that change shares have in common.
enum ShareTalk {
    /// The VM that is meant.
    ///
    /// - Throws: An exit status, after the reason was said.
    static func entry(_ machine: String?) throws -> RuntimePlace.Entry {
        try saying { () throws(LaunchError) in try MachineChoice.entry(for: machine) }
    }

    /// Speaks to a VM, and says for people what it or nobody answered.
    ///
    /// - Throws: An exit status, after the reason was said.
    static func with<Value>(
        _ machine: RuntimePlace.Entry, _ body: (ControlClient) throws(ControlClientError) -> Value
    ) throws -> Value {
        try saying { () throws(ControlClientError) in try body(try ControlClient(path: machine.controlSocket)) }
    }

    /// Milliseconds as people read them.
    static func time(_ milliseconds: Double) -> String {
        milliseconds < 1000
            ? "\(Int(milliseconds.rounded())) ms" : "\((milliseconds / 100).rounded() / 10) s"
    }

    /// What to say of a share that was added or changed.
    static func sentence(_ added: AddedShare, in machine: String) -> String {
        let access = added.share.access == "ro" ? "read-only" : "read-write"
        let place = added.target.map { "at \($0)" } ?? "/\(added.share.subname)"
        let device = added.isHotPlugged ? ", its device plugged in" : ""
        return "\(added.share.source) is \(place) (\(access)) in \(machine), after \(time(added.milliseconds))\(device)"
    }
}
