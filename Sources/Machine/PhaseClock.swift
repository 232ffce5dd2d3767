internal import CLinux

/// The moments of a run, for `--report`: milliseconds since the launcher started.
public struct PhaseClock {
    /// One step on the way from Enter to the command's end.
    public enum Phase: String, CaseIterable, Sendable {
        /// Kernel, modules and initramfs are there, the shares are open.
        case prepared
        /// QEMU is started.
        case spawned
        /// QEMU's machine is made and its CPUs run (QMP `cont`).
        case running
        /// The first byte came from the guest's console.
        case console
        /// The agent in the guest has said hello.
        case agent
        /// The guest's root and shares are mounted.
        case mounted
        /// The command runs in the guest.
        case started
        /// The command has written its first byte.
        case output
        /// The command has ended.
        case ended
        /// QEMU is gone.
        case off
    }

    private let origin: UInt64
    /// When each phase was reached, in milliseconds; phases that were not are absent.
    public private(set) var times: [Phase: Double] = [:]

    /// A clock that starts now.
    public init() {
        origin = cl_monotonic_time()
    }

    /// Notes that a phase is reached; only its first time counts.
    public mutating func reach(_ phase: Phase) {
        if times[phase] == nil { times[phase] = elapsed }
    }

    /// Milliseconds since the start.
    public var elapsed: Double { Double(cl_monotonic_time() &- origin) / 1e6 }
}
