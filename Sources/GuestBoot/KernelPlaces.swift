internal import Glibc
public import SystemPackage

/// Where kernels and their modules are looked for.
public struct KernelPlaces: Sendable {
    /// The directory of installed images, `vmlinuz-RELEASE`.
    public var boot: FilePath
    /// Directories of installed modules, one directory below them per release, some with a `vmlinuz` in it.
    public var modules: [FilePath]
    /// Sheaf's cache; kernels are in `kernels/RELEASE/` below it.
    public var cache: FilePath
    /// What `uname -r` prints.
    public var running: KernelRelease

    /// These places.
    public init(boot: FilePath, modules: [FilePath], cache: FilePath, running: KernelRelease) {
        self.boot = boot
        self.modules = modules
        self.cache = cache
        self.running = running
    }

    /// Those of this machine.
    ///
    /// - Parameter cache: Sheaf's cache directory, `$XDG_CACHE_HOME/sheaf`.
    /// - Returns: The places, with the running kernel's release.
    public static func system(cache: FilePath) -> KernelPlaces {
        var names = utsname()
        uname(&names)
        let release = withUnsafeBytes(of: &names.release) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        // Both, for a system that has not merged /lib into /usr; where it has, the second adds nothing.
        return KernelPlaces(
            boot: "/boot", modules: ["/lib/modules", "/usr/lib/modules"], cache: cache,
            running: KernelRelease(release))
    }

    /// Where Sheaf's cache has its kernels.
    var cachedKernels: FilePath { cache.appending("kernels") }
}
