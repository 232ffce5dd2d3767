internal import Control
internal import EventLoop
internal import Glibc
internal import Linux
internal import Machine
internal import SystemPackage

/// A command in a running VM, on this process's standard streams: three that are kept apart, or a terminal.
///
/// The VM gets pipes of its own, and this process carries what goes through them: a launcher in the background may not read a
/// terminal, and none may write to one that is another's.
final class RemoteCommand {
    private let entry: RuntimePlace.Entry
    private let command: [String]
    private let options: CommandOptions
    private let isQuiet: Bool
    private let loop = EventLoop()
    private let terminal: Terminal?
    private var client: CommandClient?
    private var input: Pump?
    private var outputs: [(name: String, pump: Pump)] = []
    private var signals: [EventSource] = []
    private var result: Result<EndedCommand, ControlClientError>?
    /// The signal that this process has left its command with.
    private var departure: CInt?

    /// A command, or a login shell without one, in a VM.
    init(_ command: [String], in entry: RuntimePlace.Entry, _ options: CommandOptions, isQuiet: Bool) {
        self.command = command
        self.entry = entry
        self.options = options
        self.isQuiet = isQuiet
        terminal = Terminal(on: loop)
    }

    /// Runs the command.
    ///
    /// - Returns: What this process is to exit with.
    func run() -> UInt8 {
        do {
            try start()
        } catch let error as ControlClientError {
            return fail(125, error.description)
        } catch let error as Errno {
            return fail(125, "the streams of a command cannot be made: \(error.explained)")
        } catch {
            return fail(125, "\(error)")
        }
        watchSignals()
        if terminal != nil, command.isEmpty, !isQuiet {
            FileDescriptor.standardError.say("sheaf: Ctrl-] three times leaves")
        }
        terminal?.makeRaw()
        input?.begin()
        loop.run()
        terminal?.restore()
        signals = []
        return conclude()
    }

    private func start() throws {
        let client = try CommandClient(path: entry.controlSocket, on: loop)
        self.client = client
        let inward = try Pipe()
        let outward = try Pipe()
        let errors = try Pipe()
        let input = Pump(
            from: try ByteStream(sharing: STDIN_FILENO, on: loop),
            to: try ByteStream(owning: inward.writingEnd, on: loop), end: .pass)
        input.passes = { [unowned self] in passes($0) }
        self.input = input
        try add("standard output", from: outward.readingEnd, to: STDOUT_FILENO)
        try add("standard error", from: errors.readingEnd, to: STDERR_FILENO)
        let size = terminal?.size ?? Terminal.Size()
        let execution = CommandExecution(
            arguments: command,
            environment: (terminal == nil ? [] : [Terminal.kind].compactMap(\.self)) + options.variables,
            directory: options.cwd, hasTerminal: terminal != nil, rows: size.rows, columns: size.columns)
        client.onEnd = { [unowned self] in ended($0) }
        try client.execute(
            execution, input: inward.readingEnd, output: outward.writingEnd, errorOutput: errors.writingEnd)
        terminal?.onResize = { [unowned client] in client.resize(rows: $0.rows, columns: $0.columns) }
        for output in outputs { output.pump.begin() }
    }

    private func add(_ name: String, from source: consuming Descriptor, to number: CInt) throws {
        let pump = Pump(
            from: try ByteStream(owning: source, on: loop), to: try ByteStream(sharing: number, on: loop), end: .leave)
        pump.onEnd = { [unowned self] in finish() }
        outputs.append((name, pump))
    }

    // MARK: - Leaving

    private func passes(_ typed: [UInt8]) -> Bool {
        guard let terminal, terminal.isEscape(typed) else { return true }
        leave(with: SIGHUP)
        return false
    }

    /// Passes signals on; one that comes three times within a second means this process.
    private func watchSignals() {
        var times: [CInt: [ContinuousClock.Instant]] = [:]
        signals = loop.onRequestToEnd { [unowned self] signal in
            let now = ContinuousClock.now
            let recent = (times[signal.number] ?? []).filter { now - $0 < .seconds(1) } + [now]
            times[signal.number] = recent
            guard recent.count < 3 else { return leave(with: signal.number) }
            client?.signal(UInt8(truncatingIfNeeded: signal.number))
        }
    }

    /// Leaves the command, which is hung up.
    private func leave(with signal: CInt) {
        departure = signal
        client?.close()
        loop.stop()
    }

    // MARK: - The end

    private func ended(_ result: Result<EndedCommand, ControlClientError>) {
        self.result = result
        input?.stop()
        finish()
    }

    /// Ends when it is known how the command did and all that it wrote is passed on.
    private func finish() {
        guard result != nil, outputs.allSatisfy(\.pump.hasEnded) else { return }
        loop.stop()
    }

    private func conclude() -> UInt8 {
        if let departure { return UInt8(truncatingIfNeeded: 128 + departure) }
        switch result {
        case .success(let ended):
            if let failure = ended.failed { FileDescriptor.standardError.say("sheaf: \(printable(failure))") }
            // Whether the command was quicker than the news of it or not: what it wrote is not where it should be.
            let lost = outputs.first { $0.pump.failure.map { $0 != .brokenPipe } ?? false }
            if let lost, let error = lost.pump.failure, [0, UInt8(128 + SIGPIPE)].contains(ended.exitStatus) {
                return fail(125, "\(lost.name) cannot be written: \(error.explained)")
            }
            return ended.exitStatus
        case .failure(.disconnected): return fail(255, "the VM '\(entry.name)' has ended, and the command with it")
        case .failure(.refused(let failure)) where failure.code == .guestLost: return fail(255, failure.message)
        case .failure(let error): return fail(125, error.description)
        case nil: return 125
        }
    }

    private func fail(_ status: UInt8, _ text: String) -> UInt8 {
        FileDescriptor.standardError.say("sheaf: \(printable(text))")
        return status
    }
}
