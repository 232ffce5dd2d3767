import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import Machine

@Suite struct RuntimeDirectoryTests {
    private func place(in directory: borrowing TemporaryDirectory) -> RuntimePlace {
        let path = directory.path
        return RuntimePlace(environment: { $0 == "XDG_RUNTIME_DIR" ? path : nil })
    }

    private func exists(_ path: FilePath) -> Bool {
        var status = stat()
        return lstat(path.string, &status) == 0
    }

    @Test func isForItsUserAloneAndGoesWithTheMachine() throws {
        let temporary = try TemporaryDirectory()
        let place = place(in: temporary)
        var status = stat()

        let directory = try place.claim("vm")

        #expect(directory.controlSocket.string == "\(temporary.path)/sheaf/vm/control.sock")
        #expect(lstat("\(temporary.path)/sheaf/vm", &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o700)
        #expect(try place.liveMachines().map(\.name) == ["vm"])
        directory.remove()
        #expect(!exists(place.path))
    }

    @Test func refusesTheNameOfALiveMachine() throws {
        let temporary = try TemporaryDirectory()
        let place = place(in: temporary)
        let first = try place.claim("vm")

        #expect(throws: RuntimeDirectory.Failure.self) { try place.claim("vm") }

        first.remove()
        try place.claim("vm").remove()
    }

    @Test func makesNamesOfItsOwnThatDiffer() throws {
        let temporary = try TemporaryDirectory()
        let place = place(in: temporary)

        let first = try place.claimAny()
        let second = try place.claimAny()

        #expect(first.name == "vm-\(getpid())")
        #expect(second.name == "vm-\(getpid())-2")
    }

    @Test func takesOverWhatADeadMachineLeft() throws {
        let temporary = try TemporaryDirectory()
        let place = place(in: temporary)
        try leaveDead("vm", in: place)

        let directory = try place.claim("vm")

        #expect(!exists(directory.controlSocket))
        #expect(try place.liveMachines().map(\.name) == ["vm"])
    }

    @Test func removesWhatDeadMachinesLeftAndNothingElse() throws {
        let temporary = try TemporaryDirectory()
        let place = place(in: temporary)
        try leaveDead("dead", in: place)
        #expect(mkdir(place.path.appending("logs").string, 0o700) == 0)

        #expect(try place.liveMachines().isEmpty)

        #expect(!exists(place.path.appending("dead")))
        #expect(exists(place.path.appending("logs")))
    }

    @Test func refusesAPlaceThatOthersWrite() throws {
        let temporary = try TemporaryDirectory()
        let place = place(in: temporary)
        #expect(mkdir(place.path.string, 0o700) == 0)
        #expect(chmod(place.path.string, 0o770) == 0)

        #expect(throws: RuntimeDirectory.Failure.self) { try place.claim("vm") }
        #expect(throws: LaunchError.self) { try place.liveMachines() }
    }

    @Test func hasAPlaceInTheTemporaryDirectoryWithoutTheVariable() throws {
        let place = RuntimePlace(environment: { _ in nil }, temporary: "/elsewhere")

        #expect(place.path.string == "/elsewhere/sheaf-\(getuid())")
        #expect(try place.liveMachines().isEmpty)
    }

    /// What is there when a launcher was killed: everything, and a lock that nobody holds.
    private func leaveDead(_ name: String, in place: RuntimePlace) throws {
        try place.make()
        let directory = place.path.appending(name)
        #expect(mkdir(directory.string, 0o700) == 0)
        for file in ["lock", "control.sock"] {
            try FileDescriptor.open(
                directory.appending(file), .writeOnly, options: .create, permissions: .ownerReadWrite
            ).close()
        }
    }
}
