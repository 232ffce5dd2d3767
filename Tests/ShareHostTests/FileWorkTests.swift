import FUSE
import Frontend
import Glibc
import SystemPackage
import TestSupport
import Testing

/// Ordinary work on a share, through the queue, compared with what the host then sees.
@Suite struct FileWorkTests {
    /// A mounted share, and the node of its root.
    private func withShare(_ body: (FuseClient, NodeID, HostFolder) throws -> Void) throws {
        try withServedAggregate { served in
            let client = try served.mount()
            try body(client, try client.lookup(.root, served.name).node, served.folder)
        }
    }

    @Test func showsTheHostsAttributes() throws {
        try withShare { client, share, folder in
            try folder.write("file", [UInt8](repeating: 7, count: 5000))
            _ = chmod(folder.path(of: "file"), 0o640)

            let seen = try client.lookup(share, "file").attributes
            let status = try folder.status("file")

            #expect(seen.size == 5000)
            #expect(seen.mode == status.st_mode)
            #expect(seen.linkCount == 1)
            #expect(seen.uid == status.st_uid)
            #expect(seen.gid == status.st_gid)
            #expect(seen.blocks == UInt64(status.st_blocks))
            #expect(seen.mtime == UInt64(status.st_mtim.tv_sec))
            #expect(seen.mtimeNanoseconds == UInt32(status.st_mtim.tv_nsec))
        }
    }

    @Test func changesAttributesOnTheHost() throws {
        try withShare { client, share, folder in
            try folder.write("file", "0123456789")
            let file = try client.lookup(share, "file").node

            let changed = try client.setattr(file) {
                $0.fields = [.mode, .size, .mtime]
                $0.mode = 0o100600
                $0.size = 4
                $0.mtime = 1_000_000_000
                $0.mtimeNanoseconds = 123_456_789
            }

            let status = try folder.status("file")
            #expect(try folder.text("file") == "0123")
            #expect(status.st_mode == 0o100600)
            #expect(status.st_mtim.tv_sec == 1_000_000_000)
            #expect(status.st_mtim.tv_nsec == 123_456_789)
            #expect(changed.attributes.size == 4)
            #expect(changed.attributes.mode == 0o100600)
        }
    }

    @Test func makesAndRemovesEveryKindOfName() throws {
        try withShare { client, share, folder in
            let inner = try client.mkdir(share, "folder", mode: 0o750)
            let file = try client.mknod(inner.node, "file")
            let pipe = try client.mknod(inner.node, "pipe", mode: 0o010600)
            let symbolic = try client.symlink(inner.node, "symbolic", to: "../no/../such")
            let hard = try client.link(file.node, inner.node, "hard")

            #expect(try folder.status("folder").st_mode & 0o7777 == 0o750)
            #expect(try folder.status("folder/pipe").st_mode & 0o170000 == 0o010000)
            #expect(pipe.attributes.mode & 0o170000 == 0o010000)
            #expect(try client.readlink(symbolic.node) == "../no/../such")
            #expect(hard.node == file.node)
            #expect(hard.attributes.linkCount == 2)
            #expect(hard.attributes.inode == file.attributes.inode)
            #expect(throws: Errno.directoryNotEmpty) { try client.rmdir(share, "folder") }
            for name in ["file", "pipe", "symbolic", "hard"] as [FileName] { try client.unlink(inner.node, name) }
            try client.rmdir(share, "folder")
            #expect(try folder.names() == [])
        }
    }

    @Test func neverOpensWhatIsNoFile() throws {
        try withShare { client, share, _ in
            let pipe = try client.mknod(share, "pipe", mode: 0o010600).node

            // It must not block either: a FIFO that nobody writes to would hold the worker.
            #expect(throws: Errno.self) { try client.open(pipe) }
            #expect(try client.getattr(share).attributes.mode & 0o170000 == 0o040000)
        }
    }

    @Test func renamesReplacesAndExchanges() throws {
        try withShare { client, share, folder in
            try folder.write("a", "of a")
            try folder.write("b", "of b")
            let inner = try client.mkdir(share, "folder").node
            let a = try client.lookup(share, "a").node

            #expect(throws: Errno.fileExists) { try client.rename(share, "a", to: share, "b", flags: 1) }
            try client.rename(share, "a", to: share, "b", flags: 2)
            #expect(try folder.text("a") == "of b")
            try client.rename(share, "b", to: inner, "c")
            try client.rename(inner, "c", to: share, "a")

            #expect(try folder.names() == ["a", "folder"])
            #expect(try folder.text("a") == "of a")
            #expect(try client.lookup(share, "a").node == a)
        }
    }

    @Test func readsAndWritesAFileThatWasRemovedWhileOpen() throws {
        try withShare { client, share, folder in
            try folder.write("file", "content")
            let file = try client.lookup(share, "file").node
            let handle = try client.open(file, flags: 2).handle

            try client.unlink(share, "file")

            #expect(try client.read(file, handle, at: 0, count: 16) == [UInt8]("content".utf8))
            #expect(try client.write(file, handle, at: 7, [UInt8]("!".utf8)) == 1)
            #expect(try client.getattr(file, handle: handle).attributes.size == 8)
            #expect(try client.getattr(file, handle: handle).attributes.linkCount == 0)
            try client.release(file, handle)
        }
    }

    @Test func opensANodeWhoseNameIsGoneWhileAnotherNameIsLeft() throws {
        try withShare { client, share, folder in
            try folder.write("one", "content")
            let file = try client.lookup(share, "one").node
            _ = try client.link(file, share, "two")
            try client.unlink(share, "one")

            let handle = try client.open(file).handle

            #expect(try client.read(file, handle, at: 0, count: 16) == [UInt8]("content".utf8))
        }
    }

    @Test func doesNotTakeANewFileForTheOneThatHadItsName() throws {
        try withShare { client, share, folder in
            try folder.write("file", "old")
            let old = try client.lookup(share, "file").node
            try folder.write("other", "newer")
            _ = Glibc.rename(folder.path(of: "other"), folder.path(of: "file"))

            let new = try client.lookup(share, "file").node

            #expect(new != old)
            #expect(try client.getattr(new).attributes.size == 5)
        }
    }

    @Test func truncatesAppendsAndStopsAtTheEnd() throws {
        try withShare { client, share, folder in
            try folder.write("file", "0123456789")
            let file = try client.lookup(share, "file").node

            let truncated = try client.open(file, flags: 1 | 0o1000).handle
            #expect(try client.getattr(file).attributes.size == 0)
            #expect(try client.write(file, truncated, at: 0, [UInt8]("abc".utf8)) == 3)
            try client.flushOrNothing(file, truncated)
            try client.release(file, truncated)
            let handle = try client.open(file).handle

            #expect(try client.read(file, handle, at: 1, count: 100) == [UInt8]("bc".utf8))
            #expect(try client.read(file, handle, at: 3, count: 100) == [])
            #expect(try client.read(file, handle, at: 1 << 40, count: 100) == [])
            #expect(throws: Errno.badFileDescriptor) { try client.write(file, handle, at: 0, [1]) }
        }
    }

    @Test func findsHolesAndAllocates() throws {
        try withShare { client, share, folder in
            let created = try client.create(share, "file")
            let (file, handle) = (created.entry.node, created.open.handle)
            _ = try client.write(file, handle, at: 1 << 20, [1])

            try client.fallocate(file, handle, 0, count: 4096, mode: 1)

            #expect(try client.lseek(file, handle, 1 << 20, whence: 3) == 1 << 20)
            #expect(try client.lseek(file, handle, 8192, whence: 4) >= 8192)
            #expect(throws: Errno.noSuchAddressOrDevice) { try client.lseek(file, handle, 1 << 30, whence: 3) }
            #expect(try folder.status("file").st_size == 1 << 20 + 1)
            try client.fsync(file, handle)
        }
    }

    @Test func createsExclusivelyAndOpensWhatIsThere() throws {
        try withShare { client, share, folder in
            try folder.write("file", "content")

            #expect(throws: Errno.fileExists) { try client.create(share, "file", flags: 2 | 0o100 | 0o200) }
            let opened = try client.create(share, "file")

            #expect(opened.entry.attributes.size == 7)
            #expect(
                try client.read(opened.entry.node, opened.open.handle, at: 0, count: 16) == [UInt8]("content".utf8))
        }
    }

    @Test func followsNoLinkOfTheGuest() throws {
        try withShare { client, share, folder in
            let link = try client.symlink(share, "link", to: "/etc").node
            let passwd = try client.symlink(share, "passwd", to: "/etc/passwd").node

            #expect(throws: Errno.self) { try client.lookup(link, "passwd") }
            #expect(throws: Errno.self) { try client.open(passwd) }
            #expect(throws: Errno.self) { try client.opendir(link) }
            #expect(throws: Errno.self) { try client.create(share, "passwd", flags: 2 | 0o100) }
            #expect(try folder.names() == ["link", "passwd"])
        }
    }

    @Test func keepsExtendedAttributes() throws {
        try withShare { client, share, folder in
            try folder.write("file", "")
            let file = try client.lookup(share, "file").node
            do {
                try client.setxattr(file, "user.colour", [1, 2, 3])
            } catch Errno.notSupported {
                return  // The host's temporary file system has none.
            }

            #expect(try client.getxattr(file, "user.colour") == [1, 2, 3])
            #expect(try client.getxattrSize(file, "user.colour") == 3)
            #expect(throws: Errno.outOfRange) { try client.getxattr(file, "user.colour", room: 2) }
            #expect(try client.listxattr(file).contains("user.colour"))
            try client.removexattr(file, "user.colour")
            #expect(throws: Errno.noData) { try client.getxattr(file, "user.colour") }
        }
    }

    @Test func answersESTALEOrENOENTForWhatTheHostRemoved() throws {
        try withShare { client, share, folder in
            try folder.write("file", "content")
            let file = try client.lookup(share, "file").node
            _ = Glibc.unlink(folder.path(of: "file"))

            #expect(throws: Errno.noSuchFileOrDirectory) { try client.lookup(share, "file") }
            // Held by its descriptor it may still answer; what it may not do is name something else.
            if let attributes = try? client.getattr(file).attributes { #expect(attributes.linkCount == 0) }
        }
    }

    @Test func tellsTheHostsFileSystemInStatfs() throws {
        try withShare { client, share, folder in
            var status = statvfs()
            _ = statvfs(folder.path, &status)

            let seen = try client.statfs(share)

            #expect(seen.blocks == UInt64(status.f_blocks))
            #expect(seen.blockSize == UInt32(status.f_bsize))
            #expect(seen.nameLength == UInt32(status.f_namemax))
        }
    }
}

extension FuseClient {
    /// FLUSH, which a server may refuse for good.
    fileprivate func flushOrNothing(_ node: NodeID, _ handle: HandleID) throws {
        do { try flush(node, handle) } catch Errno.noFunction {}
    }
}
