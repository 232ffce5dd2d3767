internal import Glibc
internal import Linux
internal import SystemPackage

/// Where logs outlive their VM: `$XDG_STATE_HOME/sheaf/logs`, `~/.local/state/sheaf/logs` without the variable.
struct StateDirectory {
    /// How many console logs are kept; the oldest go first.
    static let logLimit = 20

    /// The directory of the console logs.
    let logs: FilePath

    /// Finds the directory, and makes it (mode 0700) where it is not there yet.
    ///
    /// - Throws: What could not be made, and the errno.
    init() throws(LaunchError) {
        if let state = getenv("XDG_STATE_HOME"), state[0] == CChar(bitPattern: UInt8(ascii: "/")) {
            logs = FilePath(String(cString: state)).appending("sheaf/logs")
        } else if let home = getenv("HOME"), home[0] == CChar(bitPattern: UInt8(ascii: "/")) {
            logs = FilePath(String(cString: home)).appending(".local/state/sheaf/logs")
        } else {
            logs = FilePath("/tmp/sheaf-\(getuid())/logs")
        }
        try Self.make(logs)
    }

    /// A path for the console log of a VM, not there yet. Removes the oldest logs beyond the limit.
    func newLog(named name: String) -> FilePath {
        prune()
        return logs.appending("\(name)-\(getpid()).console.log")
    }

    private static func make(_ path: FilePath) throws(LaunchError) {
        if mkdir(path.string, 0o700) == 0 || errno == EEXIST { return }
        let error = Errno(rawValue: errno)
        guard error == .noSuchFileOrDirectory, path != path.removingLastComponent() else {
            throw LaunchError("the log directory '\(path)' cannot be made: \(error.explained); set XDG_STATE_HOME to another")
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
            guard name.hasSuffix(".console.log") else { continue }
            var status = stat()
            let path = logs.appending(name).string
            if lstat(path, &status) == 0 { found.append((path, status.st_mtim.tv_sec)) }
        }
        for log in found.sorted(by: { $0.time > $1.time }).dropFirst(Self.logLimit - 1) { unlink(log.path) }
    }
}
