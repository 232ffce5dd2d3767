internal import Control
internal import EventLoop
internal import Linux
internal import Machine

extension ControlPoint {
    /// Runs a command in the guest for a client, which hears of its end, or hangs it up by leaving.
    static func execute(_ command: CommandExecution, _ call: ControlCall, by launcher: Launcher) {
        let descriptors = call.takeDescriptors()
        guard descriptors.count == ControlServer.descriptorLimit else {
            let text = "exec takes three descriptors, which come with its first byte; there were \(descriptors.count)"
            return call.answer(.failure(ControlFailure(.invalidRequest, text)))
        }
        let request = RelayedCommand.Request(
            arguments: command.arguments, environment: command.environment, directory: command.directory,
            terminal: command.hasTerminal ? Terminal.Size(rows: command.rows, columns: command.columns) : nil)
        let relayed: RelayedCommand
        do throws(Launcher.Refusal) {
            relayed = try launcher.execute(
                request, input: descriptors[0], output: descriptors[1], errorOutput: descriptors[2])
        } catch {
            return call.answer(.failure(ControlFailure(error)))
        }
        relayed.onEnd = { status in
            guard status != .lost else {
                let text = "the guest has rebooted, and the command has ended with it"
                return call.answer(.failure(ControlFailure(.guestLost, text)))
            }
            call.answer(.success(.ended(EndedCommand(status))))
        }
        call.onAbandoned = { relayed.hangUp() }
        call.onNotice = { notice in
            switch notice {
            case .resize(let rows, let columns): relayed.resize(Terminal.Size(rows: rows, columns: columns))
            case .signal(let number): relayed.signal(number)
            }
        }
    }
}

extension ControlFailure {
    fileprivate init(_ refusal: Launcher.Refusal) {
        switch refusal {
        case .unavailable(let text): self.init(.unavailable, text)
        case .invalid(let text): self.init(.invalidRequest, text)
        }
    }
}

extension EndedCommand {
    fileprivate init(_ status: GuestSession.Status) {
        switch status {
        case .exited(let code): self.init(exited: code)
        case .signaled(let number): self.init(signaled: number)
        case .failed, .lost:
            self.init(
                failed: status.failure?.sentence, errno: status.failure?.error.name, isNotFound: status.isNotFound)
        }
    }
}

extension MachineStop {
    /// Seconds that the guest gets: no number that a timer could not hold.
    var seconds: Double { (timeout ?? Self.defaultTimeout).clampedSeconds }
}
