import FUSE
import Frontend
import SystemPackage
import TestSupport
import Testing

/// A name is one component of a path, in every request that has one.
@Suite struct NameTests {
    static let names: [(name: FileName, error: Errno)] = [
        ("", .invalidArgument), (".", .invalidArgument), ("..", .invalidArgument), ("a/b", .invalidArgument),
        ("/", .invalidArgument), ("/etc", .invalidArgument), ("../x", .invalidArgument),
        (FileName(String(repeating: "n", count: 256)), .fileNameTooLong),
    ]

    @Test(arguments: names)
    func refusesWhatIsNoName(_ name: FileName, error: Errno) throws {
        try withServedAggregate { served in
            try served.folder.write("file", "content")
            let client = try served.mount()
            let child = try client.lookup(.root, served.name).node
            let file = try client.lookup(child, "file").node
            let before = try served.directory.names()

            for parent in [NodeID.root, child] {
                #expect(throws: error) { try client.lookup(parent, name) }
                #expect(throws: error) { try client.mkdir(parent, name) }
                #expect(throws: error) { try client.create(parent, name) }
                #expect(throws: error) { try client.mknod(parent, name) }
                #expect(throws: error) { try client.symlink(parent, name, to: "x") }
                #expect(throws: error) { try client.link(file, parent, name) }
                #expect(throws: error) { try client.unlink(parent, name) }
                #expect(throws: error) { try client.rmdir(parent, name) }
                #expect(throws: error) { try client.rename(parent, name, to: child, "new") }
                #expect(throws: error) { try client.rename(child, "file", to: parent, name) }
                #expect(throws: error) { try client.rename(child, "file", to: parent, name, flags: 1) }
            }

            #expect(try served.folder.names() == ["file"])
            #expect(try served.directory.names() == before)
        }
    }

    @Test func takesEveryOtherByteInAName() throws {
        try withServedAggregate { served in
            let client = try served.mount()
            let child = try client.lookup(.root, served.name).node
            let name = FileName(bytes: (1...255).filter { $0 != 0x2F }.map { UInt8($0) })

            let made = try client.mkdir(child, name).node

            #expect(try client.lookup(child, name).node == made)
            #expect(try client.list(child).contains { $0.name == name })
            try client.rmdir(child, name)
        }
    }
}
