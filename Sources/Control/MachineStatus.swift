/// A VM as it is now: the result of ``Method/status``.
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
    }

    /// One share of the VM.
    public struct Share: Codable, Equatable, Sendable {
        /// The aggregate it is in, `rw` or `ro`.
        public var bucket: String
        /// Its directory's name in the aggregate.
        public var subname: String
        /// The host directory, resolved.
        public var source: String
        /// Where the guest has it.
        public var target: String
        /// What the guest may do: `rw` or `ro`.
        public var access: String

        /// A share.
        public init(bucket: String, subname: String, source: String, target: String, access: String) {
            self.bucket = bucket
            self.subname = subname
            self.source = source
            self.target = target
            self.access = access
        }
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
    public var kernel: String
    /// `kvm` or `tcg`.
    public var accelerator: String
    /// Virtual CPUs.
    public var cpus: Int
    /// The guest's memory, in MiB.
    public var memoryMiB: Int
    /// Seconds since the launcher started.
    public var uptime: Double
    /// The shares, in the order in which the guest mounts them.
    public var shares: [Share]

    /// A status.
    public init(
        name: String, state: State, pid: Int32, qemuPid: Int32?, kernelRelease: String?, kernel: String,
        accelerator: String, cpus: Int, memoryMiB: Int, uptime: Double, shares: [Share]
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
        self.shares = shares
    }
}
