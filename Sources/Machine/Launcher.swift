public import EventLoop
internal import Glibc
internal import GuestBoot
internal import GuestLink
internal import Linux
internal import QEMU
internal import Sandbox
public import SystemPackage

/// One `sheaf run`: a VM, one command in it, and how that ended.
public final class Launcher {
    let configuration: MachineConfiguration
    let loop = EventLoop()
    private var clock = PhaseClock()
    private(set) var machine: VirtualMachine?
    private var streams: StandardStreams?
    private var session: GuestSession?
    private var sources: [EventSource] = []
    private var deadline: EventSource?

    /// What is known of the outcome so far; the first word counts.
    private var outcome: Outcome?
    private var message: String?
    var isEnding = false
    private(set) var isOff = false
    private var flushLimit: EventSource?
    /// Looks out for a thread of the file server that was stopped.
    private var stopWatch: ForbiddenCallWatch?
    /// Whether there was one.
    private var isStopped = false
    /// The signal that asked the launcher to end, or that stands for what did.
    var asked: UInt8?
    private(set) var directory: RuntimeDirectory?
    /// Who asked for a stop and wants to know when the guest is off, and whether it was ended.
    var stops: [(_ isForced: Bool) -> Void] = []
    /// Who waits for a launcher in the background to be ready.
    var starter: Starter?
    /// Whether this is a launcher in the background that nobody waits for any more.
    var isOnItsOwn = false
    /// Where a launcher in the background writes to.
    var launchLog: FilePath?

    /// Called once, on the thread and with the loop that ``run()`` uses, when everything is decided and QEMU is about to be
    /// started: whoever shall answer for the VM while it runs may listen at `socket`. The path is removed with the VM.
    /// What it throws ends the launch.
    public var onStart: ((_ loop: EventLoop, _ socket: FilePath) throws(LaunchError) -> Void)?
    /// Called with a sentence where the VM has no directory of its own, and so nobody can find it.
    public var onHidden: ((_ reason: String) -> Void)?

    /// What Ctrl-] opens at a terminal; without one it ends the VM.
    public var menu: (any EscapeMenu)?

    /// A run of this configuration.
    public init(_ configuration: MachineConfiguration) {
        self.configuration = configuration
    }

    /// Boots, runs, and cleans up.
    ///
    /// To be called on the main thread: QEMU is killed when the thread that started it ends.
    ///
    /// - Returns: What the process is to exit with.
    public func run() -> UInt8 {
        do {
            try launch()
            loop.run()
        } catch {
            settle(.launcherError, "\(error)")
        }
        return conclude()
    }

    private func launch() throws {
        try joinStarter()
        // The last run's report must not pass for this one's.
        if let path = configuration.report, path != "-" { unlink(path.string) }
        let size = request(Terminal.Size()).payload.count
        guard size <= frameMaximumPayload else {
            throw LaunchError(
                "the command and its environment take \(size) bytes, and the guest takes at most "
                    + "\(frameMaximumPayload); put them into a script in a share")
        }
        let streams: StandardStreams
        do {
            streams = try StandardStreams(on: loop, configuration.isDetached ? .output : nil)
        } catch {
            throw LaunchError("the standard streams cannot be used: \(error.explained)")
        }
        streams.onEscape = { [unowned self] in openMenu(on: streams) }
        self.streams = streams
        if let timeout = configuration.timeout {
            sources.append(
                loop.after(.seconds(max(0, timeout - clock.elapsed / 1000))) { [unowned self] in
                    settle(.timeout, "the command did not end within \(timeout.formatted) s")
                    end(orderly: false)
                })
        }

        stopWatch = try ForbiddenCallWatch(on: loop) { [unowned self] call in
            isStopped = true
            settle(.launcherError, call.description)
            guard let machine = self.machine, !isOff else { return loop.stop() }
            isEnding = true
            streams.endInput()
            machine.killAtOnce()
        }
        if configuration.seccomp != .kill, !configuration.isQuiet {
            streams.say("sheaf: --seccomp \(configuration.seccomp.rawValue): the file server may make any system call")
        }
        try claimName()
        try nameLaunchLog()
        var named = configuration
        named.name = directory?.name
        let machine = try VirtualMachine(named, clock: clock, on: loop)
        self.machine = machine
        // Not before: as long as no loop runs, nobody would be told, and what is read above may be slow to come.
        watchSignals()
        machine.events.ready = { [unowned self] in startCommand() }
        machine.events.restarted = { [unowned self] in
            if !configuration.isQuiet { streams.say("sheaf: the guest reboots") }
        }
        machine.events.failed = { [unowned self] outcome, text in
            settle(outcome, text)
            end(orderly: false)
        }
        machine.events.note = { [unowned self] text in if configuration.isVerbose { streams.say("sheaf: \(text)") } }
        machine.events.off = { [unowned self] end in machineIsOff(end) }
        if let directory { try onStart?(loop, directory.controlSocket) }
        try machine.start()
    }

    /// Takes the VM's name and its directory. A VM without one runs all the same, but for a name that is somebody else's.
    private func claimName() throws {
        do throws(RuntimeDirectory.Failure) {
            directory = try RuntimePlace().claim(configuration.name, else: "vm")
        } catch {
            guard configuration.isDetached || error.isTaken else {
                onHidden?(error.description)
                return
            }
            throw LaunchError(error.description)
        }
    }

    // MARK: - The command

    private func startCommand() {
        guard let machine, let streams, !isEnding else { return }
        // A guest in the background is there for the commands that come later.
        if configuration.isDetached, configuration.command.isEmpty { return tellStarter() }
        let session: GuestSession
        do throws(AgentLink.NoSessionLeft) {
            session = try machine.link.execute(request(streams.windowSize))
        } catch {
            settle(.launcherError, Self.tooManyCommands)
            return end(orderly: false)
        }
        self.session = session
        streams.join(session)
        let written = session.events.written
        session.events.written = { [unowned self] stream, bytes in
            self.machine?.clock.reach(.output)
            written(stream, bytes)
        }
        session.events.started = { [unowned self] _ in
            self.machine?.clock.reach(.started)
            tellStarter()
            if streams.hasTerminal, configuration.command.isEmpty, !configuration.isQuiet {
                streams.say("sheaf: Ctrl-] opens a menu: add a share, list shares, end the VM")
            }
            streams.beginInput()
        }
        session.events.ended = { [unowned self] in commandEnded($0) }
    }

    private func request(_ size: Terminal.Size) -> ExecRequest {
        let hasTerminal = streams?.hasTerminal ?? true
        let environment = (hasTerminal ? [Terminal.kind].compactMap(\.self) : []) + configuration.environment
        return ExecRequest(
            configuration.command, environment: environment, directory: configuration.directory,
            terminal: hasTerminal ? size : nil)
    }

    private func commandEnded(_ status: GuestSession.Status) {
        deadline = nil
        machine?.clock.reach(.ended)
        session = nil
        switch status {
        case .exited(let code): settle(.exited(code: code))
        case .signaled(let number): settle(.signaled(number: number))
        case .failed: settle(.cannotExecute(notFound: status.isNotFound), status.failure?.sentence)
        // The guest reboots, and the next session begins with it.
        case .lost: return
        }
        // Else it ended because the guest is about to.
        if !isEnding { end(orderly: true) }
    }

    // MARK: - The end

    /// Notes the outcome, if there is none yet.
    func settle(_ outcome: Outcome, _ message: String? = nil) {
        guard self.outcome == nil else { return }
        self.outcome = outcome
        self.message = message
    }

    private func watchSignals() {
        var counts: [CInt: Int] = [:]
        sources += loop.onRequestToEnd { [unowned self] signal in
            counts[signal.number, default: 0] += 1
            asked(toEndBy: UInt8(truncatingIfNeeded: signal.number), at: counts[signal.number, default: 0])
        }
    }

    private func openMenu(on streams: StandardStreams) {
        guard let menu, let machine else { return asked(toEndBy: UInt8(truncatingIfNeeded: SIGINT), at: 2) }
        let host = EscapeMenuHost(streams, shares: machine.shares) { [unowned self] orderly in
            guard orderly else { return asked(toEndBy: UInt8(truncatingIfNeeded: SIGINT), at: 2) }
            settle(.exited(code: 0))
            end(orderly: true)
        }
        streams.openMenu { menu.type($0) }
        menu.open(host)
    }

    /// Passes the first request to end on to the command, and ends the VM with the second, or when the command takes long.
    private func asked(toEndBy signal: UInt8, at count: Int) {
        asked = signal
        if let session, count == 1, !isEnding {
            session.signal(signal)
            deadline = loop.after(.seconds(3)) { [unowned self] in
                settle(.signaled(number: signal))
                end(orderly: false)
            }
        } else if isEnding, !isOff, count == 1 {
            // The command has ended, and the guest is about to: its last writes are worth the moment.
        } else {
            settle(.signaled(number: signal))
            end(orderly: false)
        }
    }

    /// Ends the VM: by asking the guest, so that its writes reach the host, or at once.
    func end(orderly: Bool) {
        // With the machine gone only output is waited for, which somebody may never take.
        guard let machine, !isOff else { return loop.stop() }
        if !isEnding, orderly {
            machine.powerOff()
        } else {
            machine.kill()
        }
        isEnding = true
        streams?.endInput()
    }

    private func machineIsOff(_ end: VirtualMachine.End) {
        deadline = nil
        isOff = true
        streams?.endInput()
        tellStops()
        switch end {
        case .panicked(let lines):
            settle(.panic, (["the guest's kernel panicked:"] + lines).joined(separator: "\n"))
        case .reset:
            settle(.reset, "the guest reset itself before the command had ended")
        case .poweredOff:
            // Who leaves an interactive VM by `poweroff` has not failed at anything.
            if configuration.command.isEmpty {
                settle(.exited(code: 0))
            } else {
                settle(.lost, "the guest powered off before the command had ended")
            }
        case .lost(let text):
            settle(.lost, text)
        case .neverBooted(let text):
            settle(.bootFailed, text)
        }
        if outcome == .timeout || asked != nil || isStopped { limitFlush() }
        guard let streams else { return loop.stop() }
        streams.flush { [unowned self] in loop.stop() }
    }

    /// Gives whoever reads the output a moment and no more.
    func limitFlush() {
        flushLimit = loop.after(.seconds(1)) { [unowned self] in loop.stop() }
    }

    /// Says what there is to say, writes the report, and gives the exit status.
    private func conclude() -> UInt8 {
        // From here on signals do what they do by default: nothing answers them any more.
        sources = []
        deadline = nil
        var outcome = outcome ?? .launcherError
        // Whether the command was quicker than the news of it or not: what it wrote is not where it should be.
        if let failure = streams?.failure, [.exited(code: 0), .signaled(number: UInt8(SIGPIPE))].contains(outcome) {
            outcome = .launcherError
            message = "\(failure.name) cannot be written: \(failure.error.explained)"
        }
        // A command that a passed-on signal ended may have caught it and exited by itself: that is its own status then.
        if case .signaled = outcome {
        } else if asked != nil, case .lost = outcome {
            outcome = .signaled(number: asked ?? 0)
        }
        let code = outcome.exitCode(panicCode: configuration.panicExitCode)
        streams?.endInput()
        if let loss = machine?.loss { FileDescriptor.standardError.say("sheaf: \(loss)") }
        if let message {
            FileDescriptor.standardError.say("sheaf: \(message)")
            if outcome.isFailure, let machine, machine.hasLog, !configuration.isQuiet {
                FileDescriptor.standardError.say("sheaf: the guest's console is in \(machine.plan.consoleLog)")
            }
        }
        if let path = configuration.report {
            do {
                try report(outcome, code: code).write(to: path)
            } catch {
                FileDescriptor.standardError.say("sheaf: \(error)")
            }
        }
        machine?.cleanUp(keepingLog: outcome.isFailure || isOnItsOwn, isServing: !isStopped)
        removeLaunchLog()
        directory?.remove()
        return code
    }

    private func report(_ outcome: Outcome, code: UInt8) -> Report {
        var phases: [String: Double] = [:]
        for (phase, time) in (machine?.clock ?? clock).times { phases[phase.rawValue] = (time * 1000).rounded() / 1000 }
        return Report(
            outcome: outcome.name, exitCode: code, message: message, kernel: machine?.plan.kernel.path.string,
            kernelRelease: machine?.kernelRelease, accelerator: machine?.plan.accelerator.rawValue, phases: phases,
            shares: machine?.plan.reportedShares ?? [], consoleTail: machine?.console.tail ?? [])
    }
}

extension Launcher {
    /// The VM as it is now; nil before everything is decided. On the thread that runs it.
    public var status: VMStatus? {
        guard let machine else { return nil }
        let state: VMStatus.State =
            isEnding || isOff ? .ending : machine.isReady ? .running : machine.qemuPID == nil ? .preparing : .booting
        let plan = machine.plan
        return VMStatus(
            name: directory?.name ?? configuration.hostname, state: state, pid: getpid(), qemuPID: machine.qemuPID,
            kernelRelease: machine.kernelRelease, kernel: plan.kernel.path, accelerator: plan.accelerator.rawValue,
            cpus: configuration.cpus, memory: configuration.memory, uptime: clock.elapsed / 1000,
            aggregates: machine.shares.aggregates, shares: machine.shares.list)
    }

    /// The guest's shares; nil before everything is decided. On the thread that runs the VM.
    public var shares: LiveShares? { machine?.shares }
}

extension Outcome {
    /// Whether the run ended in another way than by the command's own end.
    fileprivate var isFailure: Bool {
        switch self {
        case .exited, .signaled, .cannotExecute: false
        default: true
        }
    }
}

extension Double {
    /// Without a fraction where it is whole.
    var formatted: String { self == rounded() ? "\(Int(self))" : "\(self)" }
}
