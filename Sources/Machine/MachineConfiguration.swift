public import Sandbox
public import SystemPackage

/// All that decides how a VM is launched: `sheaf run`'s options, checked for form but not yet against the host.
public struct MachineConfiguration: Sendable {
    /// The command to run in the guest; empty for a login shell.
    public var command: [String] = []
    /// The shares, in the order in which they are mounted.
    public var shares: [ShareRequest] = []
    /// Where the guest's root comes from.
    public var root: RootSelection = .host(everything: false)
    /// A kernel image's path, a version or the start of one; nil for the default.
    public var kernel: String?
    /// The modules directory of a kernel whose modules are not where its release says.
    public var modules: FilePath?
    /// Text added to the guest's kernel command line.
    public var append: String?
    /// The number of virtual CPUs.
    public var cpus = 1
    /// The guest's memory, in MiB.
    public var memory = 1024
    /// `auto`, `kvm` or `tcg`.
    public var acceleration: String = "auto"
    /// Whether the file server may watch a queue for a moment, on a core that is free, instead of sleeping at once.
    public var mayPoll = true
    /// The VM's name among those of its user, where the user gave one; else it is made of the launcher's process id.
    public var name: String?
    /// The guest's host name.
    public var hostname = "sheaf"
    /// Where the command starts in the guest; nil for its default.
    public var directory: String?
    /// `NAME=value` strings for the command's environment.
    public var environment: [String] = []
    /// Seconds until the run is given up, from the launcher's start.
    public var timeout: Double?
    /// What panic, reset and lost exit with.
    public var panicExitCode: UInt8 = 255
    /// Where the report goes.
    public var report: FilePath?
    /// What becomes of a thread of the file server that makes a system call which is not on its list.
    public var seccomp = SeccompMode.kill
    /// Says nothing but errors on standard error.
    public var isQuiet = false
    /// Says what it does, and the guest's console, on standard error.
    public var isVerbose = false
    /// Where this process was started in the background, who did it and where it writes to.
    public var background: Background?

    /// What a launcher in the background has of the process that started it.
    public struct Background: Sendable {
        /// A socket to it, open until the guest is ready.
        public var socket: Int32
        /// The file that is its standard output and error, which gets a name of the VM's.
        public var log: FilePath

        /// A socket and a log.
        public init(socket: Int32, log: FilePath) {
            self.socket = socket
            self.log = log
        }
    }

    /// Whether nobody waits for the VM to end.
    var isDetached: Bool { background != nil }

    /// Whether a guest that resets itself boots again: the VM is there for as long as it is wanted, and not for one command.
    var reboots: Bool { command.isEmpty }

    /// A configuration of defaults.
    public init() {}
}
