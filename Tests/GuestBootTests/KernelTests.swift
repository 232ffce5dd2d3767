import CLinux
import Glibc
import SystemPackage
import Testing

@testable import GuestBoot

@Suite struct KernelTests {
    // MARK: Without a selection

    @Test func takesTheRunningKernelFirst() throws {
        let fixture = try HostFixture()
        try fixture.installImage("6.1.0-9-amd64")
        try fixture.installImage("6.1.0-50-amd64")

        let kernel = try Kernel.find(nil, for: .x86_64, in: fixture.places(running: "6.1.0-9-amd64"))

        #expect(kernel.release == KernelRelease("6.1.0-9-amd64"))
        #expect(kernel.origin == .installed)
    }

    @Test func takesTheNewestInstalledKernelNext() throws {
        let fixture = try HostFixture()
        try fixture.installImage("6.1.0-9-amd64")
        try fixture.installImage("6.1.0-50-amd64")
        try fixture.cacheImage("6.12.95")

        let kernel = try Kernel.find(nil, for: .x86_64, in: fixture.places())

        #expect(kernel.path == fixture.boot.appending("vmlinuz-6.1.0-50-amd64"))
    }

    @Test func takesTheNewestOfTheCacheLast() throws {
        let fixture = try HostFixture()
        try fixture.cacheImage("6.9.1")
        let newest = try fixture.cacheImage("6.12.95")

        let kernel = try Kernel.find(nil, for: .x86_64, in: fixture.places())

        #expect(kernel.path == newest)
        #expect(kernel.origin == .cache)
    }

    @Test func findsAnImageAmongTheModules() throws {
        let fixture = try HostFixture()
        let path = try fixture.file(fixture.modules.appending("6.9.1/vmlinuz"), bzImage(release: "6.9.1"))

        #expect(try Kernel.find(nil, for: .x86_64, in: fixture.places()).path == path)
    }

    @Test func saysWhatToInstallWhereThereIsNothing() throws {
        let fixture = try HostFixture()

        let error = #expect(throws: KernelError.noneInstalled) {
            try Kernel.find(nil, for: .x86_64, in: fixture.places())
        }
        #expect(error?.description.contains("apt install linux-image-cloud-amd64") == true)
        #expect(error?.description.contains("Scripts/fetch-kernel") == true)
    }

    @Test func passesOverAnImageThatCannotBeRead() throws {
        let fixture = try HostFixture()
        try makeDirectories(fixture.boot.appending("vmlinuz-6.9"))
        try fixture.cacheImage("6.1")

        #expect(try Kernel.find(nil, for: .x86_64, in: fixture.places()).release == KernelRelease("6.1"))
    }

    @Test func saysThatAnImageCannotBeReadWhereThereIsNoOther() throws {
        let fixture = try HostFixture()
        let path = fixture.boot.appending("vmlinuz-6.9")
        try makeDirectories(path)

        #expect(throws: KernelError.unreadable(path, .notRegular)) {
            try Kernel.find(nil, for: .x86_64, in: fixture.places())
        }
    }

    @Test(.enabled(if: geteuid() != 0, "root reads everything"))
    func tellsAnOrdinaryUserThatTheImageIsForRoot() throws {
        let fixture = try HostFixture()
        let path = try fixture.installImage("6.9")
        #expect(path.withPlatformString { chmod($0, 0) } == 0)

        for selection in [nil, "6.9", path.string] {
            #expect(throws: KernelError.unreadable(path, .system(.permissionDenied))) {
                try Kernel.find(selection, for: .x86_64, in: fixture.places())
            }
        }
    }

    @Test func tellsTheWayOutWhereOnlyRootReadsTheImage() {
        let text = KernelError.unreadable("/boot/vmlinuz-6.9", .system(.permissionDenied)).description

        #expect(text.contains("/boot/vmlinuz-6.9"))
        #expect(text.contains("EACCES"))
        #expect(text.contains("sudo chmod a+r /boot/vmlinuz-6.9"))
        #expect(text.contains("Scripts/fetch-kernel"))
    }

    // MARK: By version

    @Test(arguments: [
        ("6.1", "6.1.0-50-amd64"), ("6.1.0-9", "6.1.0-9-amd64"), ("6.1.0-9-amd64", "6.1.0-9-amd64"),
        ("6", "6.12.95"), ("v6.12", "6.12.95"),
    ])
    func takesTheNewestKernelOfAVersion(selection: String, release: String) throws {
        let fixture = try HostFixture()
        try fixture.installImage("6.1.0-9-amd64")
        try fixture.cacheImage("6.1.0-50-amd64")
        try fixture.cacheImage("6.12.95")

        let kernel = try Kernel.find(selection, for: .x86_64, in: fixture.places())

        #expect(kernel.release == KernelRelease(release))
    }

    @Test func takesAReleaseByItsWholeNameBeforeNewerOnesThatBeginSo() throws {
        let fixture = try HostFixture()
        try fixture.installImage("6.1")
        try fixture.installImage("6.1.7")

        #expect(try Kernel.find("6.1", for: .x86_64, in: fixture.places()).release == KernelRelease("6.1"))
    }

    @Test func namesTheKernelsThatThereAre() throws {
        let fixture = try HostFixture()
        try fixture.installImage("6.1.0-9-amd64")
        try fixture.cacheImage("6.12.95")

        let error = #expect(throws: KernelError.self) {
            try Kernel.find("7.0", for: .x86_64, in: fixture.places())
        }
        #expect(error?.description.contains("there are 6.12.95, 6.1.0-9-amd64.") == true)
    }

    @Test func believesTheHeaderAndNotTheName() throws {
        let fixture = try HostFixture()
        try fixture.installImage("6.1-mine", release: "6.1.7-mine+")

        #expect(try Kernel.find("6.1", for: .x86_64, in: fixture.places()).release == KernelRelease("6.1.7-mine+"))
    }

    // MARK: By path

    @Test func takesAFile() throws {
        let fixture = try HostFixture()
        let path = try fixture.file(fixture.root.appending("odd name"), bzImage(release: "6.10"))

        let kernel = try Kernel.find(path.string, for: .x86_64, in: fixture.places())

        #expect(kernel == (try Kernel.find(path.string, for: .x86_64, in: fixture.places())))
        #expect(kernel.path == path)
        #expect(kernel.origin == .file)
        #expect(kernel.release == KernelRelease("6.10"))
    }

    @Test func takesABuildTree() throws {
        let fixture = try HostFixture()
        let tree = fixture.root.appending("linux")
        let path = try fixture.file(tree.appending("arch/x86/boot/bzImage"), bzImage(release: "6.10-dirty"))

        let kernel = try Kernel.find(tree.string, for: .x86_64, in: fixture.places())

        #expect(kernel.path == path)
        #expect(kernel.origin == .buildTree(tree))
    }

    @Test func saysThatABuildTreeIsNotBuilt() throws {
        let fixture = try HostFixture()

        #expect(throws: KernelError.notBuilt(fixture.boot)) {
            try Kernel.find(fixture.boot.string, for: .x86_64, in: fixture.places())
        }
    }

    @Test func saysThatAPathLeadsNowhere() throws {
        let fixture = try HostFixture()
        let path = fixture.root.appending("missing")

        #expect(throws: KernelError.noSuchFile(path, .noSuchFileOrDirectory)) {
            try Kernel.find(path.string, for: .x86_64, in: fixture.places())
        }
    }

    @Test func refusesAKernelOfAnotherArchitecture() throws {
        let fixture = try HostFixture()
        let path = try fixture.installImage("6.1")

        #expect(throws: KernelError.wrongArchitecture(path, .x86_64, wanted: .arm64)) {
            try Kernel.find(path.string, for: .arm64, in: fixture.places())
        }
    }
}
