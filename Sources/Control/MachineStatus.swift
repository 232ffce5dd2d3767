/// A VM as it is now: the result of ``ControlRequest/status``.
///
/// What a file server without a VM (`sheaf serve`) does not have is nil.
public struct MachineStatus: Codable, Equatable, Sendable {
    /// How far a VM is in its life.
    public struct State: RawRepresentable, Codable, Hashable, Sendable {
        /// The state's name in the protocol.
        public let rawValue: String

        /// A state by its name.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// Nothing runs yet: the kernel and the shares are being made ready.
        public static let preparing = State(rawValue: "preparing")
        /// QEMU runs, the guest does not take commands yet.
        public static let booting = State(rawValue: "booting")
        /// The guest is up.
        public static let running = State(rawValue: "running")
        /// The guest powers off, or is off.
        public static let ending = State(rawValue: "ending")
        /// A file server for a QEMU that is not Sheaf's.
        public static let serving = State(rawValue: "serving")
    }

    /// The VM's name, unique among those of its user.
    public var name: String
    /// How far it is.
    public var state: State
    /// The launcher's process.
    public var pid: Int32
    /// QEMU's process; nil while none runs.
    public var qemuPid: Int32?
    /// The guest kernel's own word on its release, once the guest has spoken.
    public var kernelRelease: String?
    /// The kernel's image on the host.
    public var kernel: String?
    /// `kvm` or `tcg`.
    public var accelerator: String?
    /// Virtual CPUs.
    public var cpus: Int?
    /// The guest's memory, in MiB.
    public var memoryMiB: Int?
    /// Seconds since the launcher started, at the moment at which the counters below were read: the difference of two is what
    /// differences of counters are to be divided by.
    public var uptime: Double
    /// The virtio-fs devices that there are.
    public var aggregates: [AggregateStatus]
    /// The shares, in the order in which they were added.
    public var shares: [ShareStatus]

    /// A status of these parts.
    public init(
        name: String, state: State, pid: Int32, qemuPid: Int32? = nil, kernelRelease: String? = nil,
        kernel: String? = nil, accelerator: String? = nil, cpus: Int? = nil, memoryMiB: Int? = nil, uptime: Double,
        aggregates: [AggregateStatus], shares: [ShareStatus]
    ) {
        self.name = name
        self.state = state
        self.pid = pid
        self.qemuPid = qemuPid
        self.kernelRelease = kernelRelease
        self.kernel = kernel
        self.accelerator = accelerator
        self.cpus = cpus
        self.memoryMiB = memoryMiB
        self.uptime = uptime
        self.aggregates = aggregates
        self.shares = shares
    }
}
