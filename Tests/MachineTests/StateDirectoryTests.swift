import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import Machine

@Suite struct StateDirectoryTests {
    /// Where a user without a home gets the directory.
    private func fallback(in place: borrowing TemporaryDirectory) throws -> StateDirectory {
        try StateDirectory(environment: { _ in nil }, temporary: FilePath(place.path))
    }

    private func write(_ path: FilePath, modified seconds: Int) throws {
        let file = try FileDescriptor.open(path, .writeOnly, options: .create, permissions: .ownerReadWrite)
        defer { try? file.close() }
        let times = [timespec](repeating: timespec(tv_sec: seconds, tv_nsec: 0), count: 2)
        #expect(futimens(file.rawValue, times) == 0)
    }

    private func exists(_ path: FilePath) -> Bool {
        var status = stat()
        return lstat(path.string, &status) == 0
    }

    @Test func makesItsDirectoryForItsUserAlone() throws {
        let place = try TemporaryDirectory()

        let logs = try fallback(in: place).logs

        #expect(logs.string == "\(place.path)/sheaf-\(getuid())/logs")
        var status = stat()
        #expect(lstat(logs.string, &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o700)
        #expect(try fallback(in: place).logs == logs)
    }

    @Test func refusesADirectoryThatOthersWrite() throws {
        let place = try TemporaryDirectory()
        let own = "\(place.path)/sheaf-\(getuid())"
        #expect(mkdir(own, 0o700) == 0)
        #expect(chmod(own, 0o770) == 0)

        let error = #expect(throws: LaunchError.self) { try fallback(in: place) }

        #expect(error?.description.contains(own) == true)
        #expect(error?.description.contains("XDG_STATE_HOME") == true)
    }

    @Test func refusesALinkToADirectory() throws {
        let place = try TemporaryDirectory()
        #expect(mkdir("\(place.path)/elsewhere", 0o700) == 0)
        try place.folder.link("sheaf-\(getuid())", to: "\(place.path)/elsewhere")

        #expect(throws: LaunchError.self) { try fallback(in: place) }
        #expect(!exists(FilePath("\(place.path)/elsewhere/logs")))
    }

    @Test(.enabled(if: getuid() == 0)) func refusesADirectoryOfSomebodyElses() throws {
        let place = try TemporaryDirectory()
        let own = "\(place.path)/sheaf-\(getuid())"
        #expect(mkdir(own, 0o700) == 0)
        #expect(chown(own, 12345, 12345) == 0)

        #expect(throws: LaunchError.self) { try fallback(in: place) }
    }

    @Test func keepsTheNewestLogsAndThoseOfLivingMachines() throws {
        let place = try TemporaryDirectory()
        let directory = try fallback(in: place)
        // No process has a number beyond the kernel's limit of 2^22.
        let dead = (0..<30).map { directory.logs.appending("vm-\(5_000_000 + $0).console.log") }
        for (index, log) in dead.enumerated() { try write(log, modified: 1000 + index) }
        let living = [
            directory.logs.appending("vm-\(getpid()).console.log"), directory.logs.appending("a-b-1.console.log"),
        ]
        for log in living { try write(log, modified: 1) }

        _ = directory.newLog(named: "new")

        #expect(living.allSatisfy(exists))
        #expect(dead.map(exists) == (0..<30).map { $0 >= 30 - (StateDirectory.logLimit - 1) })
    }

    @Test func startsALogWithNothingThere() throws {
        let place = try TemporaryDirectory()
        let directory = try fallback(in: place)
        let log = directory.newLog(named: "vm")
        try place.folder.link("sheaf-\(getuid())/logs/\(log.lastComponent?.string ?? "")", to: "/etc/passwd")

        #expect(directory.newLog(named: "vm") == log)
        #expect(!exists(log))
    }

    @Test func keepsTheLogsOfOneMachineTogether() throws {
        let place = try TemporaryDirectory()
        let directory = try fallback(in: place)
        let stems = (0..<25).map { "a-b-\(5_000_000 + $0)" }
        for (index, stem) in stems.enumerated() {
            try write(directory.logs.appending("\(stem).console.log"), modified: 1000 + index)
            try write(directory.logs.appending("\(stem).output.log"), modified: 2000 + index)
        }
        try write(directory.logs.appending("no log"), modified: 1)

        _ = directory.newLog(named: "new")

        let kept = directory.kept()
        #expect(kept.map(\.pid) == (6..<25).reversed().map { 5_000_000 + $0 })
        #expect(kept.allSatisfy { $0.name == "a-b" && $0.paths.count == 2 })
    }

    @Test func givesALogThatIsBegunTheNameOfItsMachine() throws {
        let place = try TemporaryDirectory()
        let directory = try fallback(in: place)
        let draft = directory.newLog(named: "launch", of: .launcher)
        try write(draft, modified: 1)

        let log = try directory.keep(draft, as: .output, of: "vm")

        #expect(directory.kept().map(\.paths) == [[.output: log]])
        #expect(throws: LaunchError.self) { try directory.keep(draft, as: .output, of: "vm") }
    }
}
