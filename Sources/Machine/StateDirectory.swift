internal import Glibc
internal import Linux
internal import SystemPackage

/// Where logs outlive their VM: `$XDG_STATE_HOME/sheaf/logs`, `~/.local/state/sheaf/logs` without the variable.
///
/// A log is named by its VM, the process id of that one's launcher, and what it is a log of: `NAME-PID.console.log`.
struct StateDirectory {
    /// What a log is a log of.
    enum Log: String, CaseIterable {
        /// The guest's console.
        case console
        /// What the command of a VM in the background wrote, and its launcher had to say.
        case output
        /// What the launcher of a VM in the background had to say that has no command.
        case launcher

        /// How the log's name ends.
        var suffix: String { ".\(rawValue).log" }
    }

    /// The logs of one VM.
    struct Kept {
        /// The VM's name.
        var name: String
        /// Its launcher's process id.
        var pid: pid_t
        /// Each of its logs.
        var paths: [Log: FilePath] = [:]
        /// When the last of them was written to, in seconds since 1970.
        var time = 0

        /// Whether its launcher's process is there.
        var isOfLivingLauncher: Bool { kill(pid, 0) == 0 || errno == EPERM }
    }

    /// Of how many VMs that have ended logs are kept; the oldest go first.
    static let logLimit = 20

    /// The directory of the logs.
    let logs: FilePath

    /// Finds the directory, and makes it (mode 0700) where it is not there yet.
    ///
    /// - Parameters:
    ///   - environment: Looks variables up, as getenv(3) does.
    ///   - temporary: Where everybody may write: it has the logs of a user without a home.
    /// - Throws: What could not be made, and the errno; or that somebody else's directory is where ours would be.
    init(
        environment: (String) -> String? = { name in getenv(name).map { String(cString: $0) } },
        temporary: FilePath = "/tmp"
    ) throws(LaunchError) {
        if let state = environment("XDG_STATE_HOME"), state.hasPrefix("/") {
            logs = FilePath(state).appending("sheaf/logs")
        } else if let home = environment("HOME"), home.hasPrefix("/") {
            logs = FilePath(home).appending(".local/state/sheaf/logs")
        } else {
            let own = temporary.appending("sheaf-\(getuid())")
            try Self.make(own)
            try Self.checkIsOwn(own)
            logs = own.appending("logs")
        }
        try Self.make(logs)
    }

    /// A path for a log of a VM of this process, with nothing there. Removes the oldest logs beyond the limit.
    func newLog(named name: String, of kind: Log = .console) -> FilePath {
        prune()
        let log = logs.appending("\(name)-\(getpid())\(kind.suffix)")
        // What is there is of a process long gone whose number we have.
        unlink(log.string)
        return log
    }

    /// Makes a log that was begun before its VM had a name one of a VM of this process.
    ///
    /// - Returns: Where it is now.
    /// - Throws: Why it cannot be.
    func keep(_ draft: FilePath, as kind: Log, of name: String) throws(LaunchError) -> FilePath {
        let log = newLog(named: name, of: kind)
        guard rename(draft.string, log.string) == 0 else {
            throw LaunchError("the log '\(draft)' cannot be renamed: \(Errno(rawValue: errno).explained)")
        }
        return log
    }

    /// The logs that are there, by VM, those that were written to last first.
    func kept() -> [Kept] {
        var found: [String: Kept] = [:]
        for name in names(in: logs) {
            guard let kind = Log.allCases.first(where: { name.hasSuffix($0.suffix) }) else { continue }
            let stem = String(name.dropLast(kind.suffix.count))
            guard let dash = stem.lastIndex(of: "-"), let pid = pid_t(stem[stem.index(after: dash)...]), pid > 0
            else { continue }
            var status = stat()
            let path = logs.appending(name)
            guard lstat(path.string, &status) == 0 else { continue }
            var kept = found[stem] ?? Kept(name: String(stem[..<dash]), pid: pid)
            kept.paths[kind] = path
            kept.time = max(kept.time, status.st_mtim.tv_sec)
            found[stem] = kept
        }
        return found.values.sorted { ($0.time, $0.pid) > ($1.time, $1.pid) }
    }

    /// Refuses a directory in which somebody else could have put links for us to write through.
    private static func checkIsOwn(_ path: FilePath) throws(LaunchError) {
        var status = stat()
        let isOwn =
            lstat(path.string, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR && status.st_uid == geteuid()
            && status.st_mode & 0o022 == 0
        guard isOwn else {
            throw LaunchError(
                "the log directory '\(path)' is not this user's alone; have it removed, or set XDG_STATE_HOME to another"
            )
        }
    }

    private static func make(_ path: FilePath) throws(LaunchError) {
        if mkdir(path.string, 0o700) == 0 || errno == EEXIST { return }
        let error = Errno(rawValue: errno)
        guard error == .noSuchFileOrDirectory, path != path.removingLastComponent() else {
            throw LaunchError(
                "the log directory '\(path)' cannot be made: \(error.explained); set XDG_STATE_HOME to another")
        }
        try make(path.removingLastComponent())
        if mkdir(path.string, 0o700) != 0, errno != EEXIST {
            throw LaunchError("the log directory '\(path)' cannot be made: \(Errno(rawValue: errno).explained)")
        }
    }

    private func prune() {
        for old in kept().filter({ !$0.isOfLivingLauncher }).dropFirst(Self.logLimit - 1) {
            for path in old.paths.values { unlink(path.string) }
        }
    }
}
