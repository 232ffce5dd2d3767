internal import EventLoop
internal import Glibc
internal import GuestLink
public import Linux
internal import SystemPackage

extension Launcher {
    /// Why a command is not run for somebody.
    public enum Refusal: Error {
        /// The guest takes no commands now: a sentence.
        case unavailable(String)
        /// The command is none that the guest takes: a sentence.
        case invalid(String)
    }

    /// Runs one more command in the guest. On the thread that runs the launcher.
    ///
    /// - Parameters:
    ///   - request: What to run.
    ///   - input: What it reads, until its end. None of the three is made non-blocking.
    ///   - output: What it writes; all of it where it has a terminal.
    ///   - errorOutput: What it writes to standard error.
    /// - Returns: The command, to be kept as long as it runs.
    /// - Throws: Why it is not run.
    public func execute(
        _ request: RelayedCommand.Request, input: SharedDescriptor, output: SharedDescriptor,
        errorOutput: SharedDescriptor
    ) throws(Refusal) -> RelayedCommand {
        guard let machine, machine.isReady, !isEnding else {
            throw .unavailable(isEnding ? "the VM is about to end" : "the guest is not up yet")
        }
        let exec = ExecRequest(
            request.arguments, environment: request.environment, directory: request.directory,
            terminal: request.terminal)
        let count = exec.payload.count
        guard count <= frameMaximumPayload else {
            throw .invalid("the command and its environment take \(count) bytes, of at most \(frameMaximumPayload)")
        }
        let streams: SessionStreams
        do throws(Errno) {
            streams = SessionStreams(
                input: try ByteStream(sharing: input.number, on: loop),
                output: try ByteStream(sharing: output.number, on: loop),
                errorOutput: try ByteStream(sharing: errorOutput.number, on: loop))
        } catch {
            throw .invalid("the command's streams cannot be used: \(error.explained)")
        }
        do throws(AgentLink.NoSessionLeft) {
            return try RelayedCommand(exec, over: machine.link, streams, on: loop)
        } catch {
            throw .unavailable(Self.tooManyCommands)
        }
    }

    /// What is said where no further command can be run.
    static let tooManyCommands = "the guest has more commands that have not ended than it can be told of"

    /// Ends the VM as SIGTERM does, but at leisure: the guest's programs are asked to end, its writes reach the host.
    ///
    /// - Parameters:
    ///   - limit: Seconds until it is ended. The last word counts, where there are several.
    ///   - then: Called when the guest is off; whether it was ended.
    public func stop(within limit: Double, then: @escaping (_ isForced: Bool) -> Void) {
        guard let machine, !isOff else {
            limitFlush()
            return then(false)
        }
        stops.append(then)
        asked = asked ?? UInt8(SIGTERM)
        settle(.signaled(number: UInt8(SIGTERM)), configuration.isDetached ? nil : "the VM was stopped (sheaf stop)")
        // A guest that has not come up has nothing to lose.
        guard machine.isReady else { return end(orderly: false) }
        isEnding = true
        // Sync and unmount come after the programs.
        machine.powerOff(within: limit, patience: max(limit - 2, limit / 2))
    }

    /// Tells all who asked for a stop that the guest is off.
    func tellStops() {
        let told = stops
        stops = []
        for tell in told { tell(machine?.loss != nil) }
    }
}

extension ExecRequest {
    /// A request for a command, with a terminal where there is a size for one.
    init(_ arguments: [String], environment: [String], directory: String?, terminal: Terminal.Size?) {
        self.init(
            hasTerminal: terminal != nil, rows: terminal?.rows ?? 0, columns: terminal?.columns ?? 0,
            arguments: arguments.map { Array($0.utf8) }, environment: environment.map { Array($0.utf8) },
            directory: Array((directory ?? "").utf8))
    }
}
