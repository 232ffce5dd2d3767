import FUSE
import FileService
import Glibc
import SystemPackage
import TestSupport
import Testing

/// One share whose host has failed takes no other with it.
@Suite struct FailingHostTests {
    @Test(arguments: [false, true])
    func leavesAChildOutOfAListingWhoseHostFails(plus: Bool) throws {
        let host = try HostDirectory()
        for name in ["a", "b", "c"] { host.directory(name).file("\(name)/file", name) }
        guard let failing = try HostMount(at: host.path("b")) else { return }
        let aggregate = try Aggregate(access: .readWrite)
        for name in ["a", "b", "c"] {
            try aggregate.addChild(name: name, hostPath: FilePath(host.path(name)), access: .readWrite)
        }
        let guest = try GuestClient(aggregate)
        #expect(try guest.list(.root, plus: plus).map(\.name) == [".", "..", "a", "b", "c"])

        failing.fail()

        #expect(try guest.list(.root, plus: plus).map(\.name) == [".", "..", "a", "c"])
        #expect(refusal { _ = try guest.lookup("b", in: .root) } == Errno(rawValue: ENOTCONN))
        _ = try guest.walk("a/file")
        _ = try guest.walk("c/file")
        try aggregate.removeChild(named: "b", revoke: true)
    }
}
