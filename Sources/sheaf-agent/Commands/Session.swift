import CAgent

/// A command that the launcher runs in the guest.
final class Session {
    /// How far it has come.
    enum State {
        /// Forked; not known yet whether it can be executed.
        case starting
        /// Executed.
        case running
        /// Could not be executed: nothing is left but to reap the child.
        case failed
        /// Ended, at this moment.
        case ended(wasSignalled: Bool, value: UInt8, at: Int64)
    }

    /// The launcher's number of it.
    let number: UInt16
    /// Its first process, the leader of a session and a process group of its own.
    let process: pid_t
    private(set) var state = State.starting
    /// What the child says where it cannot execute; the end of file where it can.
    private(set) var report: Descriptor?
    let input: InputStream
    let outputs: [OutputStream]
    /// The terminal's master; nil where there are three pipes, and once the terminal has been hung up.
    private var terminal: Descriptor?
    private let command: Command
    private var exit: (wasSignalled: Bool, value: UInt8)?

    /// Starts a command.
    init(_ number: UInt16, _ request: ExecRequest) throws(Failure) {
        self.number = number
        command = Command(request)
        let streams = try attempt("make the streams of \(command.name)") { () throws(Errno) in
            try request.hasTerminal
                ? Streams(rows: request.rows, columns: request.columns) : Streams()
        }
        let report = try attempt("start \(command.name)") { () throws(Errno) in try Descriptor.pipe() }
        let command = self.command
        process = try attempt("start \(command.name)") { () throws(Errno) in
            try Session.spawn(command, streams, report: report.writing)
        }
        self.report = report.reading
        input = InputStream(into: streams.input, isTerminal: streams.terminal != nil)
        outputs = streams.outputs
        terminal = streams.terminal
    }

    private static func spawn(_ command: Command, _ streams: Streams, report: Descriptor) throws(Errno) -> pid_t {
        let candidates = CommandList(command.candidates)
        let arguments = CommandList(command.arguments)
        let environment = CommandList(command.environment)
        let process = command.directory.withCString { directory in
            var description = agent_command(
                candidates: candidates.pointers, arguments: arguments.pointers, environment: environment.pointers,
                directory: directory, directory_is_optional: command.isDirectoryOptional ? 1 : 0,
                input: streams.childInput.number, output: streams.childOutput.number,
                error_output: streams.childErrorOutput.number, has_terminal: streams.terminal == nil ? 0 : 1,
                report: report.number)
            return agent_spawn(&description)
        }
        // The pointers above must not be freed before the child has its copy of them.
        return try withExtendedLifetime((candidates, arguments, environment)) { () throws(Errno) in
            try unwrapped(process)
        }
    }

    /// Reads the child's report; nil while there is none and once it has begun to run.
    func readReport() -> Failure? {
        guard let descriptor = report else { return nil }
        var content = agent_report(stage: 0, error: 0)
        let count = withUnsafeMutableBytes(of: &content) { bytes in
            (try? descriptor.read(into: bytes)) ?? 0
        }
        report = nil
        guard count == MemoryLayout<agent_report>.size else {
            state = .running
            noteEnd()
            return nil
        }
        state = .failed
        let reason = Errno(code: content.error)
        switch agent_stage(UInt32(content.stage)) {
        case AGENT_STAGE_DIRECTORY: return Failure(attempt: "enter \(command.directory)", reason: reason)
        case AGENT_STAGE_EXECUTE: return Failure(attempt: "run \(command.name)", reason: reason)
        default: return Failure(attempt: "prepare \(command.name)", reason: reason)
        }
    }

    /// Takes the status that its first process has left, which may come before the report has been read.
    func reaped(wasSignalled: Bool, value: UInt8) {
        exit = (wasSignalled, value)
        noteEnd()
    }

    private func noteEnd() {
        guard case .running = state, let exit else { return }
        state = .ended(wasSignalled: exit.wasSignalled, value: exit.value, at: Clock.now)
        for output in outputs { output.commandEnded() }
    }

    /// What is to be said of its end: once it has ended and all its output is sent.
    func end(at now: Int64) -> (wasSignalled: Bool, value: UInt8)? {
        guard case .ended(let wasSignalled, let value, let moment) = state else { return nil }
        for output in outputs where !output.isFinished {
            output.expire(at: now, ended: moment)
            guard output.isFinished else { return nil }
        }
        return (wasSignalled, value)
    }

    /// True once it has been reaped without ever running.
    var isGone: Bool {
        if case .failed = state { exit != nil } else { false }
    }

    /// True while only time can end it.
    var isLingering: Bool {
        if case .ended = state { true } else { false }
    }

    /// The output that `credit` frames give this number.
    func output(_ stream: UInt8) -> OutputStream? {
        let kind: FrameKind = stream == 2 ? .errorOutput : .output
        return stream == 0 ? nil : outputs.first { $0.kind == kind }
    }

    /// Lets go of an output that nobody reads any more, and leaves it to the kernel to tell the command: SIGPIPE comes
    /// of a pipe without a reader, SIGHUP of a terminal without its master, which the input has to let go of as well.
    func endOutput(_ stream: UInt8) {
        guard let output = output(stream) else { return }
        output.end()
        guard terminal != nil else { return }
        input.discard()
        terminal = nil
    }

    /// Tells the terminal its size.
    func resize(rows: UInt16, columns: UInt16) {
        if let terminal { _ = agent_set_terminal_size(terminal.number, rows, columns) }
    }

    /// Sends a signal to the process group, or to the process alone where it has none yet.
    func signal(_ number: UInt8) {
        guard exit == nil else { return }
        if kill(-process, Int32(number)) < 0 { _ = kill(process, Int32(number)) }
    }
}
