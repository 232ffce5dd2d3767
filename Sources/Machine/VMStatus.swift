public import FileService
public import SystemPackage

/// A VM at one moment, as its launcher knows it.
public struct VMStatus: Equatable, Sendable {
    /// How far a VM is in its life.
    public enum State: String, Sendable {
        /// Nothing runs yet.
        case preparing
        /// QEMU runs, the guest does not take commands yet.
        case booting
        /// The guest is up.
        case running
        /// The guest powers off, or is off.
        case ending
        /// There is no VM, but a file server for somebody else's.
        case serving
    }

    /// How a share is at one of its targets.
    public enum TargetState: String, Sendable {
        /// The guest has been asked to mount it.
        case mounting
        /// The guest has it there.
        case mounted
        /// The guest has been asked to unmount it.
        case unmounting
        /// The guest had it there, and somebody in the guest has unmounted it.
        case gone
        /// The guest does not tell.
        case unknown
    }

    /// A place in the guest for a share.
    public struct Target: Equatable, Sendable {
        /// An absolute path in the guest.
        public var path: String
        /// How the share is there.
        public var state: TargetState
    }

    /// One virtio-fs device of the VM.
    public struct Aggregate: Equatable, Sendable {
        /// Which shares it has: a bucket's name, `rw`, `ro`, `wb` or `fixed`.
        public var bucket: String
        /// What the guest mounts it by.
        public var tag: String
        /// Whether it was plugged in after the boot.
        public var isHotPlugged: Bool
        /// Whether a QEMU is connected.
        public var isConnected: Bool
        /// Its request queues.
        public var requestQueues: Int
        /// How many shares it has.
        public var children: Int
    }

    /// One share of the VM.
    public struct Share: Equatable, Sendable {
        /// Its aggregate: a bucket's name.
        public var bucket: String
        /// Its name there.
        public var subname: String
        /// The host directory or file, resolved.
        public var source: String
        /// Whether it is a file.
        public var isFile: Bool
        /// `rw` or `ro`.
        public var access: String
        /// How it is served.
        public var options: ChildOptions
        /// Where the guest has it.
        public var targets: [Target]
        /// What the guest has done with it.
        public var activity: ChildActivity
    }

    /// The VM's name among those of its user.
    public var name: String
    /// How far it is.
    public var state: State
    /// The launcher's process id.
    public var pid: Int32
    /// QEMU's; nil while none runs.
    public var qemuPID: Int32? = nil
    /// The guest kernel's own word on its release, once the agent has spoken.
    public var kernelRelease: String? = nil
    /// The kernel's image; this and the next three are nil without a VM.
    public var kernel: FilePath? = nil
    /// `kvm` or `tcg`.
    public var accelerator: String? = nil
    /// Virtual CPUs.
    public var cpus: Int? = nil
    /// The guest's memory, in MiB.
    public var memory: Int? = nil
    /// Seconds since the launcher started.
    public var uptime: Double
    /// The virtio-fs devices.
    public var aggregates: [Aggregate]
    /// The shares, in the order in which they were added.
    public var shares: [Share]
}
