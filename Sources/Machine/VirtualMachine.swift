internal import EventLoop
internal import Glibc
internal import GuestBoot
internal import GuestLink
internal import Linux
internal import Logging
internal import QEMU
internal import ShareHost
internal import SystemPackage

/// One VM: QEMU and its devices, the link to the agent, and what is known of the guest.
///
/// It goes from `start` to `events.off`, whatever happens; `powerOff` and `kill` hasten that.
final class VirtualMachine {
    /// Why the VM is off.
    enum End {
        /// The guest powered off, or was told to.
        case poweredOff
        /// The guest reset itself.
        case reset
        /// The guest's kernel panicked: its last lines.
        case panicked([String])
        /// QEMU went away by itself: how, and its last words.
        case lost(String)
        /// QEMU ended before the agent had spoken: why.
        case neverBooted(String)
    }

    /// What the VM reports, on the loop's thread.
    struct Events {
        /// The guest is set up and takes commands; again after each `restarted`.
        var ready: () -> Void = {}
        /// The guest has reset itself and boots again. Its commands are gone.
        var restarted: () -> Void = {}
        /// The guest will not become ready; the VM is still to be ended.
        var failed: (_ outcome: Outcome, _ text: String) -> Void = { _, _ in }
        /// What is being done, for who wants to know it all; the guest's console too.
        var note: (_ text: String) -> Void = { _ in }
        /// QEMU is gone; called once, and nothing after it.
        var off: (_ end: End) -> Void = { _ in }
    }

    /// Who hears of what.
    var events = Events()
    /// When what happened.
    var clock: PhaseClock
    /// What was decided before the start.
    let plan: LaunchPlan
    /// What the guest's kernel said on its console.
    private(set) var console = ConsoleWatch()
    /// The guest kernel's word on its release, once the agent has spoken.
    private(set) var kernelRelease: String?
    /// The launcher's end of the link.
    let link: AgentLink

    /// The guest's shares.
    let shares: LiveShares

    private let loop: EventLoop
    private let shareHost: ShareHost
    private let devices: BucketDevices
    private let mounts: GuestMounts
    /// How the devices' threads tell of their frontend's end.
    private lazy var departures = loop.mailbox { [weak self] (text: String) in self?.events.note(text) }
    /// Where the link's bytes leave, once there is a socket for them.
    private final class Outlet {
        var stream: ByteStream?
    }

    private let outlet = Outlet()
    private let reboots: Bool
    /// How often the guest has reset itself.
    private var resets = 0
    /// Whether the agent has spoken since the last of them.
    private var hasSpoken = false
    /// Set while what comes over the link may be of the guest before a reset.
    private var settling: EventSource?
    private var consoleStream: ByteStream?
    private var consoleLog: ConsoleLog?
    private var qemu: QEMUProcess?
    private var monitor: QMPClient?
    private var silence: EventSource?
    private var escalation: EventSource?
    private var lastSign: Double = 0
    private var shutdownReason: String?
    private var panicWasTold = false
    private var isPoweringOff = false
    private var isKilled = false
    /// Whether the guest is set up and has said so.
    private(set) var isReady = false
    /// What an end that was not waited for has cost; nil where it cost nothing.
    private(set) var loss: String?
    /// How QEMU ended, once it has, until its last words have been read.
    private var exit: QEMUProcess.Exit?
    private var openStreams = 0

    /// Decides everything and opens the shares; nothing runs yet.
    ///
    /// - Throws: What stands in the way of the launch.
    init(_ configuration: MachineConfiguration, clock: PhaseClock, on loop: EventLoop) throws(LaunchError) {
        self.clock = clock
        self.loop = loop
        reboots = configuration.reboots
        shareHost = ShareHost(
            log: Logger(label: "sheaf"), seccomp: configuration.seccomp, mayPoll: configuration.mayPoll)
        plan = try LaunchPlan(configuration, shareHost: shareHost)
        devices = BucketDevices(of: shareHost, fromBoot: plan.buckets, requestQueues: plan.requestQueues)
        let link = AgentLink(waiting: { [outlet] in outlet.stream?.pendingBytes ?? 0 }) { [outlet] bytes in
            outlet.stream?.write(bytes)
        }
        self.link = link
        mounts = GuestMounts(on: loop) { [unowned link] kind, payload in link.send(kind, session: 0, payload) }
        shares = LiveShares(of: shareHost, on: loop, guest: mounts, devices: devices)
        shares.note(atBoot: plan.shares)
        self.clock.reach(.prepared)
    }

    /// Starts QEMU and boots.
    ///
    /// - Throws: What stands in the way of the launch. No QEMU runs then.
    func start() throws(LaunchError) {
        do {
            try spawn()
        } catch let error as QEMUError {
            throw LaunchError(error.description)
        } catch let error as Errno {
            throw LaunchError("no socket for QEMU can be made: \(error.explained)")
        } catch let error as LaunchError {
            throw error
        } catch {
            throw LaunchError("\(error)")
        }
        clock.reach(.spawned)
        events.note("\(plan.summary); QEMU is process \(qemu?.pid ?? -1); console log \(plan.consoleLog)")
        lastSign = clock.elapsed
        watchSilence()
    }

    /// Asks the guest to end, so that all its writes reach the host, and ends it when that takes long.
    ///
    /// - Parameters:
    ///   - limit: Seconds that it may take.
    ///   - patience: How many of them its programs get to end by themselves; a short while when nil.
    func powerOff(within limit: Double = 30, patience: Double? = nil) {
        guard exit == nil, !isKilled else { return }
        isPoweringOff = true
        link.powerOff(patience: patience.map { UInt32(($0 * 1000).rounded()) })
        escalation = loop.after(.seconds(limit)) { [weak self] in
            self?.loss =
                "the guest did not power off within \(limit.formatted) s and was ended: "
                + "what it had not written yet is lost"
            self?.kill()
        }
    }

    /// Ends QEMU without asking the guest.
    func kill() {
        guard let qemu else { return }
        isKilled = true
        monitor?.execute("quit")
        escalation = loop.after(.seconds(2)) { qemu.kill() }
    }

    /// QEMU's process id, while it runs.
    var qemuPID: Int32? { qemu?.pid }

    /// Whether there is a console log.
    var hasLog: Bool { access(plan.consoleLog.string, F_OK) == 0 }

    /// Ends QEMU this moment: what it waits for will not come.
    func killAtOnce() {
        isKilled = true
        qemu?.kill()
    }

    /// Removes what the run left: with the log kept, all but that. Where the file server was stopped its threads stay as they
    /// are until the process ends.
    func cleanUp(keepingLog: Bool, isServing: Bool) {
        if isServing { shareHost.stop() }
        if !keepingLog { unlink(plan.consoleLog.string) }
    }

    // MARK: - Start

    private func spawn() throws {
        var inherited = InheritedDescriptors()
        let linkPair = try SocketPair()
        let consolePipe = try Pipe()
        let monitorPair = try SocketPair()
        var fileSystems: [Hardware.FileSystem] = []
        // QEMU has copies of its ends once it is started.
        var sockets: [SharedDescriptor] = []
        defer { withExtendedLifetime(sockets) {} }
        let mailbox = departures.mailbox
        devices.onDeparture = { mailbox.post($0) }
        for bucket in plan.buckets {
            let (device, socket) = try devices.connect(bucket)
            sockets.append(socket)
            fileSystems.append(
                Hardware.FileSystem(
                    tag: bucket.tag, backend: inherited.add(socket.number), requestQueues: device.requestQueues))
        }
        var hardware = plan.hardware(
            console: inherited.addOutput(consolePipe.writingEnd.number), fileSystems: fileSystems)
        hardware.reservedPorts = devices.reservedPorts
        hardware.agentLink = inherited.add(linkPair.far.number)
        hardware.monitor = inherited.add(monitorPair.far.number)

        let linkStream = try ByteStream(owning: linkPair.near, on: loop)
        linkStream.read { [weak self] in self?.receiveFromLink($0) }
        outlet.stream = linkStream
        let consoleStream = try ByteStream(owning: consolePipe.readingEnd, on: loop)
        consoleStream.read { [weak self] in self?.receiveFromConsole($0) }
        self.consoleStream = consoleStream
        openStreams = 3
        let monitor = try QMPClient(owning: monitorPair.near, on: loop)
        monitor.onReady = { [weak self] _ in self?.run() }
        monitor.onEvent = { [weak self] in self?.handle($0) }
        monitor.onClosed = { [weak self] _ in self?.streamEnded() }
        self.monitor = monitor
        devices.monitor = monitor
        listenToAgent()
        qemu = try QEMUProcess(
            plan.program, hardware.commandLine(for: plan.qemuVersion), inheriting: inherited, on: loop
        ) { [weak self] in self?.qemuEnded($0) }
    }

    private func run() {
        // Not before: of a QEMU that does not take its command line there is no console to be shown.
        do throws(LaunchError) {
            consoleLog = try ConsoleLog(at: plan.consoleLog)
        } catch {
            return events.failed(.launcherError, error.description)
        }
        // Over -no-reboot, without which a guest that resets before this would not be seen.
        if reboots { monitor?.execute("set-action", ["reboot": "reset"]) }
        monitor?.execute("cont") { [weak self] answer in
            guard let self else { return }
            switch answer {
            case .success:
                clock.reach(.running)
                lastSign = clock.elapsed
            case .failure(let error): events.failed(.launcherError, "QEMU does not start the guest: \(error)")
            }
        }
    }

    /// Gives a guest up that says nothing at all, neither on its console nor over the link, before it is ready: one whose
    /// command line is too long for it, or that this CPU cannot run.
    private func watchSilence() {
        silence = loop.every(.seconds(1)) { [weak self] in
            guard let self else { return }
            let limit = plan.silenceLimit
            guard clock.elapsed - lastSign > limit * 1000 else { return }
            silence = nil
            let way =
                plan.accelerator == .kvm
                ? "try --accel tcg, or --verbose to see its console" : "try --verbose to see its console"
            events.failed(.bootFailed, "the guest has said nothing for \(Int(limit)) s while it booted; \(way)")
        }
    }

    // MARK: - The guest speaks

    private func listenToAgent() {
        link.events.hello = { [weak self] release in
            guard let self else { return }
            hasSpoken = true
            clock.reach(.agent)
            kernelRelease = release
            if resets == 0 {
                for setting in plan.commandLine.spilled { link.send(setting: setting) }
            } else {
                link.send(setting: forgetting)
            }
            link.begin()
        }
        link.events.ready = { [weak self] in
            guard let self else { return }
            silence = nil
            guard resets > 0 else { return becomeReady() }
            shares.mountAll { [weak self] in self?.becomeReady() }
        }
        link.events.failed = { [weak self] error, text in
            let reason = error == 0 ? "" : ": \(Errno(rawValue: CInt(truncatingIfNeeded: error)).explained)"
            self?.events.failed(.bootFailed, "the guest cannot \(text)\(reason)")
        }
        link.events.result = { [weak self] in self?.mounts.receive(result: $0, $1, $2) }
        link.events.mounts = { [weak self] in self?.mounts.receive(mounts: $0, $1) }
        link.events.log = { [weak self] in self?.events.note("guest: \($0)") }
        link.events.broken = { [weak self] reason in
            guard let self else { return }
            events.failed(isReady ? .lost : .bootFailed, "the link to the guest is broken: \(reason)")
        }
    }

    private func becomeReady() {
        isReady = true
        clock.reach(.mounted)
        if resets == 0 { shares.guestIsReady() }
        events.ready()
    }

    /// The guest has reset itself and boots again, to get all the shares that there are by now.
    private func restart() {
        // QEMU had passed on what the guest said before it told of the reset, and no guest boots in so short a time.
        settling = loop.after(.milliseconds(50)) { [weak self] in self?.settling = nil }
        lastSign = clock.elapsed
        // Firmware resets the machine once more, or twice, before it boots it.
        guard hasSpoken else { return }
        hasSpoken = false
        resets += 1
        isReady = false
        watchSilence()
        shares.guestRestarts()
        link.restart()
        events.restarted()
    }

    private func receiveFromLink(_ input: ByteStream.Input) {
        guard case .bytes(let bytes) = input else { return streamEnded() }
        guard settling == nil else { return }
        lastSign = clock.elapsed
        bytes.withUnsafeBytes { link.receive($0) }
    }

    private func receiveFromConsole(_ input: ByteStream.Input) {
        guard case .bytes(let bytes) = input else { return streamEnded() }
        lastSign = clock.elapsed
        clock.reach(.console)
        if let failure = consoleLog?.append(bytes) { events.note(failure) }
        for line in bytes.withUnsafeBytes({ console.append($0) }) { events.note("console: \(line)") }
        if console.hasPanicked, escalation == nil {
            // A panic ends in a reset, and that ends QEMU; but not with every kernel and every `panic=`.
            escalation = loop.after(.seconds(3)) { [weak self] in self?.kill() }
        }
    }

    private func streamEnded() {
        openStreams -= 1
        finishWhenRead()
    }

    private func handle(_ event: QMPEvent) {
        switch event {
        case .shutdown(_, let reason): shutdownReason = reason
        case .guestPanicked: panicWasTold = true
        case .reset(byGuest: true, _):
            // A panic ends in a reset as well, and is no reboot that anybody wants.
            guard reboots, !isPoweringOff, !console.hasPanicked, !panicWasTold else { return kill() }
            restart()
        case .stopped:
            // An emulation failure stops the CPUs and leaves QEMU there, which nothing would ever end.
            monitor?.execute("query-status") { [weak self] answer in
                guard let self, case .success(let status) = answer, status["status"]?.text == "internal-error" else {
                    return
                }
                let advice = plan.accelerator == .kvm ? ", as a KVM that cannot run it does; try --accel tcg" : ""
                events.failed(isReady ? .lost : .bootFailed, "QEMU stopped the guest with an internal error\(advice)")
            }
        default: break
        }
    }

    // MARK: - The end

    private func qemuEnded(_ exit: QEMUProcess.Exit) {
        silence = nil
        self.exit = exit
        // Something that QEMU left behind would hold the sockets open for ever.
        escalation = loop.after(.milliseconds(500)) { [weak self] in
            self?.openStreams = 0
            self?.finishWhenRead()
        }
        finishWhenRead()
    }

    /// Tells of the end when QEMU is gone and what it had written before is read.
    private func finishWhenRead() {
        guard let exit, openStreams <= 0 else { return }
        self.exit = nil
        escalation = nil
        consoleStream?.close()
        consoleLog = nil
        outlet.stream?.close()
        monitor?.close()
        shares.close()
        qemu = nil
        console.finish()
        clock.reach(.off)
        events.off(end(exit))
    }

    /// The setting that makes the agent forget what the command line says of shares.
    private var forgetting: [UInt8] { SettingKey.forget.withUTF8Buffer { Array($0) } + [UInt8(ascii: "=")] }

    /// What the agent last wrote on the console, for a guest that ended before it was ready.
    private var agentsWords: String {
        console.tail.last { $0.contains("sheaf-agent: ") }.map { " (\(Self.explained($0)))" } ?? ""
    }

    /// The agent's line with its errno in words: it knows the number alone.
    private static func explained(_ line: String) -> String {
        let words = line.split(separator: " ")
        guard words.count > 2, words[words.count - 2] == "errno", let number = words.last.flatMap({ CInt($0) }) else {
            return line
        }
        return words.dropLast(2).joined(separator: " ") + " " + Errno(rawValue: number).explained
    }

    private func end(_ exit: QEMUProcess.Exit) -> End {
        let words = exit.lastWords.isEmpty ? "" : ": \(exit.lastWords)"
        if console.hasPanicked || panicWasTold {
            return .panicked(console.panicLines.isEmpty ? console.tail : console.panicLines)
        }
        guard let reason = shutdownReason else {
            let isKilled = exit.status == .signaled(SIGKILL)
            let advice = isKilled ? ", as by a host that is out of memory: see its kernel's log" : ""
            let text = "QEMU ended with \(exit.status)\(advice)\(words)"
            return isReady ? .lost(text) : .neverBooted(text)
        }
        switch reason {
        case "guest-reset":
            return isReady ? .reset : .neverBooted("the guest reset itself while it booted\(agentsWords)")
        case "guest-shutdown":
            return isReady ? .poweredOff : .neverBooted("the guest powered off while it booted\(agentsWords)")
        case "guest-panic": return .panicked(console.tail)
        default: return .lost("QEMU was told to end (\(reason))\(words)")
        }
    }
}
