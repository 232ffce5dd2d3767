internal import ArgumentParser
internal import Control
internal import EventLoop
internal import Glibc
internal import Linux
internal import Machine
internal import SystemPackage

/// `sheaf status`: one VM, its shares, and what is done with them.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show a VM that runs, its shares, and what is being done with them.",
        discussion: """
            VM may be left out when exactly one runs.

            With --watch on a terminal the view is drawn anew in place: q ends it, arrow keys, PgUp and PgDn scroll.
            Elsewhere it is a line for each share and interval, or with --format json an object a line.
            """)

    @Argument(help: ArgumentHelp(MachineChoice.help, valueName: "VM"), completion: .machines)
    var name: String?

    @Flag(name: .shortAndLong, help: "Go on showing it, until the VM ends.")
    var watch = false

    @Option(help: ArgumentHelp("Seconds between two looks, with --watch (default: 1).", valueName: "SECONDS"))
    var interval: Double?

    @Option(help: "table or json.")
    var format = OutputFormat.table

    func validate() throws {
        guard let interval else { return }
        guard watch else { throw ValidationError("--interval is for --watch") }
        guard interval >= 0.1, interval <= 86400 else {
            throw ValidationError("--interval \(interval) is not a number of seconds between 0.1 and 86400")
        }
    }

    func run() throws {
        do {
            let entry = try MachineChoice.entry(for: name)
            if watch {
                try follow(entry)
            } else {
                try showOnce(entry)
            }
        } catch let error as LaunchError {
            FileDescriptor.standardError.say("sheaf: \(error)")
            throw ExitCode(1)
        }
    }

    // MARK: - Once

    private func showOnce(_ entry: RuntimePlace.Entry) throws {
        let sample: RatedStatus
        do {
            sample = try Self.sample(entry)
        } catch {
            throw Self.failure(of: entry, error)
        }
        if format == .json { return try printJSON(sample) }
        let output = TerminalOutput()
        for line in StatusView(sample, columns: output.size?.columns).lines {
            print(line.rendered(isStyled: output.isStyled))
        }
    }

    /// The VM's status, with rates of the last moment where there are shares.
    private static func sample(_ entry: RuntimePlace.Entry) throws(ControlClientError) -> RatedStatus {
        let client = try ControlClient(path: entry.controlSocket, timeout: .seconds(3))
        let first = try client.status()
        guard !first.shares.isEmpty else { return RatedStatus(first, after: nil, at: secondsSince1970()) }
        usleep(300_000)
        return RatedStatus(try client.status(), after: first, at: secondsSince1970())
    }

    private static func failure(of entry: RuntimePlace.Entry, _ error: ControlClientError) -> LaunchError {
        guard case .silent(let name, let state, let reason) = LiveMachine(entry, failedWith: error) else {
            return LaunchError(error.description)
        }
        return LaunchError("the VM '\(name)' is \(state): \(reason)")
    }

    // MARK: - On and on

    private func follow(_ entry: RuntimePlace.Entry) throws {
        let poller = StatusPoller(path: entry.controlSocket, interval: .seconds(interval ?? 1))
        let output = TerminalOutput()
        guard format == .table, output.canRedraw else { return try log(poller, of: entry) }
        let watch = try StatusWatch(isStyled: output.isStyled)
        let end = try watch.run(poller)
        switch end {
        case .quit: return
        case .ended: Self.sayEnded(watch.sample?.status.name ?? entry.name)
        case .failed(let error): throw Self.failure(of: entry, error)
        case .signal(let signal): throw ExitCode(128 + signal.number)
        }
    }

    /// Writes what a poller finds to standard output, until the VM has ended or nobody reads it.
    private func log(_ poller: StatusPoller, of entry: RuntimePlace.Entry) throws {
        var name = entry.name
        var previous: MachineStatus?
        var failure: (any Error)?
        poller.run { finding in
            do {
                switch finding {
                case .status(let status):
                    let sample = RatedStatus(status, after: previous, at: secondsSince1970())
                    // The first has no rates yet; the second comes soon.
                    if previous != nil || status.shares.isEmpty { try write(sample) }
                    (name, previous) = (status.name, status)
                case .silent(let reason):
                    let line = StatusLog.line(about: name, silent: reason, at: secondsSince1970())
                    // It is no status: an object a line is what the other stream is kept to.
                    let stream = format == .json ? FileDescriptor.standardError : .standardOutput
                    try stream.writeAll((line + "\n").utf8)
                case .ended: Self.sayEnded(name)
                case .failed(let error): throw Self.failure(of: entry, error)
                }
                return true
            } catch {
                failure = error
                return false
            }
        }
        // Who reads it has had enough.
        if let failure, failure as? Errno != .brokenPipe { throw failure }
    }

    private func write(_ sample: RatedStatus) throws {
        if format == .json { return try printJSONLine(sample) }
        let text = StatusLog.lines(of: sample).map { $0 + "\n" }.joined()
        try FileDescriptor.standardOutput.writeAll(text.utf8)
    }

    private static func sayEnded(_ name: String) {
        FileDescriptor.standardError.say("sheaf: the VM '\(printable(name))' has ended")
    }
}
