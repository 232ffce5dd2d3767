internal import Glibc
internal import Linux
internal import SystemPackage

/// Where logs outlive their VM: `$XDG_STATE_HOME/sheaf/logs`, `~/.local/state/sheaf/logs` without the variable.
struct StateDirectory {
    /// How many console logs are kept; the oldest go first.
    static let logLimit = 20
    private static let suffix = ".console.log"

    /// The directory of the console logs.
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

    /// A path for the console log of a VM, with nothing there. Removes the oldest logs beyond the limit.
    func newLog(named name: String) -> FilePath {
        prune()
        let log = logs.appending("\(name)-\(getpid())\(Self.suffix)")
        // What is there is of a process long gone whose number we have.
        unlink(log.string)
        return log
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
        guard let stream = opendir(logs.string) else { return }
        defer { closedir(stream) }
        var found: [(path: String, time: Int)] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name.hasSuffix(Self.suffix), !Self.isOfLivingLauncher(name) else { continue }
            var status = stat()
            let path = logs.appending(name).string
            if lstat(path, &status) == 0 { found.append((path, status.st_mtim.tv_sec)) }
        }
        for log in found.sorted(by: { $0.time > $1.time }).dropFirst(Self.logLimit - 1) { unlink(log.path) }
    }

    /// Whether the process that a log's name ends with is there.
    private static func isOfLivingLauncher(_ name: String) -> Bool {
        guard let launcher = name.dropLast(suffix.count).split(separator: "-").last.flatMap({ pid_t($0) }), launcher > 0
        else { return false }
        return kill(launcher, 0) == 0 || errno == EPERM
    }
}
