internal import Glibc
internal import Linux
public import SystemPackage

/// Where the live VMs of a user have their directories: `$XDG_RUNTIME_DIR/sheaf`, `/tmp/sheaf-UID` without the variable.
public struct RuntimePlace: Sendable {
    /// The directory that holds one for each VM. It is there while a VM is.
    public let path: FilePath

    /// The place that the environment names. Nothing is made.
    public init() {
        self.init(environment: { name in getenv(name).map { String(cString: $0) } })
    }

    /// Finds the place; makes nothing.
    ///
    /// - Parameters:
    ///   - environment: Looks variables up, as getenv(3) does.
    ///   - temporary: Where everybody may write.
    init(environment: (String) -> String?, temporary: FilePath = "/tmp") {
        if let runtime = environment("XDG_RUNTIME_DIR"), runtime.hasPrefix("/") {
            path = FilePath(runtime).appending("sheaf")
        } else {
            path = temporary.appending("sheaf-\(getuid())")
        }
    }

    /// A live VM, found from outside.
    public struct Entry: Equatable, Sendable {
        /// The VM's name.
        public let name: String
        /// Where its control socket is, or will be.
        public let controlSocket: FilePath

        /// A VM whose socket is known, wherever that is.
        public init(name: String, controlSocket: FilePath) {
            self.name = name
            self.controlSocket = controlSocket
        }
    }

    /// The live VMs by name. What VMs that were killed left behind is removed on the way.
    ///
    /// - Throws: That the place is not this user's alone.
    public func liveMachines() throws(LaunchError) -> [Entry] { try sweep().live }

    /// Removes what VMs that were killed left behind.
    ///
    /// - Returns: The live VMs by name, and the names of those that were removed.
    /// - Throws: That the place is not this user's alone.
    func sweep() throws(LaunchError) -> (live: [Entry], removed: [String]) {
        var status = stat()
        guard lstat(path.string, &status) == 0 else { return ([], []) }
        do throws(RuntimeDirectory.Failure) {
            try check()
        } catch {
            throw LaunchError(error.description)
        }
        var live: [Entry] = []
        var removed: [String] = []
        for name in names(in: path) {
            let directory = path.appending(name)
            switch RuntimeDirectory.removeIfStale(directory) {
            case .live:
                live.append(Entry(name: name, controlSocket: directory.appending(RuntimeDirectory.socketName)))
            case .removed: removed.append(name)
            case .foreign: break
            }
        }
        // Taken away with the last VM; one that is claimed at this moment makes it again.
        rmdir(path.string)
        return (live.sorted { $0.name < $1.name }, removed.sorted())
    }

    /// Claims a name for a VM of this process.
    ///
    /// - Throws: `.taken` where a live VM has it, or why there can be no directory.
    func claim(_ name: String) throws(RuntimeDirectory.Failure) -> RuntimeDirectory {
        try RuntimeDirectory(named: name, in: self)
    }

    /// Claims a name where the user gave one, else one made of `prefix` and the process id.
    ///
    /// - Throws: As ``claim(_:)`` and ``claimAny(prefix:)``.
    func claim(_ name: String?, else prefix: String) throws(RuntimeDirectory.Failure) -> RuntimeDirectory {
        if let name { return try claim(name) }
        return try claimAny(prefix: prefix)
    }

    /// Claims a name made of the process id.
    ///
    /// - Throws: Why there can be no directory.
    func claimAny(prefix: String = "vm") throws(RuntimeDirectory.Failure) -> RuntimeDirectory {
        let name = "\(prefix)-\(getpid())"
        // In another pid namespace, that of a container, the same number may be somebody else.
        for suffix in [""] + (2...9).map({ "-\($0)" }) {
            do throws(RuntimeDirectory.Failure) {
                return try claim(name + suffix)
            } catch {
                guard case .taken = error else { throw error }
            }
        }
        throw .unusable("all names from '\(name)' to '\(name)-9' are taken")
    }

    /// Makes the place where it is not there, and refuses one that somebody else could write to.
    func make() throws(RuntimeDirectory.Failure) {
        if mkdir(path.string, 0o700) != 0, errno != EEXIST {
            throw .unusable(
                "'\(path)' cannot be made: \(Errno(rawValue: errno).explained); "
                    + "set XDG_RUNTIME_DIR to a directory of yours")
        }
        try check()
    }

    private func check() throws(RuntimeDirectory.Failure) {
        var status = stat()
        guard lstat(path.string, &status) == 0 else {
            if errno == ENOENT { return }
            throw .unusable("'\(path)' cannot be looked at: \(Errno(rawValue: errno).explained)")
        }
        guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
            throw .unusable(
                "'\(path)' is not this user's alone; have it removed, or set XDG_RUNTIME_DIR to another directory")
        }
    }
}
