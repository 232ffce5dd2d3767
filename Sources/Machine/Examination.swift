internal import CLinux
internal import Glibc
internal import GuestBoot
internal import Linux
internal import QEMU
internal import Sandbox
internal import SystemPackage

/// What this machine has of all that a VM needs, and which walls stand between its guest and the host.
public struct Examination: Sendable {
    /// How a thing is.
    public enum State: String, Encodable, Sendable {
        /// As it should be.
        case ok
        /// It works, but not as well or as safely as it could.
        case limited
        /// No VM can be run without it.
        case missing
    }

    /// One thing that was looked at.
    public struct Finding: Encodable, Sendable {
        /// What it is: a stable name.
        public let name: String
        /// How it is.
        public let state: State
        /// What was found.
        public let found: String
        /// What to do, where something should be done.
        public let advice: String?
    }

    /// All that was looked at, in a stable order.
    public private(set) var findings: [Finding] = []

    /// Whether a VM can be run.
    public var isFit: Bool { !findings.contains { $0.state == .missing } }

    /// Looks. On the main thread: QEMU is asked for its version.
    public init() {
        examineQEMU()
        examineKernel()
        examineAcceleration()
        examineConfinement()
        examinePlaces()
    }

    private mutating func note(_ name: String, _ state: State, _ found: String, _ advice: String? = nil) {
        findings.append(Finding(name: name, state: state, found: found, advice: advice))
    }

    // MARK: What a VM needs

    private mutating func examineQEMU() {
        do {
            let program = try QEMUProgram.find()
            guard let version = program.version(rememberedIn: nil) else {
                return note(
                    "qemu", .missing, "\(program.path) does not say its version",
                    "run '\(program.path) --version', or name another in \(QEMUProgram.environmentVariable)")
            }
            note("qemu", .ok, "\(version) (\(program.path))")
        } catch {
            note("qemu", .missing, "none", error.description)
        }
    }

    private mutating func examineKernel() {
        let places: KernelPlaces
        do throws(LaunchError) {
            places = KernelPlaces.system(cache: try LaunchPlan.cacheDirectory())
        } catch {
            return note("kernel", .missing, "no cache", error.description)
        }
        let releases = Kernel.known(in: places).reduce(into: [String]()) { known, kernel in
            if !known.contains(kernel.release.description) { known.append(kernel.release.description) }
        }
        let kernel: Kernel
        do {
            kernel = try Kernel.find(nil, for: .x86_64, in: places)
        } catch {
            note("kernel", .missing, releases.isEmpty ? "none" : releases.joined(separator: ", "), "\(error)")
            return
        }
        let others = releases.filter { $0 != kernel.release?.description }
        let more = others.isEmpty ? "" : "; also \(others.joined(separator: ", "))"
        note("kernel", .ok, "\(kernel.release.map { "\($0)" } ?? "of unknown release") (\(kernel.path))\(more)")
        do {
            let modules = try ModuleSet.resolve(
                for: kernel, devices: .overlay, given: nil, in: places, mayBeAbsent: false)
            let place = modules.modules.isEmpty ? "built in" : "\(modules.modules.count) modules to be loaded"
            note("virtio-fs", .ok, "with all that the guest's kernel needs beside: \(place)")
        } catch {
            note("virtio-fs", .missing, "not in the guest's kernel", "\(error)")
        }
    }

    private mutating func examineAcceleration() {
        let choice = AcceleratorChoice(.auto)
        guard choice.accelerator == .tcg else { return note("kvm", .ok, choice.reason) }
        note("kvm", .limited, choice.reason, "guests are emulated (TCG), which is about ten times slower")
    }

    // MARK: Walls

    private mutating func examineConfinement() {
        let trial = ConfinementTrial()
        let session = ConfinementTrial(for: .session)
        if let failure = trial.failure ?? session.failure {
            note(
                "seccomp", .missing, "a thread of the file server cannot be confined: \(failure.explained)",
                "use a kernel with CONFIG_SECCOMP_FILTER, or --seccomp off, which serves files without that wall")
        } else {
            let isFiltered = trial.isFiltered && session.isFiltered
            note(
                "seccomp", isFiltered ? .ok : .limited,
                isFiltered
                    ? "worker threads, and those that speak with QEMU, make the listed system calls only" : "no filter")
        }
        note(
            "no-new-privs", trial.hasNoNewPrivileges ? .ok : .limited,
            trial.hasNoNewPrivileges ? "set for worker threads" : "not set")
        let kept = trial.capabilities.joined(separator: ", ")
        let none = session.capabilities.isEmpty ? "; those that speak with QEMU have none" : ""
        note(
            "capabilities", .ok,
            kept.isEmpty ? "none: files are the user's own" : "of worker threads: \(kept)\(none)")
        note(
            "umask", trial.hasOwnUmask ? .ok : .limited,
            trial.hasOwnUmask ? "worker threads have their own" : "unshare(2) is forbidden here",
            trial.hasOwnUmask ? nil : "what guests create gets the launcher's umask: set it to 0, or allow unshare(2)")
        let version = trial.landlockVersion
        let cut = version >= 6 ? "TCP, abstract sockets and signals" : version >= 4 ? "TCP" : "nothing more"
        note(
            "landlock", version >= 4 ? .ok : .limited,
            version > 0 ? "version \(version): worker threads are cut off from \(cut)" : "not in this kernel",
            version >= 4 ? nil : "Linux 6.7 or later with CONFIG_SECURITY_LANDLOCK has it; seccomp stands without it")
    }

    // MARK: Places

    private mutating func examinePlaces() {
        let place = RuntimePlace()
        do throws(LaunchError) {
            let (live, removed) = try place.sweep()
            let count = live.count == 1 ? "1 VM runs" : "\(live.count) VMs run"
            let stale = removed.isEmpty ? "" : "; removed what was left of \(removed.joined(separator: ", "))"
            note("runtime-directory", .ok, "\(place.path): \(count)\(stale)")
        } catch {
            note(
                "runtime-directory", .limited, "\(place.path)",
                "\(error.description); VMs run, but no other command finds them")
        }
        let limit = cl_file_limit()
        note(
            "open-files", limit >= 4096 ? .ok : .limited, "at most \(limit)",
            limit >= 4096 ? nil : "raise it (ulimit -n): guests that open many files get ENFILE")
    }
}
