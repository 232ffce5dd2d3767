import CLinux
import Glibc
import Linux
import SystemPackage
import Testing

@testable import GuestBoot

/// A kernel's tree that a guest has as a share, and has written to before the next launch.
@Suite(.timeLimit(.minutes(1))) struct HostileTreeTests {
    private let secret = elf("what is nobody's business in a guest")

    /// A kernel whose modules are all there, in a directory that a guest may write to; and a file of the user's beside it.
    private struct Scene {
        let fixture: HostFixture
        let directory: FilePath
        let secret: FilePath
        let agent: FilePath
    }

    private func scene(dependencies: String = plainDependencies) throws -> Scene {
        let fixture = try HostFixture()
        let directory = fixture.modules.appending("6.1")
        try fixture.installImage("6.1")
        try fixture.file(directory.appending("modules.dep"), dependencies)
        for line in plainDependencies.split(separator: "\n") {
            let name = String(line.prefix { $0 != ":" })
            try fixture.file(directory.appending(name), elf(name))
        }
        return Scene(
            fixture: fixture, directory: directory, secret: try fixture.file(fixture.root.appending("x.ko"), secret),
            agent: try fixture.file(fixture.root.appending("agent"), "the agent"))
    }

    /// The launch, as far as it concerns the tree.
    private func launch(
        _ scene: Scene, given: FilePath? = nil, searchPath: [FilePath] = ["/usr/bin", "/bin"]
    ) throws -> CpioReader {
        let places = scene.fixture.places()
        let kernel = try Kernel.find("6.1", for: .x86_64, in: places)
        let modules = try ModuleSet.resolve(for: kernel, devices: [], given: given, in: places, mayBeAbsent: false)
        let path = try Initramfs.build(
            agent: scene.agent, modules: modules, cache: scene.fixture.cache,
            decompressor: Decompressor(searchPath: searchPath))
        return try CpioReader(try contents(at: path))
    }

    private func link(_ path: FilePath, to target: String) throws {
        _ = path.withPlatformString { unlink($0) }
        #expect(path.withPlatformString { path in target.withCString { symlink($0, path) } } == 0)
    }

    private func fifo(_ path: FilePath) {
        _ = path.withPlatformString { unlink($0) }
        #expect(path.withPlatformString { mkfifo($0, 0o666) } == 0)
    }

    @Test func packsNothingThatALinkLeadsOutTo() throws {
        let scene = try scene()
        let module = scene.directory.appending("kernel/fs/fuse/virtiofs.ko")

        for target in [scene.secret.string, "../../../../../../x.ko"] {
            try link(module, to: target)
            #expect(throws: InitramfsError.unreadable(module, .leadsOut)) { try launch(scene) }
        }
    }

    @Test func packsNothingThatALinkedDirectoryLeadsOutTo() throws {
        let scene = try scene()
        try scene.fixture.file(scene.fixture.root.appending("elsewhere/fuse.ko"), secret)
        try scene.fixture.file(scene.fixture.root.appending("elsewhere/virtiofs.ko"), secret)
        let directory = scene.directory.appending("kernel/fs/fuse")
        #expect(rename(directory.string, scene.fixture.root.appending("aside").string) == 0)
        try link(directory, to: scene.fixture.root.appending("elsewhere").string)

        #expect(throws: InitramfsError.unreadable(directory.appending("fuse.ko"), .leadsOut)) { try launch(scene) }
    }

    @Test func takesLinksThatStayWithinAndADirectoryThatIsReachedByOne() throws {
        let scene = try scene()
        try scene.fixture.file(scene.directory.appending("updates/virtiofs.ko"), elf("updated"))
        try link(scene.directory.appending("kernel/fs/fuse/virtiofs.ko"), to: "../../../updates/virtiofs.ko")
        let linked = scene.fixture.root.appending("linked")
        try link(linked, to: scene.directory.string)

        for given in [nil, linked] {
            let module = try launch(scene, given: given)["lib/modules/sheaf/kernel/fs/fuse/virtiofs.ko"]
            #expect(module?.contents == elf("updated"))
        }
    }

    @Test(arguments: ["modules.dep", "modules.builtin"])
    func readsNoListThatALinkLeadsOutTo(name: String) throws {
        let scene = try scene()
        let list = scene.directory.appending(name)
        let text = try scene.fixture.file(scene.fixture.root.appending("list"), plainDependencies)
        try link(list, to: text.string)

        #expect(throws: ModuleError.unreadable(list, .leadsOut)) { try launch(scene) }
    }

    @Test(arguments: ["../../../x.ko", "kernel/../../../../x.ko", "ABSOLUTE", "kernel/\u{1b}[2Jx.ko"])
    func takesNoEntryForAFileElsewhere(entry: String) throws {
        let scene = try scene()
        let entry = entry == "ABSOLUTE" ? scene.secret.string : entry
        let list = try scene.fixture.file(
            scene.directory.appending("modules.dep"),
            plainDependencies.replacing("kernel/fs/fuse/virtiofs.ko:", with: "kernel/fs/fuse/virtiofs.ko: \(entry)")
                + "\(entry):\n")

        let error = #expect(throws: ModuleError.badEntry(entry, list: list)) { try launch(scene) }
        #expect(error?.description.contains("modules.dep names a module's file as '") == true)
    }

    @Test func waitsForNothing() throws {
        let scene = try scene()
        let module = scene.directory.appending("kernel/fs/fuse/virtiofs.ko")
        fifo(module)
        #expect(throws: InitramfsError.unreadable(module, .notRegular)) { try launch(scene) }

        let list = scene.directory.appending("modules.builtin")
        fifo(list)
        #expect(throws: ModuleError.unreadable(list, .notRegular)) { try launch(scene) }

        fifo(scene.agent)
        #expect(throws: InitramfsError.noAgent(scene.agent, .notRegular)) {
            try Initramfs.build(agent: scene.agent, modules: .none, cache: scene.fixture.cache)
        }
        let image = scene.fixture.root.appending("bzImage")
        fifo(image)
        #expect(throws: KernelError.unreadable(image, .notRegular)) {
            try Kernel.find(image.string, for: .x86_64, in: scene.fixture.places())
        }
    }

    @Test func packsNothingButModules() throws {
        let scene = try scene()
        let module = try scene.fixture.file(
            scene.directory.appending("kernel/fs/fuse/virtiofs.ko"), "-----BEGIN OPENSSH PRIVATE KEY-----")

        #expect(throws: InitramfsError.unreadable(module, .notModule)) { try launch(scene) }
    }

    @Test func packsNothingButModulesThatStayCompressed() throws {
        let scene = try scene(dependencies: plainDependencies.replacing("virtiofs.ko", with: "virtiofs.ko.xz"))
        let module = try scene.fixture.file(
            scene.directory.appending("kernel/fs/fuse/virtiofs.ko.xz"), "-----BEGIN OPENSSH PRIVATE KEY-----")

        #expect(throws: InitramfsError.unreadable(module, .notModule)) { try launch(scene, searchPath: []) }
    }

    @Test func refusesAModuleThatIsHuge() throws {
        let scene = try scene()
        let module = scene.directory.appending("kernel/fs/fuse/virtiofs.ko")
        #expect(truncate(module.string, 1 << 40) == 0)

        #expect(throws: InitramfsError.unreadable(module, .tooLarge(limit: 64 << 20))) { try launch(scene) }
    }

    @Test func endsADecompressorThatDoesNotEnd() throws {
        let scene = try scene(dependencies: plainDependencies.replacing(".ko", with: ".ko.xz"))
        for line in plainDependencies.split(separator: "\n") {
            let name = String(line.prefix { $0 != ":" })
            try scene.fixture.file(scene.directory.appending("\(name).xz"), "anything")
        }
        // In place of a file that a few bytes make endless.
        let xz = try scene.fixture.file(
            scene.fixture.root.appending("bin/xz"),
            "#!/bin/sh\necho $$ >> \(scene.fixture.root)/pids\nexec cat /dev/zero\n")
        #expect(chmod(xz.string, 0o755) == 0)

        let error = #expect(throws: InitramfsError.self) {
            try launch(scene, searchPath: [xz.removingLastComponent()])
        }

        #expect(error?.description.hasSuffix("it has more than 64 MiB") == true)
        let pids = String(decoding: try contents(at: scene.fixture.root.appending("pids")), as: UTF8.self)
        #expect(!pids.isEmpty)
        for pid in pids.split(separator: "\n").compactMap({ pid_t($0) }) { #expect(kill(pid, 0) != 0) }
    }

    @Test func refusesModulesThatAreHugeTogether() throws {
        let scene = try scene()
        let names = plainDependencies.split(separator: "\n").map { String($0.prefix { $0 != ":" }) }
        let modules = names.map { ModuleSet.Module(path: scene.directory.appending($0), relativePath: $0) }
        var limits = ModuleLimits()
        limits.together = 200

        #expect(throws: InitramfsError.tooMuch(limit: 200)) {
            try Initramfs.build(
                agent: scene.agent,
                modules: ModuleSet(source: try ModulesDirectory(scene.directory), modules: modules),
                cache: scene.fixture.cache, decompressor: Decompressor(searchPath: []), limits: limits)
        }
    }

    @Test func refusesAChainWithoutEnd() throws {
        let count = 200_000
        let chain = (0..<count).map { "m\($0).ko: m\($0 + 1).ko\n" }.joined()
        let scene = try scene(
            dependencies: plainDependencies.replacing("virtiofs.ko:", with: "virtiofs.ko: m0.ko") + chain)

        let error = #expect(throws: ModuleError.self) { try launch(scene) }
        #expect(error?.description.contains("at most 256 are taken") == true)
    }

    @Test func takesNoReleaseForAPath() {
        #expect(KernelImage.parse(bzImage(release: "../../home")) == .image(image(nil)))
        #expect(KernelImage.parse(bzImage(release: "..")) == .image(image(nil)))
        #expect(KernelImage.parse(bzImage(release: "6.1..2")) == .image(image("6.1..2")))
    }

    private func image(_ release: String?) -> KernelImage {
        KernelImage(architecture: .x86_64, release: release.map { KernelRelease($0) })
    }
}
