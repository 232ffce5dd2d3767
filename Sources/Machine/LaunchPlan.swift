internal import EventLoop
internal import FileService
internal import Glibc
internal import GuestBoot
internal import GuestLink
internal import Linux
internal import QEMU
internal import ShareHost
internal import SystemPackage

internal import enum ShareHost.Bucket

/// What a launch comes down to: everything decided and found, nothing started.
struct LaunchPlan {
    /// The guest's kernel.
    let kernel: Kernel
    /// The archive with the agent and the kernel's modules.
    let initramfs: FilePath
    /// The guest's kernel command line, and the settings that it had no room for.
    let commandLine: KernelCommandLine.Rendered
    /// The QEMU to start.
    let program: QEMUProgram
    /// Its version, where an earlier run has learnt it.
    let qemuVersion: QEMUVersion?
    /// What runs the guest's instructions.
    let accelerator: Accelerator
    /// Why it is that one.
    let acceleratorReason: String
    /// The aggregates that the guest has devices of.
    let buckets: [Bucket]
    /// The shares with their targets, the guest's root first where it is one.
    let shares: [ServedShare]
    /// Where the guest's console is written to.
    let consoleLog: FilePath
    /// Request queues of each aggregate's device.
    let requestQueues: Int
    /// Seconds that a guest may say nothing at all, neither on its console nor over the link, before it is ready. An
    /// emulated one on a busy host is slow, and its kernel is told to be quiet.
    var silenceLimit: Double { accelerator == .kvm ? 60 : 180 }

    private let configuration: MachineConfiguration

    /// Decides, finds and opens.
    ///
    /// - Parameters:
    ///   - configuration: What the user asked for.
    ///   - shareHost: Gets the shares.
    /// - Throws: What stands in the way.
    init(_ configuration: MachineConfiguration, shareHost: ShareHost) throws(LaunchError) {
        self.configuration = configuration
        guard let architecture = Architecture.host else {
            throw LaunchError("this host's architecture is none that Sheaf can launch a guest of")
        }
        let cache = try Self.cacheDirectory()
        let places = KernelPlaces.system(cache: cache)
        do {
            program = try QEMUProgram.find()
            kernel = try Kernel.find(configuration.kernel, for: architecture, in: places)
            let modules = try ModuleSet.resolve(
                for: kernel, devices: configuration.root.needsOverlay ? .overlay : [], given: configuration.modules,
                in: places, mayBeAbsent: kernel.isUsersOwn)
            initramfs = try Initramfs.build(agent: try AgentProgram.find(), modules: modules, cache: cache)
            // The cache's directory is there now that the initramfs is.
            qemuVersion = program.version(rememberedIn: cache.string)
        } catch {
            throw LaunchError("\(error)")
        }
        guard let preference = AcceleratorPreference(rawValue: configuration.acceleration) else {
            throw LaunchError("'\(configuration.acceleration)' is no accelerator (auto, kvm or tcg)")
        }
        let choice = AcceleratorChoice(preference)
        accelerator = choice.accelerator
        acceleratorReason = choice.reason

        let (root, rootShare) = try shareHost.addRoot(configuration.root)
        let added = try shareHost.add(configuration.shares)
        shares = (rootShare.map { [$0] } ?? []) + added
        let used = shares.map(\.bucket)
        buckets = Bucket.allCases.filter(used.contains)
        var line = KernelCommandLine(architecture: architecture, root: root)
        line.hostname = configuration.hostname
        line.messages = configuration.isVerbose ? .all : .warnings
        line.shares = added.map(\.setting)
        line.appended = configuration.append ?? ""
        do {
            commandLine = try line.rendered()
        } catch {
            throw LaunchError(error.description)
        }
        consoleLog = try StateDirectory().newLog(named: configuration.name ?? configuration.hostname)
        requestQueues = min(configuration.cpus, 4)
    }

    /// The machine for QEMU, without link and monitor.
    func hardware(console: Backend, fileSystems: [Hardware.FileSystem]) -> Hardware {
        var hardware = Hardware(
            name: configuration.hostname, accelerator: accelerator, cpus: configuration.cpus,
            memory: UInt64(configuration.memory) << 20, kernel: kernel.path.string, initramfs: initramfs.string,
            kernelCommandLine: commandLine.text, console: console)
        hardware.fileSystems = fileSystems
        return hardware
    }

    /// One line on what is launched.
    var summary: String {
        let release = kernel.release.map { "\($0)" } ?? "of unknown release"
        return
            "kernel \(release) (\(kernel.path)), \(accelerator.rawValue) (\(acceleratorReason)), \(configuration.cpus) CPU,"
            + " \(configuration.memory) MiB, \(shares.count) shares"
    }

    /// The shares as a report shows them.
    var reportedShares: [Report.Share] {
        shares.map {
            Report.Share(
                source: $0.source, target: $0.target, access: $0.bucket.access.rawValue, subname: $0.subname)
        }
    }

    /// `$XDG_CACHE_HOME/sheaf`, or what stands for it.
    static func cacheDirectory() throws(LaunchError) -> FilePath {
        if let cache = getenv("XDG_CACHE_HOME"), cache[0] == CChar(bitPattern: UInt8(ascii: "/")) {
            return FilePath(String(cString: cache)).appending("sheaf")
        }
        if let home = getenv("HOME"), home[0] == CChar(bitPattern: UInt8(ascii: "/")) {
            return FilePath(String(cString: home)).appending(".cache/sheaf")
        }
        throw LaunchError("there is no place for a cache: neither XDG_CACHE_HOME nor HOME is set to an absolute path")
    }
}

extension RootSelection {
    /// Whether the guest's root is a tmpfs overlay.
    fileprivate var needsOverlay: Bool {
        switch self {
        case .host, .directory(_, isWritable: false): true
        case .none, .directory(_, isWritable: true): false
        }
    }
}

extension Kernel {
    /// Whether the user built it: it may then have everything built in, and no modules directory.
    fileprivate var isUsersOwn: Bool {
        switch origin {
        case .file, .buildTree: true
        case .installed, .cache: false
        }
    }
}
