import CLinux
import FUSE
import FileService
import Glibc
import SystemPackage
import Testing

/// A share of the host's root shows the system and nothing personal.
@Suite struct HiddenDataTests {
    private func makeSystem() throws -> (HostDirectory, GuestClient, NodeID) {
        let host = try HostDirectory()
        for name in ["home", "srv", "usr", "var", "data"] {
            host.directory(name).directory("\(name)/inner").file("\(name)/file", name)
        }
        host.directory("var/home").file("var/home/diary").link("root", to: "var/home")
        let aggregate = try Aggregate(access: .readWrite)
        try aggregate.addChild(
            name: "root", hostPath: host.path, access: .readWrite, options: ChildOptions(hidesPersonalData: true))
        let guest = try GuestClient(aggregate)
        guest.host = host
        return (host, guest, try guest.walk("root"))
    }

    @Test func showsPersonalDirectoriesEmpty() throws {
        let (_, guest, root) = try makeSystem()
        for name in ["home", "srv"] {
            let entry = try guest.lookup(name, in: root)
            #expect(entry.attributes.mode & UInt32(S_IFMT) == UInt32(S_IFDIR))
            #expect(refusal { _ = try guest.lookup("file", in: entry.node) } == .noSuchFileOrDirectory)
            for plus in [false, true] {
                #expect(try guest.list(entry.node, plus: plus).map(\.name) == [".", ".."])
            }
            #expect(refusal { _ = try guest.create("new", in: entry.node) } == .readOnlyFileSystem)
            #expect(refusal { _ = try guest.mkdir("new", in: entry.node) } == .readOnlyFileSystem)
        }
        for name in ["usr", "var", "data"] {
            let node = try guest.lookup(name, in: root).node
            _ = try guest.lookup("file", in: node)
            #expect(try guest.list(node).count >= 4)
        }
    }

    @Test func hidesAPersonalDirectoryByItsOtherNameToo() throws {
        let (_, guest, root) = try makeSystem()
        let node = try guest.lookup("home", in: guest.lookup("var", in: root).node).node
        #expect(try guest.list(node).map(\.name) == [".", ".."])
    }

    @Test func movesNothingHiddenToWhereItWouldShow() throws {
        let (host, guest, root) = try makeSystem()
        let usr = try guest.lookup("usr", in: root).node
        #expect(refusal { try guest.rename("home", in: root, to: "home", in: usr) } != nil)
        #expect(refusal { try guest.rename("home", in: root, to: "shown", in: root) } == .readOnlyFileSystem)
        #expect(refusal { try guest.rename("data", in: root, to: "data", in: usr) } == .improperLink)
        #expect(host.exists("home/file"))
    }

    @Test func hidesMountsOutsideTheSystem() throws {
        let aggregate = try Aggregate(access: .readOnly)
        try aggregate.addChild(
            name: "root", hostPath: "/", access: .readOnly, options: ChildOptions(hidesPersonalData: true))
        let guest = try GuestClient(aggregate)
        let root = try guest.walk("root")
        #expect(try guest.list(guest.lookup("proc", in: root).node).map(\.name) == [".", ".."])
        #expect(try guest.list(guest.lookup("tmp", in: root).node).map(\.name) == [".", ".."])
        let etc = try guest.lookup("etc", in: root).node
        #expect(try guest.list(etc, plus: true).contains { $0.name == "passwd" })
    }

    @Test func tellsNestedMountsApartWhereNothingIsHidden() throws {
        let aggregate = try Aggregate(access: .readOnly)
        try aggregate.addChild(name: "all", hostPath: "/", access: .readOnly)
        let guest = try GuestClient(aggregate)
        let root = try guest.walk("all")
        // The roots of such file systems often have the same inode number on the host.
        let mounts = ["proc", "sys", "dev"].compactMap { try? guest.lookup($0, in: root) }
        #expect(Set(mounts.map(\.node)).count == mounts.count)
        #expect(Set(mounts.map(\.attributes.inode)).count == mounts.count)
        #expect(try guest.list(guest.lookup("proc", in: root).node).count > 2)
    }
}
