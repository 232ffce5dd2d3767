import CLinux
import Glibc
import Linux
import SystemPackage
import Testing

@testable import GuestBoot

/// `elf(" a module")`, compressed with each program.
private let packed: [String: [UInt8]] = [
    ".xz": [
        0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x02, 0x00, 0x21, 0x01, 0x1c, 0x00,
        0x00, 0x00, 0x10, 0xcf, 0x58, 0xcc, 0x01, 0x00, 0x0c, 0x7f, 0x45, 0x4c, 0x46, 0x20, 0x61, 0x20, 0x6d, 0x6f,
        0x64, 0x75, 0x6c, 0x65, 0x00, 0x00, 0x00, 0x00, 0x0d, 0x0c, 0xb2, 0x2e, 0xd9, 0xa9, 0xdd, 0xac, 0x00, 0x01,
        0x25, 0x0d, 0x71, 0x19, 0xc4, 0xb6, 0x1f, 0xb6, 0xf3, 0x7d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 0x59, 0x5a,
    ],
    ".zst": [
        0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x60, 0x69, 0x00, 0x00, 0x7f, 0x45, 0x4c, 0x46, 0x20, 0x61, 0x20, 0x6d, 0x6f,
        0x64, 0x75, 0x6c, 0x65, 0xf4, 0x93, 0x02, 0x9d,
    ],
    ".gz": [
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x77, 0xf5, 0x71, 0x53, 0x48, 0x54, 0xc8,
        0xcd, 0x4f, 0x29, 0xcd, 0x49, 0x05, 0x00, 0x8d, 0x4f, 0x2d, 0x99, 0x0d, 0x00, 0x00, 0x00,
    ],
]

@Suite struct InitramfsTests {
    private let programs = Decompressor(searchPath: ["/usr/bin", "/bin"])
    private let noPrograms = Decompressor(searchPath: [])

    private func module(_ name: String, _ contents: [UInt8], in fixture: HostFixture) throws -> ModuleSet.Module {
        ModuleSet.Module(path: try fixture.file(fixture.modules.appending(name), contents), relativePath: name)
    }

    private func set(_ modules: [ModuleSet.Module], in fixture: HostFixture) throws -> ModuleSet {
        ModuleSet(source: try ModulesDirectory(fixture.modules), modules: modules)
    }

    private func archives(in fixture: HostFixture) -> [String] { names(in: fixture.cache.appending("initramfs")) }

    @Test func holdsTheAgentTheModulesAndTheirOrder() throws {
        let fixture = try HostFixture()
        let agent = try fixture.file(fixture.root.appending("agent"), "the agent")
        let modules = [
            try module("kernel/z/first.ko", elf("one"), in: fixture),
            try module("kernel/a/second.ko", elf("two"), in: fixture),
        ]

        let path = try Initramfs.build(agent: agent, modules: try set(modules, in: fixture), cache: fixture.cache)

        let read = try CpioReader(try contents(at: path))
        #expect(read["init"]?.mode == 0o100755)
        #expect(read["init"]?.contents == Array("the agent".utf8))
        #expect(read["lib/modules/sheaf/order"]?.contents == Array("kernel/z/first.ko\nkernel/a/second.ko\n".utf8))
        #expect(read["lib/modules/sheaf/kernel/z/first.ko"]?.contents == elf("one"))
        #expect(read["lib/modules/sheaf/kernel/a/second.ko"]?.contents == elf("two"))
        #expect(read["dev/console"]?.device == [5, 1])
        for name in ["proc", "sys", "dev", "run", "sysroot", "tmp"] {
            #expect(read[name].map { $0.mode & 0o170000 } == 0o040000)
        }
        #expect(!read.entries.contains { $0.name == fixture.root.string || $0.name.hasPrefix("/") })
    }

    @Test func hasAnEmptyOrderWithoutModules() throws {
        let fixture = try HostFixture()
        let agent = try fixture.file(fixture.root.appending("agent"), "the agent")

        let path = try Initramfs.build(agent: agent, modules: .none, cache: fixture.cache)

        #expect(try CpioReader(try contents(at: path))["lib/modules/sheaf/order"]?.contents == [])
    }

    @Test(arguments: [".xz", ".zst", ".gz"])
    func decompressesModules(suffix: String) throws {
        let fixture = try HostFixture()
        let agent = try fixture.file(fixture.root.appending("agent"), "the agent")
        let modules = try (0..<3).map { try module("m\($0).ko\(suffix)", packed[suffix] ?? [], in: fixture) }

        let path = try Initramfs.build(
            agent: agent, modules: try set(modules, in: fixture), cache: fixture.cache, decompressor: programs)

        let read = try CpioReader(try contents(at: path))
        #expect(read["lib/modules/sheaf/order"]?.contents == Array("m0.ko\nm1.ko\nm2.ko\n".utf8))
        for index in 0..<3 {
            #expect(read["lib/modules/sheaf/m\(index).ko"]?.contents == elf(" a module"))
        }
    }

    @Test func keepsModulesAsTheyAreWithoutThePrograms() throws {
        let fixture = try HostFixture()
        let agent = try fixture.file(fixture.root.appending("agent"), "the agent")
        let modules = [try module("m.ko.xz", packed[".xz"] ?? [], in: fixture)]

        let path = try Initramfs.build(
            agent: agent, modules: try set(modules, in: fixture), cache: fixture.cache, decompressor: noPrograms)

        let read = try CpioReader(try contents(at: path))
        #expect(read["lib/modules/sheaf/order"]?.contents == Array("m.ko.xz\n".utf8))
        #expect(read["lib/modules/sheaf/m.ko.xz"]?.contents == packed[".xz"])
    }

    @Test func saysWhatADecompressorComplainsAbout() throws {
        let fixture = try HostFixture()
        let agent = try fixture.file(fixture.root.appending("agent"), "the agent")
        let modules = [try module("broken.ko.xz", Array("no xz file".utf8), in: fixture)]

        let error = #expect(throws: InitramfsError.self) {
            try Initramfs.build(
                agent: agent, modules: try set(modules, in: fixture), cache: fixture.cache, decompressor: programs)
        }
        #expect(error?.description.contains("broken.ko.xz with /usr/bin/xz: ") == true)
        #expect(archives(in: fixture).isEmpty)
    }

    @Test func saysThatTheAgentIsMissing() throws {
        let fixture = try HostFixture()
        let agent = fixture.root.appending("agent")

        #expect(throws: InitramfsError.noAgent(agent, .system(.noSuchFileOrDirectory))) {
            try Initramfs.build(agent: agent, modules: .none, cache: fixture.cache)
        }
    }

    @Test func saysThatTheCacheCannotBeWritten() throws {
        let fixture = try HostFixture()
        let agent = try fixture.file(fixture.root.appending("agent"), "the agent")

        let error = #expect(throws: InitramfsError.self) {
            try Initramfs.build(agent: agent, modules: .none, cache: agent)
        }
        #expect(error?.description.contains("ENOTDIR") == true)
    }

    @Test func buildsOnceForTheSameFiles() throws {
        let fixture = try HostFixture()
        let agent = try fixture.file(fixture.root.appending("agent"), "the agent")

        let first = try Initramfs.build(agent: agent, modules: .none, cache: fixture.cache)
        let identity = try FileIdentity(of: first).status.ino
        let second = try Initramfs.build(agent: agent, modules: .none, cache: fixture.cache)

        #expect(second == first)
        #expect(try FileIdentity(of: second).status.ino == identity)
    }

    @Test func buildsAnewForAChangedAgent() throws {
        let fixture = try HostFixture()
        let agent = try fixture.file(fixture.root.appending("agent"), "the agent")
        let first = try Initramfs.build(agent: agent, modules: .none, cache: fixture.cache)
        try fixture.file(agent, "another agent")

        let second = try Initramfs.build(agent: agent, modules: .none, cache: fixture.cache)

        #expect(second != first)
        #expect(try CpioReader(try contents(at: second))["init"]?.contents == Array("another agent".utf8))
    }

    @Test func replacesAnArchiveThatIsNotWhatItsNameSays() throws {
        let fixture = try HostFixture()
        let agent = try fixture.file(fixture.root.appending("agent"), "the agent")
        let path = try Initramfs.build(agent: agent, modules: .none, cache: fixture.cache)
        try fixture.file(path, "somebody else's")

        #expect(try Initramfs.build(agent: agent, modules: .none, cache: fixture.cache) == path)
        #expect(try CpioReader(try contents(at: path))["init"]?.contents == Array("the agent".utf8))
    }

    @Test func isWholeForAnyNumberOfBuildersAtOnce() async throws {
        let fixture = try HostFixture()
        let agent = try fixture.file(
            fixture.root.appending("agent"), [UInt8](repeating: 0x5a, count: 3 * 1024 * 1024 + 1))
        let cache = fixture.cache

        let built = try await withThrowingTaskGroup(of: (FilePath, Int).self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let path = try Initramfs.build(agent: agent, modules: .none, cache: cache)
                    return (path, try CpioReader(try contents(at: path))["init"]?.contents.count ?? 0)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }

        #expect(Set(built.map(\.0)).count == 1)
        #expect(built.allSatisfy { $0.1 == 3 * 1024 * 1024 + 1 })
        #expect(archives(in: fixture).count == 1)
    }

    @Test func forgetsWhatNobodyHasUsedForLong() throws {
        let fixture = try HostFixture()
        let agent = try fixture.file(fixture.root.appending("agent"), "the agent")
        let directory = fixture.cache.appending("initramfs")
        let old = try ["old.cpio", ".unfinished-old", "kept.txt"].map { try fixture.file(directory.appending($0), "x") }
        for path in old {
            var times = [timespec(tv_sec: 1_000_000, tv_nsec: 0), timespec(tv_sec: 1_000_000, tv_nsec: 0)]
            #expect(path.withPlatformString { utimensat(AT_FDCWD, $0, &times, 0) } == 0)
        }
        try fixture.file(directory.appending(".unfinished-new"), "x")

        let path = try Initramfs.build(agent: agent, modules: .none, cache: fixture.cache)

        let expected = ["kept.txt", ".unfinished-new", path.lastComponent?.string ?? ""]
        #expect(archives(in: fixture).sorted() == expected.sorted())
    }
}
