/// The machine a guest sees, as far as Sheaf decides it: an x86-64 q35 machine without legacy devices, that boots a kernel of
/// the host's.
public struct Hardware: Equatable, Sendable {
    /// One aggregate's virtio-fs device.
    public struct FileSystem: Equatable, Sendable {
        /// What the guest mounts it by; at most 36 bytes.
        public var tag: String
        /// The vhost-user backend's socket.
        public var backend: Backend
        /// Request queues, besides the one for high priority.
        public var requestQueues: Int

        /// A device.
        public init(tag: String, backend: Backend, requestQueues: Int) {
            self.tag = tag
            self.backend = backend
            self.requestQueues = requestQueues
        }
    }

    /// The guest's network.
    public enum Network: Equatable, Sendable {
        /// None.
        case none
        /// QEMU's user-mode network, with these ports of the host's loopback leading to the guest.
        case user(forwards: [PortForward])
    }

    /// One TCP port of the host's loopback that leads to one of the guest's.
    public struct PortForward: Equatable, Sendable {
        /// On 127.0.0.1.
        public var host: UInt16
        /// In the guest.
        public var guest: UInt16

        /// A forward.
        public init(host: UInt16, guest: UInt16) {
            self.host = host
            self.guest = guest
        }
    }

    /// What process lists show.
    public var name: String
    /// What runs its instructions.
    public var accelerator: Accelerator
    /// Virtual CPUs.
    public var cpus: Int
    /// Bytes of memory; QEMU wants a multiple of its page size, so it is rounded up to whole MiB.
    public var memory: UInt64
    /// The path of the kernel's image.
    public var kernel: String
    /// The path of its initramfs; nil for none.
    public var initramfs: String?
    /// The kernel's command line.
    public var kernelCommandLine: String
    /// Where the serial console goes, and what comes in by it.
    public var console: Backend
    /// The socket of the link to the agent; nil for a guest without one.
    public var agentLink: Backend?
    /// QEMU's monitor; with one the guest waits for `cont`, so that no event is lost.
    public var monitor: Backend?
    /// The aggregates' devices.
    public var fileSystems: [FileSystem]
    /// Ports for devices that are plugged in later.
    public var reservedPorts: Int
    /// The network.
    public var network: Network

    /// A machine with the least that boots; the rest is to be set.
    public init(
        name: String, accelerator: Accelerator, cpus: Int, memory: UInt64, kernel: String, initramfs: String?,
        kernelCommandLine: String, console: Backend
    ) {
        self.name = name
        self.accelerator = accelerator
        self.cpus = cpus
        self.memory = memory
        self.kernel = kernel
        self.initramfs = initramfs
        self.kernelCommandLine = kernelCommandLine
        self.console = console
        agentLink = nil
        monitor = nil
        fileSystems = []
        reservedPorts = 0
        network = .none
    }
}

extension Hardware {
    /// The name of the virtio-serial port that is the link to the agent.
    public static let agentPortName = "org.sheaf.agent"

    /// Descriptors in a virtqueue of an aggregate's device: what the aggregate's backend is built for.
    public static let fileSystemQueueSize = 1024

    /// QEMU's name of an aggregate's device.
    static let fileSystemDriver = "vhost-user-fs-pci"

    /// The id of a reserved port, counted from 0, to be the `bus` of a `device_add`.
    public static func reservedPortID(_ index: Int) -> String { "spare\(index)" }
}
