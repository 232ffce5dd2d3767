import CLinux
import Glibc
import Linux
import SystemPackage
import Testing

@testable import GuestBoot

/// Sheaf's cache of the user who runs the tests, where `Scripts/fetch-kernel` puts kernels.
private let cache: FilePath? = {
    if let cache = getenv("XDG_CACHE_HOME") { return FilePath(String(cString: cache)).appending("sheaf") }
    return getenv("HOME").map { FilePath(String(cString: $0)).appending(".cache/sheaf") }
}()

private func hasKernels() -> Bool { cache.map { !names(in: $0.appending("kernels")).isEmpty } ?? false }

private func isInstalled(_ program: FilePath) -> Bool { program.withPlatformString { access($0, X_OK) == 0 } }

@Suite(.enabled(if: hasKernels(), "Scripts/fetch-kernel fetches them"))
struct DebianKernelTests {
    private func modules(_ version: String) throws -> ModuleSet {
        let cache = try #require(cache)
        let places = KernelPlaces(boot: "/nowhere", modules: [], cache: cache, running: KernelRelease("0"))
        let kernel = try Kernel.find(version, for: .x86_64, in: places)
        return try ModuleSet.resolve(
            for: kernel, devices: [.overlay, .network, .disk], given: nil, in: places, mayBeAbsent: false)
    }

    private func names(of set: ModuleSet) -> [String] {
        set.modules.compactMap { ModuleName(file: $0.relativePath)?.description }
    }

    @Test func findsEveryDriverOfDebiansOwnKernel() throws {
        let names = names(of: try modules("6.1"))

        let drivers = Driver.needed(for: [.overlay, .network, .disk]).map(\.module.description)
        #expect(Set(drivers).subtracting(names).isEmpty)
        let virtio = try #require(names.firstIndex(of: "virtio"))
        let ring = try #require(names.firstIndex(of: "virtio_ring"))
        let pci = try #require(names.firstIndex(of: "virtio_pci"))
        #expect(virtio < ring && ring < pci)
        #expect(Set(names).count == names.count)
    }

    @Test func leavesOutWhatTheBackportedKernelHasBuiltIn() throws {
        let names = names(of: try modules("6.12"))

        #expect(Set(names).isDisjoint(with: ["virtio_pci", "virtio_console", "fuse", "virtiofs", "virtio"]))
        #expect(Set(["overlay", "virtio_net", "virtio_blk"]).isSubset(of: names))
    }

    @Test(arguments: ["6.1", "6.12"])
    func packsModulesThatTheKernelTakes(version: String) throws {
        let fixture = try HostFixture()
        let agent = try fixture.file(fixture.root.appending("agent"), "the agent")

        let path = try Initramfs.build(agent: agent, modules: try modules(version), cache: fixture.cache)

        let read = try CpioReader(try contents(at: path))
        let order = String(decoding: try #require(read["lib/modules/sheaf/order"]).contents, as: UTF8.self)
        for name in order.split(separator: "\n") {
            let module = try #require(read["lib/modules/sheaf/\(name)"])
            #expect(name.hasSuffix(".ko"))
            #expect(module.contents.starts(with: [0x7f, 0x45, 0x4c, 0x46]))
        }
    }

    @Test(.enabled(if: isInstalled("/usr/bin/cpio")))
    func readsTheSameToTheProgramCpio() throws {
        let fixture = try HostFixture()
        let agent = try fixture.file(fixture.root.appending("agent"), "the agent")
        let path = try Initramfs.build(agent: agent, modules: try modules("6.1"), cache: fixture.cache)

        let listing = try list(path)

        #expect(listing == (try CpioReader(try contents(at: path))).entries.map(\.name))
    }

    /// What `cpio -t` prints of an archive.
    private func list(_ archive: FilePath) throws -> [String] {
        let input = try Descriptor(result: archive.withPlatformString { cl_openat(CL_AT_FDCWD, $0, O_RDONLY, 0) })
        let output = try Descriptor(result: cl_memfd("listing", 0))
        let map = [
            cl_fd_mapping(source: input.number, target: 0), cl_fd_mapping(source: output.number, target: 1),
            cl_fd_mapping(source: output.number, target: 2),
        ]
        let arguments = [strdup("cpio"), strdup("-t"), strdup("--quiet"), nil]
        defer { for argument in arguments { free(argument) } }
        let pid = try checked(cl_spawn("/usr/bin/cpio", arguments, [nil], map, 3, 0))
        var status: CInt = 0
        try checked(cl_wait(pid, &status, true))
        #expect(cl_exit_code(status) == 0)
        #expect(lseek(output.number, 0, SEEK_SET) == 0)
        let text = String(decoding: try contents(of: output.number, limit: .max), as: UTF8.self)
        return text.split(separator: "\n").map(String.init)
    }
}
