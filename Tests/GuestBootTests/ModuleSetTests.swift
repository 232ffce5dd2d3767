import SystemPackage
import Testing

@testable import GuestBoot

@Suite struct ModuleSetTests {
    private func kernel(_ release: String, in fixture: HostFixture) throws -> Kernel {
        try fixture.installImage(release)
        return try Kernel.find(release, for: .x86_64, in: fixture.places())
    }

    private func resolve(
        _ kernel: Kernel, _ devices: GuestDevices = [], given: FilePath? = nil, in fixture: HostFixture,
        mayBeAbsent: Bool = false
    ) throws(ModuleError) -> ModuleSet {
        try ModuleSet.resolve(
            for: kernel, devices: devices, given: given, in: fixture.places(), mayBeAbsent: mayBeAbsent)
    }

    @Test func putsWhatAModuleNeedsBeforeIt() throws {
        let fixture = try HostFixture()
        try fixture.installModules("6.1", dependencies: plainDependencies)

        let set = try resolve(try kernel("6.1", in: fixture), in: fixture)

        #expect(
            set.modules.compactMap { FilePath($0.relativePath).lastComponent?.string } == [
                "virtio.ko", "virtio_ring.ko", "virtio_pci.ko", "virtio_console.ko", "pvpanic.ko", "pvpanic-pci.ko",
                "fuse.ko", "virtiofs.ko",
            ])
        #expect(set.modules.first?.path == fixture.modules.appending("6.1/kernel/drivers/virtio/virtio.ko"))
    }

    @Test func addsTheDriversOfTheGuestsDevices() throws {
        let fixture = try HostFixture()
        try fixture.installModules("6.1", dependencies: plainDependencies)

        let set = try resolve(try kernel("6.1", in: fixture), .overlay, in: fixture)

        #expect(set.modules.contains { $0.relativePath == "kernel/fs/overlayfs/overlay.ko" })
    }

    @Test func leavesOutWhatIsBuiltInAndWhatOnlyThatNeeds() throws {
        let fixture = try HostFixture()
        let builtIn = """
            kernel/drivers/virtio/virtio.ko
            kernel/drivers/virtio/virtio-ring.ko
            kernel/drivers/virtio/virtio-pci.ko
            kernel/drivers/char/virtio_console.ko
            kernel/fs/fuse/fuse.ko
            """
        try fixture.installModules("6.12", dependencies: plainDependencies, builtIn: builtIn)

        let set = try resolve(try kernel("6.12", in: fixture), in: fixture)

        #expect(
            set.modules.map(\.relativePath) == [
                "kernel/drivers/misc/pvpanic/pvpanic.ko", "kernel/drivers/misc/pvpanic/pvpanic-pci.ko",
                "kernel/fs/fuse/virtiofs.ko",
            ])
    }

    @Test func namesTheOptionsOfAKernelThatCannotDo() throws {
        let fixture = try HostFixture()
        let some = "kernel/drivers/virtio/virtio_pci.ko.xz:\nkernel/fs/fuse/fuse.ko.zst:\n"
        let directory = try fixture.installModules("6.1", dependencies: some)
        let kernel = try kernel("6.1", in: fixture)

        let missing = ["CONFIG_VIRTIO_CONSOLE", "CONFIG_VIRTIO_FS", "CONFIG_OVERLAY_FS"]
        let error = #expect(throws: ModuleError.missing(missing, directory: directory)) {
            try resolve(kernel, .overlay, in: fixture)
        }
        #expect(error?.description.contains("CONFIG_VIRTIO_CONSOLE, CONFIG_VIRTIO_FS, CONFIG_OVERLAY_FS") == true)
    }

    @Test func doesNotLoopWhereModulesNeedEachOther() {
        let index = ModuleIndex(dependencies: Array("a.ko: b.ko\nb.ko: a.ko\n".utf8), builtIn: [])

        #expect(index.loadOrder(of: ["a"]) == ["b.ko", "a.ko"])
    }

    @Test(arguments: ["nonsense", ":", "a.ko", "::\n:a.ko", "x.txt: y.ko", "\n\n\n", "\u{ff}: \u{0}"])
    func passesOverLinesThatAreNone(text: String) {
        let index = ModuleIndex(dependencies: Array(text.utf8), builtIn: Array(text.utf8))

        #expect(index.loadOrder(of: ["a", "x"]).isEmpty)
    }

    @Test(arguments: [
        ("kernel/drivers/misc/pvpanic/pvpanic-pci.ko", "pvpanic_pci"), ("a/virtio_pci.ko.xz", "virtio_pci"),
        ("b-c_d.ko.zst", "b_c_d"), ("e.ko.gz", "e"),
    ])
    func namesAModuleAsTheKernelDoes(file: String, name: String) {
        #expect(ModuleName(file: file) == ModuleName(name))
    }

    @Test(arguments: ["", "/", "a", "a.ko.", "a.kox", "a.xz", "ko"])
    func takesNothingElseForAModule(file: String) {
        #expect(ModuleName(file: file) == nil)
    }

    @Test(arguments: ["", "lib/modules/6.1", "6.1"])
    func takesTheDirectoryThatIsGiven(below: String) throws {
        let fixture = try HostFixture()
        let given = fixture.root.appending("given")
        let directory = below.isEmpty ? given : given.appending(below)
        try fixture.file(directory.appending("modules.dep"), plainDependencies)
        try fixture.installModules("6.1", dependencies: plainDependencies)

        let set = try resolve(try kernel("6.1", in: fixture), given: given, in: fixture)

        #expect(set.directory == directory)
    }

    @Test func refusesAGivenDirectoryWithoutModules() throws {
        let fixture = try HostFixture()
        let kernel = try kernel("6.1", in: fixture)

        #expect(throws: ModuleError.notModules(fixture.boot)) {
            try resolve(kernel, given: fixture.boot, in: fixture, mayBeAbsent: true)
        }
    }

    @Test func findsTheModulesBesideACachedKernel() throws {
        let fixture = try HostFixture()
        let image = try fixture.cacheImage("6.12.95")
        let directory = image.removingLastComponent().appending("lib/modules/6.12.95")
        try fixture.file(directory.appending("modules.dep"), plainDependencies)
        let kernel = try Kernel.find("6.12", for: .x86_64, in: fixture.places())

        #expect(try resolve(kernel, in: fixture).directory == directory)
    }

    @Test func takesABuildTreesWordForWhatIsBuiltIn() throws {
        let fixture = try HostFixture()
        let tree = fixture.root.appending("linux")
        try fixture.file(tree.appending("arch/x86/boot/bzImage"), bzImage(release: "6.10"))
        try fixture.file(tree.appending("modules.builtin"), "kernel/fs/fuse/fuse.ko\nkernel/fs/fuse/virtiofs.ko\n")
        let kernel = try Kernel.find(tree.string, for: .x86_64, in: fixture.places())

        #expect(throws: ModuleError.missing(["CONFIG_VIRTIO_PCI", "CONFIG_VIRTIO_CONSOLE"], directory: tree)) {
            try resolve(kernel, in: fixture, mayBeAbsent: true)
        }
    }

    @Test func needsNoDirectoryWhereTheCallerSaysSo() throws {
        let fixture = try HostFixture()
        let kernel = try kernel("6.1", in: fixture)

        #expect(try resolve(kernel, in: fixture, mayBeAbsent: true) == .none)
        #expect(throws: ModuleError.self) { try resolve(kernel, in: fixture) }
    }
}
