internal import CLinux
internal import Glibc
internal import Linux
public import SystemPackage

/// What runs the guest's instructions.
public enum Accelerator: String, Sendable {
    /// The processor itself, through /dev/kvm.
    case kvm
    /// QEMU's translator: works everywhere, ten times slower.
    case tcg
}

/// What the user asked for.
public enum AcceleratorPreference: String, CaseIterable, Sendable {
    /// KVM where it works, else TCG.
    case auto
    /// KVM or nothing.
    case kvm
    /// TCG.
    case tcg
}

/// An accelerator, and why it is the one.
public struct AcceleratorChoice: Equatable, Sendable {
    /// What to use.
    public var accelerator: Accelerator
    /// The reason, for a person: `/dev/kvm cannot be opened: EACCES (Permission denied)`.
    public var reason: String

    /// Chooses for this host.
    ///
    /// `auto` takes KVM only if /dev/kvm opens for reading and writing **and** the processor has virtualisation of its own:
    /// a paravirtual KVM opens as well, and then cannot run a stock kernel. `kvm` is taken by its word; QEMU will say what is
    /// amiss.
    public init(_ preference: AcceleratorPreference, on host: VirtualisationFacts = .ofThisHost()) {
        switch preference {
        case .tcg: self.init(.tcg, "asked for")
        case .kvm: self.init(.kvm, "asked for")
        case .auto:
            if let error = host.deviceError {
                let remedy =
                    error == .permissionDenied ? "; membership in the group kvm is usually what is missing" : ""
                self.init(.tcg, "/dev/kvm cannot be opened: \(error.explained)\(remedy)")
            } else if !host.hasHardwareVirtualisation {
                self.init(.tcg, "/dev/kvm opens, but the processor shows neither vmx nor svm")
            } else {
                self.init(.kvm, "/dev/kvm opens and the processor has virtualisation")
            }
        }
    }

    private init(_ accelerator: Accelerator, _ reason: String) {
        self.accelerator = accelerator
        self.reason = reason
    }
}

/// What the choice between KVM and TCG rests on.
public struct VirtualisationFacts: Sendable {
    /// Why /dev/kvm does not open; nil when it does.
    public var deviceError: Errno?
    /// Whether /proc/cpuinfo lists `vmx` (Intel) or `svm` (AMD).
    public var hasHardwareVirtualisation: Bool

    /// States the facts.
    public init(deviceError: Errno?, hasHardwareVirtualisation: Bool) {
        self.deviceError = deviceError
        self.hasHardwareVirtualisation = hasHardwareVirtualisation
    }

    /// Looks at /dev/kvm and /proc/cpuinfo.
    public static func ofThisHost() -> VirtualisationFacts {
        var deviceError: Errno?
        do throws(Errno) {
            _ = try Descriptor(result: cl_openat(CL_AT_FDCWD, "/dev/kvm", O_RDWR, 0))
        } catch {
            deviceError = error
        }
        return VirtualisationFacts(
            deviceError: deviceError, hasHardwareVirtualisation: listsVirtualisation(firstPage(of: "/proc/cpuinfo")))
    }

    /// Whether the first `flags` line of a cpuinfo has one of the two.
    static func listsVirtualisation(_ cpuinfo: String) -> Bool {
        guard let line = cpuinfo.split(separator: "\n").first(where: { $0.hasPrefix("flags") }) else { return false }
        return line.split(separator: " ").contains { $0 == "vmx" || $0 == "svm" }
    }

    /// Enough of the file for its first processor.
    private static func firstPage(of path: String) -> String {
        guard let file = try? Descriptor(result: cl_openat(CL_AT_FDCWD, path, O_RDONLY, 0)) else { return "" }
        let bytes = [UInt8](unsafeUninitializedCapacity: 16 * 1024) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            while count < buffer.count {
                let read = cl_read(file.number, base + count, buffer.count - count)
                if read <= 0 { break }
                count += read
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
