internal import Linux
public import SystemPackage

/// Why there is no kernel to boot, with the way out in its description.
public enum KernelError: Error, Equatable, CustomStringConvertible {
    /// Nothing is installed and nothing is in the cache.
    case noneInstalled
    /// There is an image, but it cannot be read.
    case unreadable(FilePath, FileFailure)
    /// The file is there, but it is no image that can be booted: why not.
    case notAnImage(FilePath, String)
    /// The image is for another architecture than the one asked for.
    case wrongArchitecture(FilePath, Architecture, wanted: Architecture)
    /// A directory that has neither a built kernel nor a `vmlinuz`.
    case notBuilt(FilePath)
    /// A path that leads nowhere.
    case noSuchFile(FilePath, Errno)
    /// No kernel has this version; those that are there.
    case noSuchVersion(String, known: [KernelRelease])

    /// What was tried, on what, why it failed and what to do.
    public var description: String {
        switch self {
        case .noneInstalled:
            "there is no kernel to boot: /boot, /lib/modules and Sheaf's cache have none. \(KernelError.wayOut)"
        case .unreadable(let path, .system(.permissionDenied)):
            "cannot read the kernel \(path): \(Errno.permissionDenied.explained); this distribution lets only root read"
                + " it. Make it readable (`sudo chmod a+r \(path)`), or take another one: \(KernelError.wayOutWithoutRoot)"
        case .unreadable(let path, let error):
            "cannot read the kernel \(path): \(error.explained)"
        case .notAnImage(let path, let reason):
            "cannot boot \(path): \(reason)"
        case .wrongArchitecture(let path, let architecture, let wanted):
            "cannot boot \(path): it is a kernel for \(architecture.rawValue), and the guest is to be \(wanted.rawValue)"
        case .notBuilt(let path):
            "there is no kernel in the directory \(path): neither a build's arch/x86/boot/bzImage (run `make bzImage`)"
                + " nor a file vmlinuz"
        case .noSuchFile(let path, let error):
            "cannot find the kernel \(path): \(error.explained)"
        case .noSuchVersion(let version, let known) where known.isEmpty:
            "there is no kernel \(version): neither /boot, /lib/modules nor Sheaf's cache has any. \(KernelError.wayOut)"
        case .noSuchVersion(let version, let known):
            "there is no kernel \(version); there are \(known.map(\.description).joined(separator: ", "))."
                + " \(KernelError.wayOut)"
        }
    }

    private static let wayOut =
        "Install one (`apt install linux-image-cloud-amd64`, or your distribution's kernel package), "
        + wayOutWithoutRoot

    private static let wayOutWithoutRoot =
        "fetch one into Sheaf's cache without root (`Scripts/fetch-kernel`), or give one with --kernel PATH"
}
