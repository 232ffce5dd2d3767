import CAgent

/// The agent at work: one thread, one poll(2), any number of commands.
final class Supervisor {
    /// How the guest is to end.
    enum Ending {
        case powerOff
        case restart
    }

    /// Milliseconds that the launcher has to take the last output.
    private static let patience: Int64 = 1000

    private let link: Link
    private let signals: Descriptor
    private let requests = InitRequests()
    private let devices = DeviceEvents()
    private(set) var shares: Shares
    private var sessions: [Session] = []
    private var workers: [MountWorker] = []
    private var ending: Ending?
    /// Until when programs that have been asked to end are waited for; 0 where none are.
    private var farewell: Int64 = 0
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: frameMaximumPayload, alignment: 16)

    /// A supervisor of a guest that is ready.
    init(link: Link, signals: Descriptor, shares: Shares) {
        self.link = link
        self.signals = signals
        self.shares = shares
    }

    deinit { buffer.deallocate() }

    /// Runs what the launcher asks for until the guest is to end.
    func run() -> Ending {
        while true {
            var watch = Watch()
            gather(&watch)
            watch.wait(milliseconds: patience)
            for source in watch.ready { serve(source) }
            finishSessions()
            if let ending, Clock.now >= farewell {
                passOnOutputs()
                return ending
            }
        }
    }

    /// Milliseconds after which something may be due that nothing else tells of; -1 for none.
    private var patience: Int32 {
        farewell > 0 || sessions.contains { $0.isLingering } ? Int32(OutputStream.quiet / 4) : -1
    }

    /// Asks all programs to end, and lets them do so for a while: with their streams, and with word of their ends.
    private func takeLeave(within milliseconds: UInt32) {
        farewell = Clock.now + Int64(milliseconds)
        PowerOff.askProcesses()
        reap()
    }

    /// Passes on what commands have written before the guest ends, as far as the launcher takes it in time.
    private func passOnOutputs() {
        _ = Clock.poll(every: 5, for: Supervisor.patience) { () -> Bool? in
            guard link.isConnected, !link.isBroken else { return true }
            link.flush()
            _ = link.receive()
            while let (header, payload) = link.next() {
                if case .credit = FrameKind(rawValue: header.kind) { serve(header, payload) }
            }
            // A terminal hands out its bytes a few at a time: only a turn that finds none is the last.
            var isDone = true
            for session in sessions {
                for output in session.outputs {
                    while output.pump(into: link, session: session.number, buffer: buffer) { isDone = false }
                    if output.hasUnread { isDone = false }
                }
            }
            finishSessions()
            return isDone && !link.hasOutgoing ? true : nil
        }
    }

    private func gather(_ watch: inout Watch) {
        watch.add(.link, link.descriptor, POLLIN | (link.hasOutgoing ? POLLOUT : 0))
        watch.add(.signals, signals.number, POLLIN)
        if let requests { watch.add(.requests, requests.descriptor, POLLIN) }
        if let devices { watch.add(.devices, devices.descriptor, POLLIN) }
        for session in sessions {
            if let report = session.report { watch.add(.report(session), report.number, POLLIN) }
            if let room = session.input.descriptor { watch.add(.input(session), room, POLLOUT) }
            if session.report != nil { continue }
            for output in session.outputs {
                if let bytes = output.descriptor { watch.add(.output(session, output), bytes, POLLIN) }
            }
        }
    }

    private func serve(_ source: Watch.Source) {
        switch source {
        case .link: serveLink()
        case .signals: serveSignals()
        case .requests: ending = requests?.next() ?? ending
        case .devices: if devices?.takeAll() == true { recover() }
        case .report(let session): serveReport(of: session)
        case .input(let session): serveInput(of: session)
        case .output(let session, let output): output.pump(into: link, session: session.number, buffer: buffer)
        }
    }

    // MARK: The launcher

    private func serveLink() {
        link.flush()
        if case .closed = link.receive(), !link.waitForReturn() {
            Console.log("the launcher is gone")
            ending = .powerOff
            return
        }
        while let (header, payload) = link.next() { serve(header, payload) }
        if link.isBroken {
            Console.log("the launcher sends no frames")
            ending = .powerOff
        }
    }

    private func serve(_ header: FrameHeader, _ payload: [UInt8]) {
        var reader = PayloadReader(payload)
        switch FrameKind(rawValue: header.kind) {
        case .exec: start(header.session, payload)
        case .input:
            guard let session = session(header.session) else { return }
            if !session.input.append(payload) { Console.log("input past its window is dropped") }
            serveInput(of: session)
        case .inputEnd:
            guard let session = session(header.session) else { return }
            session.input.end()
            serveInput(of: session)
        case .windowSize:
            if let rows = reader.short(), let columns = reader.short() {
                session(header.session)?.resize(rows: rows, columns: columns)
            }
        case .signal:
            if let number = reader.byte() { session(header.session)?.signal(number) }
        case .outputEnd:
            if let stream = reader.byte() { session(header.session)?.endOutput(stream) }
        case .credit:
            if let stream = reader.byte(), let bytes = reader.word() {
                session(header.session)?.output(stream)?.grant(bytes)
            }
        case .mount:
            guard let request = MountRequest(payload: payload) else { return refuse(payload, "mount a share") }
            work(request.id, .mount(request.share))
        case .unmount:
            guard let request = UnmountRequest(payload: payload) else { return refuse(payload, "unmount a share") }
            work(request.id, .unmount(request))
        case .listMounts: if let request = reader.word() { listMounts(for: request) }
        case .powerOff:
            ending = .powerOff
            if let milliseconds = reader.word() { takeLeave(within: milliseconds) }
        default: break
        }
    }

    // MARK: Commands

    private func session(_ number: UInt16) -> Session? { sessions.first { $0.number == number } }

    private func start(_ number: UInt16, _ payload: [UInt8]) {
        guard number != 0, session(number) == nil else {
            // To answer would be to speak of the guest as a whole, or of the command that has this number.
            return Console.log("a second command for session \(Int(number)) is not run")
        }
        do throws(Failure) {
            guard let request = ExecRequest(payload: payload) else {
                throw Failure(attempt: "understand the request for a command", reason: .invalidArgument)
            }
            sessions.append(try Session(number, request))
        } catch {
            link.send(error, session: number)
        }
    }

    private func serveReport(of session: Session) {
        if let failure = session.readReport() {
            link.send(failure, session: session.number)
        } else {
            var writer = PayloadWriter()
            writer.append(UInt32(session.process))
            link.send(.started, session: session.number, writer.bytes)
        }
    }

    private func serveInput(of session: Session) {
        let granted = session.input.flush()
        guard granted > 0 else { return }
        var writer = PayloadWriter()
        writer.append(UInt8(0))
        writer.append(UInt32(granted))
        link.send(.credit, session: session.number, writer.bytes)
    }

    private func finishSessions() {
        let now = Clock.now
        sessions.removeAll { session in
            if session.isGone { return true }
            guard let end = session.end(at: now) else { return false }
            link.send(.ended, session: session.number, [end.wasSignalled ? 1 : 0, end.value])
            return true
        }
    }

    // MARK: Live shares

    private func work(_ request: UInt32, _ task: MountWorker.Task) {
        do throws(Errno) {
            workers.append(try MountWorker(request, task, shares))
        } catch {
            link.send(result: error, to: request, "start a process for a share")
        }
    }

    /// Mounts again what a device has taken with it that went and is back.
    private func recover() {
        do throws(Errno) {
            workers.append(try MountWorker(0, .recover, shares))
        } catch {
            Console.log("no process for lost shares: \(error)")
        }
    }

    /// Tells all mounts, in as many frames as they take.
    private func listMounts(for request: UInt32) {
        do throws(Errno) {
            var rest = try Files.content(of: "/proc/self/mountinfo", limit: 16 << 20)[...]
            while !rest.isEmpty {
                var frame = PayloadWriter()
                frame.append(request)
                frame.appendRemainder([UInt8](rest.prefix(frameMaximumPayload - 4)))
                link.send(.mounts, frame.bytes)
                rest = rest.dropFirst(frameMaximumPayload - 4)
            }
            link.send(result: nil, to: request, "")
        } catch {
            link.send(result: error, to: request, "read the mounts")
        }
    }

    private func refuse(_ payload: [UInt8], _ attempt: Text) {
        var reader = PayloadReader(payload)
        if let request = reader.word() { link.send(result: .invalidArgument, to: request, attempt) }
    }

    private func finish(_ worker: MountWorker, exitStatus: Int32) {
        do throws(Errno) {
            let made = try MountWorker.entriesMade(exitStatus: exitStatus)
            switch worker.task {
            case .mount(let share): shares.add(share, made: made)
            case .unmount(let request): shares.remove(request.target)
            case .recover: return
            }
            link.send(result: nil, to: worker.request, worker.attempt)
        } catch {
            if case .recover = worker.task { return Console.log("cannot \(worker.attempt): \(error)") }
            link.send(result: error, to: worker.request, worker.attempt)
        }
    }

    // MARK: Processes

    private func serveSignals() {
        while true {
            switch agent_next_signal(signals.number) {
            case 0: return reap()
            // The words of a plain init for what `poweroff`, `halt` and `reboot` ask of it.
            case SIGUSR1, SIGUSR2: ending = .powerOff
            case SIGTERM, SIGINT: ending = .restart
            default: break
            }
        }
    }

    /// Takes the status of all that have ended, also of those whose parents ended before them.
    private func reap() {
        while true {
            let exit = agent_reap()
            guard exit.process > 0 else {
                if exit.process < 0 { farewell = 0 }
                return
            }
            let value = UInt8(truncatingIfNeeded: exit.value)
            if let session = sessions.first(where: { $0.process == exit.process }) {
                session.reaped(wasSignalled: exit.was_signalled != 0, value: value)
            } else if let index = workers.firstIndex(where: { $0.process == exit.process }) {
                finish(workers.remove(at: index), exitStatus: exit.was_signalled != 0 ? EIO : Int32(value))
            }
        }
    }
}
