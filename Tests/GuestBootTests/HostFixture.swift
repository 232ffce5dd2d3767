import CLinux
import Glibc
import Linux
import SystemPackage
import TestSupport

@testable import GuestBoot

/// A directory with what GuestBoot looks for on a host: `/boot`, `/lib/modules`, Sheaf's cache. Removed at the end.
final class HostFixture {
    private let directory: TemporaryDirectory
    let root: FilePath
    let boot: FilePath
    let modules: FilePath
    let cache: FilePath

    init() throws {
        directory = try TemporaryDirectory()
        root = FilePath(directory.path)
        boot = root.appending("boot")
        modules = root.appending("lib/modules")
        cache = root.appending("cache")
        for directory in [boot, modules, cache] { try makeDirectories(directory) }
    }

    /// The places of this host, where `running` runs.
    func places(running: String = "5.0") -> KernelPlaces {
        KernelPlaces(boot: boot, modules: [modules], cache: cache, running: KernelRelease(running))
    }

    @discardableResult
    func file(_ path: FilePath, _ contents: [UInt8]) throws -> FilePath {
        try makeDirectories(path.removingLastComponent())
        let file = try Descriptor(
            result: path.withPlatformString { cl_openat(CL_AT_FDCWD, $0, O_WRONLY | O_CREAT | O_TRUNC, 0o644) })
        try write(contents, to: file.number)
        return path
    }

    @discardableResult
    func file(_ path: FilePath, _ text: String) throws -> FilePath { try file(path, Array(text.utf8)) }

    /// Puts an image into `/boot`, whose header says `release` or else what its name says.
    @discardableResult
    func installImage(_ name: String, release: String? = nil) throws -> FilePath {
        try file(boot.appending("vmlinuz-\(name)"), bzImage(release: release ?? name))
    }

    /// Puts an image into Sheaf's cache.
    @discardableResult
    func cacheImage(_ release: String) throws -> FilePath {
        try file(cache.appending("kernels").appending(release).appending("vmlinuz"), bzImage(release: release))
    }

    /// Makes a modules directory with these lists, and a file for each module, which has its own name in it.
    @discardableResult
    func installModules(_ release: String, dependencies: String, builtIn: String = "") throws -> FilePath {
        let directory = modules.appending(release)
        try file(directory.appending("modules.dep"), dependencies)
        try file(directory.appending("modules.builtin"), builtIn)
        for line in dependencies.split(separator: "\n") {
            let name = String(line.prefix { $0 != ":" })
            try file(directory.appending(name), name)
        }
        return directory
    }
}

/// The first sectors of a kernel for 64-bit x86, with nothing in them but what its header says.
func bzImage(release: String, protocolVersion: UInt16 = 0x020f, flags: UInt16 = 1) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 0x4000)
    bytes[0x1f1] = 0x1b
    bytes.replaceSubrange(0x202..<0x206, with: "HdrS".utf8)
    bytes[0x206] = UInt8(protocolVersion & 0xff)
    bytes[0x207] = UInt8(protocolVersion >> 8)
    bytes[0x20e] = 0x00
    bytes[0x20f] = 0x30
    bytes[0x236] = UInt8(flags & 0xff)
    let text = Array("\(release) (somebody@somewhere) #1 SMP PREEMPT\0".utf8)
    bytes.replaceSubrange(0x3200..<(0x3200 + text.count), with: text)
    return bytes
}

/// A plain set of modules: every driver that a guest needs, each a module, with dependencies of two levels.
let plainDependencies = """
    kernel/drivers/virtio/virtio.ko:
    kernel/drivers/virtio/virtio_ring.ko: kernel/drivers/virtio/virtio.ko
    kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko
    kernel/drivers/char/virtio_console.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko
    kernel/fs/fuse/fuse.ko:
    kernel/fs/fuse/virtiofs.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko kernel/fs/fuse/fuse.ko
    kernel/fs/overlayfs/overlay.ko:
    kernel/drivers/misc/pvpanic/pvpanic.ko:
    kernel/drivers/misc/pvpanic/pvpanic-pci.ko: kernel/drivers/misc/pvpanic/pvpanic.ko
    kernel/net/unwanted.ko: kernel/fs/fuse/fuse.ko
    """ + "\n"

/// All that is in a file.
func contents(at path: FilePath) throws -> [UInt8] { try HostFile(path).contents(limit: .max) }

/// What passes for a module: an ELF file by its first bytes, and a text.
func elf(_ text: String) -> [UInt8] { [0x7f] + Array("ELF\(text)".utf8) }
