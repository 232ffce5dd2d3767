internal import Control
internal import Machine
internal import SystemPackage

/// A VM as it is found from outside.
enum LiveMachine: Encodable {
    /// It answered.
    case known(MachineStatus)
    /// It did not: its name, why (`preparing`, `unreachable`), and that in words.
    case silent(name: String, state: String, reason: String)

    /// The VMs of this user that run, each asked for its status.
    ///
    /// - Throws: That they cannot be looked for.
    static func all() throws(LaunchError) -> [LiveMachine] {
        try RuntimePlace().liveMachines().map(LiveMachine.init)
    }

    /// Asks a VM.
    init(_ entry: RuntimePlace.Entry) {
        do throws(ControlClientError) {
            self = .known(try ControlClient(path: entry.controlSocket, timeout: .seconds(3)).status())
        } catch {
            self.init(entry, failedWith: error)
        }
    }

    /// A VM that could not be asked.
    init(_ entry: RuntimePlace.Entry, failedWith error: ControlClientError) {
        var state = "unreachable"
        // The socket comes last.
        if case .cannotConnect(_, .noSuchFileOrDirectory) = error { state = "preparing" }
        if case .refused(let failure) = error, failure.code == .unavailable { state = "preparing" }
        self = .silent(name: entry.name, state: state, reason: error.description)
    }

    /// The VM's name.
    var name: String {
        switch self {
        case .known(let status): status.name
        case .silent(let name, _, _): name
        }
    }

    /// The status's object, or one of `name`, `state` and `message`.
    func encode(to encoder: any Encoder) throws {
        switch self {
        case .known(let status): try status.encode(to: encoder)
        case .silent(let name, let state, let reason):
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(name, forKey: .name)
            try container.encode(state, forKey: .state)
            try container.encode(reason, forKey: .message)
        }
    }

    private enum Key: String, CodingKey {
        case name, state, message
    }
}
