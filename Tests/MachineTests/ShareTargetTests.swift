import Logging
import ShareHost
import SystemPackage
import TestSupport
import Testing

@testable import Machine

@Suite struct ShareTargetTests {
    private let host = ShareHost(log: Logger(label: "test"))

    /// Makes directories in `place`.
    private func make(_ names: [String], in place: borrowing TemporaryDirectory) throws {
        for name in names { _ = try place.folder.makeFolder(name) }
    }

    @Test(arguments: ["/", "/proc", "/sys/", "/dev", "/run", "/run/sheaf", "/run/sheaf/rw/x", "/tmp/../proc"])
    func refusesWhatTheGuestCannotDoWithout(target: String) {
        let error = #expect(throws: LaunchError.self) { try host.add([ShareRequest(source: "/usr", target: target)]) }

        #expect(error?.description.contains("cannot mount /usr at") == true)
        #expect(error?.description.contains("another target") == true)
    }

    @Test func refusesTheRootAsAShareAtItsOwnPath() {
        #expect(throws: LaunchError.self) { try host.add([ShareRequest(source: "/")]) }
    }

    @Test(arguments: ["/run/user/0", "/dev/shm/x", "/runner", "/run/sheaf2"])
    func takesOtherPlacesBelowThem(target: String) throws {
        #expect(try host.add([ShareRequest(source: "/usr", target: target)]).map(\.target) == [target])
    }

    @Test(arguments: [false, true])
    func refusesATargetInsideAShareThatHasNoDirectoryThere(isReadOnly: Bool) throws {
        let place = try TemporaryDirectory()
        try make(["outer", "inner"], in: place)
        // In either order on the command line.
        let requests = [
            ShareRequest(source: FilePath("\(place.path)/inner"), target: "/work/vendor/inner"),
            ShareRequest(source: FilePath("\(place.path)/outer"), target: "/work", isReadOnly: isReadOnly),
        ]

        let error = #expect(throws: LaunchError.self) { try host.add(requests) }

        #expect(error?.description.contains("\(place.path)/outer/vendor/inner is no directory; make it first") == true)
    }

    @Test func wantsAFileWhereAFileGoesInsideAShare() throws {
        let place = try TemporaryDirectory()
        try make(["outer", "outer/folder"], in: place)
        try place.folder.write("outer/file", "")
        let outer = ShareRequest(source: FilePath("\(place.path)/outer"), target: "/work")

        for name in ["folder", "missing"] {
            let file = ShareRequest(source: "/etc/passwd", target: "/work/\(name)")
            let error = #expect(throws: LaunchError.self) { try ShareHost(log: Logger(label: "t")).add([file, outer]) }
            #expect(error?.description.contains("\(place.path)/outer/\(name) is no file; make it first") == true)
        }
        let taken = try host.add([ShareRequest(source: "/etc/passwd", target: "/work/file"), outer])
        #expect(taken.map(\.target) == ["/work", "/work/file"])
    }

    @Test(arguments: ["/etc", "/etc/passwd"])
    func refusesATargetBelowAShareThatIsAFile(source: FilePath) {
        let requests = [
            ShareRequest(source: source, target: "/conf/x/y"), ShareRequest(source: "/etc/group", target: "/conf"),
        ]

        let error = #expect(throws: LaunchError.self) { try host.add(requests) }

        #expect(error?.description.contains("/conf is the file /etc/group there, and nothing can be below a") == true)
    }

    @Test func takesNoFileForTheRoot() {
        let error = #expect(throws: LaunchError.self) { try host.addRoot(.directory("/etc/passwd", isWritable: false)) }

        #expect(error?.description.contains("/etc/passwd: not a directory") == true)
    }

    @Test func takesATargetInsideAShareThatHasADirectoryThere() throws {
        let place = try TemporaryDirectory()
        try make(["outer", "outer/vendor", "inner", "inner/deep"], in: place)
        let requests = [
            ShareRequest(source: "/usr", target: "/work/vendor/deep"),
            ShareRequest(source: FilePath("\(place.path)/inner"), target: "/work/vendor"),
            ShareRequest(source: FilePath("\(place.path)/outer"), target: "/work"),
        ]

        #expect(try host.add(requests).map(\.target) == ["/work", "/work/vendor", "/work/vendor/deep"])
    }

    @Test func takesATargetBesideAShareOfASimilarName() throws {
        let requests = [
            ShareRequest(source: "/usr", target: "/work"), ShareRequest(source: "/etc", target: "/works/x"),
        ]

        #expect(try host.add(requests).count == 2)
    }

    @Test func makesNothingInARootThatIsWrittenThrough() throws {
        let place = try TemporaryDirectory()
        try make(["root", "root/there"], in: place)
        _ = try host.addRoot(.directory(FilePath("\(place.path)/root"), isWritable: true))

        let error = #expect(throws: LaunchError.self) {
            try host.add([ShareRequest(source: "/usr", target: "/missing")])
        }

        #expect(error?.description.contains("\(place.path)/root/missing is no directory; make it first") == true)
        let other = ShareHost(log: Logger(label: "test"))
        _ = try other.addRoot(.directory(FilePath("\(place.path)/root"), isWritable: true))
        let taken = try other.add([
            ShareRequest(source: "/usr", target: "/there"), ShareRequest(source: "/etc", target: "/run/x"),
        ])
        #expect(taken.count == 2)
    }

    @Test func makesWhatItLikesInARootUnderAnOverlay() throws {
        let place = try TemporaryDirectory()
        _ = try host.addRoot(.directory(FilePath(place.path), isWritable: false))

        #expect(try host.add([ShareRequest(source: "/usr", target: "/missing/deep")]).count == 1)
    }

    @Test func bindsOnceWhatIsAskedForTwice() throws {
        let requests = ["/x", "/x/", "/y"].map { ShareRequest(source: "/usr", target: $0, isReadOnly: true) }

        #expect(try host.add(requests).map(\.target) == ["/x", "/y"])
    }

    @Test func refusesTwoAccessesAtOneTarget() {
        let requests = [true, false].map { ShareRequest(source: "/usr", target: "/x", isReadOnly: $0) }

        #expect(throws: LaunchError.self) { try host.add(requests) }
    }
}
