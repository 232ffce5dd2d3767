import FUSE
import FileService
import Frontend
import SystemPackage
import TestSupport
import Testing

/// The synthetic root and its children, as a guest sees them through the queue.
@Suite struct AggregateTests {
    @Test func showsADirectoryWithOneLinkForEachChild() throws {
        try withServedAggregate { served in
            try served.addChild("second")
            try served.addChild("third")
            let client = try served.mount()

            let attributes = try client.getattr(.root).attributes

            #expect(attributes.inode == 1)
            #expect(attributes.mode == 0o040555)
            #expect(attributes.linkCount == 5)
            #expect(attributes.blockSize == 4096)
        }
    }

    @Test func letsNothingBeBelievedForLong() throws {
        try withServedAggregate { served in
            let client = try served.mount()

            let root = try client.getattr(.root)
            let child = try client.lookup(.root, served.name)

            #expect(root.validSeconds == 0)
            #expect(root.validNanoseconds <= 1_000_000)
            #expect(child.entrySeconds == 0)
            #expect(child.entryNanoseconds == 0)
        }
    }

    @Test func looksAChildUpAsADirectoryWithAStableNode() throws {
        try withServedAggregate { served in
            let client = try served.mount()

            let first = try client.lookup(.root, served.name)
            let second = try client.lookup(.root, served.name)
            let attributes = try client.getattr(first.node).attributes

            #expect(first.node.rawValue > 1)
            #expect(first.attributes.mode & 0o170000 == 0o040000)
            #expect(second.node == first.node)
            #expect(second.attributes.inode == first.attributes.inode)
            #expect(attributes.inode == first.attributes.inode)
        }
    }

    @Test func keepsAChildsNodeEvenWhenTheGuestHasForgottenIt() throws {
        try withServedAggregate { served in
            let client = try served.mount()
            let first = try client.lookup(.root, served.name).node
            try client.forget(first)

            #expect(try client.lookup(.root, served.name).node == first)
        }
    }

    @Test func marksNoChildAsAMountOfItsOwn() throws {
        try withServedAggregate { served in
            let client = try served.mount()
            let reply = try client.initialize()

            #expect(!InitFlags(low: reply.flags, high: reply.flags2).contains(.submounts))
            #expect(try client.lookup(.root, served.name).attributes.flags & 1 == 0)
        }
    }

    @Test func givesTwoChildrenOfOneFolderInodesOfTheirOwn() throws {
        try withServedAggregate { served in
            try served.folder.write("file", "content")
            try served.addChild("twin", at: served.folder)
            let client = try served.mount()

            let one = try client.walk(.root, "\(served.name)/file").attributes
            let other = try client.walk(.root, "twin/file").attributes

            #expect(one.inode != other.inode)
            #expect(one.size == other.size)
        }
    }

    @Test func missesAChildThatIsNotThereWithoutRememberingIt() throws {
        try withServedAggregate { served in
            let client = try served.mount()

            #expect(throws: Errno.noSuchFileOrDirectory) { try client.lookup(.root, "later") }
            try served.addChild("later")

            #expect(try client.lookup(.root, "later").node.rawValue > 1)
            #expect(try client.getattr(.root).attributes.linkCount == 4)
            #expect(try client.list(.root).map(\.name) == [".", "..", served.name, "later"])
        }
    }

    @Test func listsTheInodesThatLookupShows() throws {
        try withServedAggregate { served in
            for number in 0..<100 { try served.addChild("child-\(number)") }
            let client = try served.mount()

            let plain = try client.list(.root, count: 512)
            let plus = try client.list(.root, plus: true, count: 1024)

            #expect(plain.count == 103)
            #expect(plus.map(\.name) == plain.map(\.name))
            for (listed, looked) in zip(plain.dropFirst(2), plus.dropFirst(2)) {
                #expect(listed.inode == looked.entry?.attributes.inode)
                #expect(listed.type == 4)
            }
            for dots in plus.prefix(2) {
                #expect(dots.entry?.node == NodeID.none)
                #expect(dots.inode == 1)
            }
        }
    }

    @Test(arguments: [0, 1 << 31, 1 << 63 - 1, 1 << 63, UInt64.max] as [UInt64])
    func listsFromAnyCookieWithoutHarm(_ cookie: UInt64) throws {
        try withServedAggregate { served in
            let client = try served.mount()
            let handle = try client.opendir(.root).handle

            let entries = try client.readdir(.root, handle, from: cookie)

            #expect(cookie == 0 ? entries.count == 3 : entries.isEmpty)
        }
    }

    @Test func refusesToChangeTheRoot() throws {
        try withServedAggregate { served in
            let client = try served.mount()
            let child = try client.lookup(.root, served.name).node
            try served.folder.write("file", "content")
            let file = try client.lookup(child, "file").node

            #expect(throws: Errno.readOnlyFileSystem) { try client.mkdir(.root, "x") }
            #expect(throws: Errno.readOnlyFileSystem) { try client.create(.root, "x") }
            #expect(throws: Errno.readOnlyFileSystem) { try client.mknod(.root, "x") }
            #expect(throws: Errno.readOnlyFileSystem) { try client.symlink(.root, "x", to: "y") }
            #expect(throws: Errno.readOnlyFileSystem) { try client.link(file, .root, "x") }
            #expect(throws: Errno.readOnlyFileSystem) { try client.unlink(.root, served.name) }
            #expect(throws: Errno.readOnlyFileSystem) { try client.rmdir(.root, served.name) }
            #expect(throws: Errno.readOnlyFileSystem) { try client.rename(.root, served.name, to: .root, "x") }
            #expect(throws: Errno.readOnlyFileSystem) { try client.rename(child, "file", to: .root, "x") }
            #expect(throws: Errno.readOnlyFileSystem) { try client.setxattr(.root, "user.x", [1]) }
            #expect(throws: Errno.readOnlyFileSystem) { try client.removexattr(.root, "user.x") }
            #expect(throws: Errno.readOnlyFileSystem) {
                try client.setattr(.root) {
                    $0.fields = .mode
                    $0.mode = 0o777
                }
            }
        }
    }

    @Test func answersEverythingElseAskedOfTheRoot() throws {
        try withServedAggregate { served in
            let client = try served.mount()
            let handle = try client.opendir(.root).handle

            #expect(throws: Errno.noData) { try client.getxattr(.root, "user.x") }
            #expect(try client.listxattr(.root) == [])
            #expect(try client.listxattrSize(.root) == 0)
            #expect(throws: Errno.isDirectory) { try client.open(.root) }
            let limits = try client.statfs(.root)
            #expect(limits.blocks == 0)
            #expect(limits.nameLength == 255)
            try client.fsyncdir(.root, handle)
            try client.releasedir(.root, handle)
        }
    }

    @Test func doesNotRenameOrLinkAcrossChildren() throws {
        try withServedAggregate { served in
            try served.addChild("other")
            let client = try served.mount()
            let one = try client.lookup(.root, served.name).node
            let other = try client.lookup(.root, "other").node
            try served.folder.write("file", "content")
            let file = try client.lookup(one, "file").node

            #expect(throws: Errno.improperLink) { try client.rename(one, "absent", to: other, "absent") }
            #expect(throws: Errno.improperLink) { try client.rename(one, "file", to: other, "file", flags: 1) }
            #expect(throws: Errno.improperLink) { try client.link(file, other, "file") }
            #expect(try client.list(other).count == 2)
        }
    }

    @Test func readsOnlyWhereTheAggregateIsReadOnly() throws {
        try withServedAggregate(access: .readOnly) { served in
            try served.folder.write("file", "content")
            let client = try served.mount()
            let child = try client.lookup(.root, served.name).node
            let file = try client.lookup(child, "file").node
            let handle = try client.open(file).handle

            #expect(try client.read(file, handle, at: 0, count: 16) == [UInt8]("content".utf8))
            #expect(throws: Errno.readOnlyFileSystem) { try client.open(file, flags: 1) }
            #expect(throws: Errno.readOnlyFileSystem) { try client.open(file, flags: 2) }
            #expect(throws: Errno.readOnlyFileSystem) { try client.open(file, flags: 0o1000) }
            #expect(throws: Errno.readOnlyFileSystem) { try client.write(file, handle, at: 0, [1]) }
            #expect(throws: Errno.readOnlyFileSystem) { try client.create(child, "new") }
            #expect(throws: Errno.readOnlyFileSystem) { try client.mkdir(child, "new") }
            #expect(throws: Errno.readOnlyFileSystem) { try client.mknod(child, "new") }
            #expect(throws: Errno.readOnlyFileSystem) { try client.symlink(child, "new", to: "x") }
            #expect(throws: Errno.readOnlyFileSystem) { try client.link(file, child, "new") }
            #expect(throws: Errno.readOnlyFileSystem) { try client.unlink(child, "file") }
            #expect(throws: Errno.readOnlyFileSystem) { try client.rmdir(child, "absent") }
            #expect(throws: Errno.readOnlyFileSystem) { try client.rename(child, "file", to: child, "new") }
            #expect(throws: Errno.readOnlyFileSystem) { try client.setxattr(file, "user.x", [1]) }
            #expect(throws: Errno.readOnlyFileSystem) { try client.removexattr(file, "user.x") }
            #expect(throws: Errno.readOnlyFileSystem) { try client.fallocate(file, handle, 0, count: 10) }
            #expect(throws: Errno.readOnlyFileSystem) {
                try client.setattr(file) {
                    $0.fields = .size
                    $0.size = 0
                }
            }
            #expect(throws: Errno.invalidArgument) { try client.mkdir(NodeID(rawValue: 99_999), "new") }
            #expect(try served.folder.names() == ["file"])
            #expect(try served.folder.text("file") == "content")
        }
    }
}
