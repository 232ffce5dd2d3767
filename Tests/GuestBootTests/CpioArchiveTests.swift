import CLinux
import Glibc
import Linux
import SystemPackage
import Testing

@testable import GuestBoot

@Suite struct CpioArchiveTests {
    @Test(arguments: 0..<9)
    func alignsNamesAndDataOfEveryLength(length: Int) throws {
        var archive = CpioArchive()
        let name = String(repeating: "n", count: length + 1)
        let contents = (0..<length).map { UInt8(0x41 + $0) }
        try archive.addFile(name, mode: 0o640, contents: contents)
        try archive.addFile("next", mode: 0o600, contents: [1])
        try archive.finish()

        let read = try CpioReader(archive.bytes)

        #expect(read.entries.map(\.name) == [name, "next"])
        #expect(read[name]?.contents == contents)
        #expect(read[name]?.mode == 0o100640)
        #expect(read["next"]?.contents == [1])
    }

    @Test func putsDirectoriesOnceAndBeforeWhatIsInThem() throws {
        var archive = CpioArchive()
        try archive.addFile("a/b/c", mode: 0o644, contents: [])
        try archive.addDirectory("a/b")
        try archive.addDirectory("a/d", mode: 0o1777)
        try archive.finish()

        let read = try CpioReader(archive.bytes)

        #expect(read.entries.map(\.name) == ["a", "a/b", "a/b/c", "a/d"])
        #expect(read["a"]?.mode == 0o040755)
        #expect(read["a"]?.links == 2)
        #expect(read["a/d"]?.mode == 0o041777)
        #expect(Set(read.entries.map(\.inode)).count == 4)
    }

    @Test func writesADevicesNumbers() throws {
        var archive = CpioArchive()
        try archive.addCharacterDevice("dev/console", mode: 0o600, major: 5, minor: 1)
        try archive.finish()

        let entry = try CpioReader(archive.bytes)["dev/console"]

        #expect(entry?.mode == 0o020600)
        #expect(entry?.device == [5, 1])
    }

    @Test func refusesANameThatTheKernelWouldNotTake() {
        var archive = CpioArchive()
        let name = String(repeating: "n", count: 4095)

        #expect(throws: CpioArchive.Failure.tooLong(name: name)) {
            try archive.addFile(name, mode: 0o644, contents: [])
        }
    }
}
