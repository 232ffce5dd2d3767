public import SystemPackage

/// The logs of one VM that runs, or that has ended and is still remembered.
public struct MachineLogs: Sendable {
    /// The VM's name.
    public let name: String
    /// Its launcher's process id.
    public let pid: Int32
    /// What its guest's kernel said, and whatever else writes to its console.
    public let console: FilePath?
    /// What the command wrote that the VM was started with; nil where that had the launcher's own streams, or there is none.
    public let output: FilePath?

    /// The logs that there are, those of the VM that wrote last first.
    ///
    /// - Throws: That they cannot be looked for.
    public static func all() throws(LaunchError) -> [MachineLogs] {
        try StateDirectory().kept().map { kept in
            MachineLogs(name: kept.name, pid: kept.pid, console: kept.paths[.console], output: kept.paths[.output])
        }
    }
}
