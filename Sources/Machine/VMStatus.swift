internal import FileService
internal import ShareHost
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
    }

    /// One share of the VM.
    public struct Share: Equatable, Sendable {
        /// Its aggregate, `rw` or `ro`.
        public var bucket: String
        /// Its name there.
        public var subname: String
        /// The host directory, resolved.
        public var source: String
        /// Where the guest has it.
        public var target: String
        /// `rw` or `ro`.
        public var access: String
    }

    /// The VM's name among those of its user.
    public var name: String
    /// How far it is.
    public var state: State
    /// The launcher's process id.
    public var pid: Int32
    /// QEMU's; nil while none runs.
    public var qemuPID: Int32?
    /// The guest kernel's own word on its release, once the agent has spoken.
    public var kernelRelease: String?
    /// The kernel's image.
    public var kernel: FilePath
    /// `kvm` or `tcg`.
    public var accelerator: String
    /// Virtual CPUs.
    public var cpus: Int
    /// The guest's memory, in MiB.
    public var memory: Int
    /// Seconds since the launcher started.
    public var uptime: Double
    /// The shares, in the order in which they are mounted.
    public var shares: [Share]
}

extension VMStatus.Share {
    init(_ share: ServedShare) {
        self.init(
            bucket: share.bucket.rawValue, subname: share.subname, source: share.source, target: share.target,
            access: share.bucket.access.rawValue)
    }
}
