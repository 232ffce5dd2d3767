import CLinux
import FUSE
import FileService
import Glibc
import SystemPackage
import Testing

/// A read-only aggregate refuses every change with EROFS, by whatever request it comes.
@Suite struct ReadOnlyTests {
    private static let unknown = NodeID(rawValue: 4711)

    @Test func refusesEveryRequestThatChangesSomething() throws {
        let (host, guest, root) = try makeShare(.readOnly) { $0.file("f", "content").directory("d").link("l", to: "f") }
        let before = try #require(host.status("f"))
        let node = try guest.lookup("f", in: root).node
        let directory = try guest.lookup("d", in: root).node
        let handle = try guest.open(node).handle
        let changes: [(String, () throws -> Void)] = [
            ("create", { _ = try guest.create("x", in: root) }),
            ("create of what is there", { _ = try guest.create("f", in: root, flags: O_RDONLY) }),
            (
                "tmpfile",
                {
                    let body = CreateIn { $0.flags = UInt32(bitPattern: O_RDWR) }
                    _ = try guest.ask(guest.request(.tmpfile, root).adding(body).adding(name: "/"), CreateOut.self)
                }
            ),
            ("mkdir", { _ = try guest.mkdir("x", in: root) }),
            ("mknod", { _ = try guest.mknod("x", in: root, mode: UInt32(S_IFREG) | 0o644) }),
            ("symlink", { _ = try guest.symlink("x", to: "f", in: root) }),
            ("link", { _ = try guest.link(node, to: "x", in: root) }),
            ("unlink", { try guest.unlink("f", in: root) }),
            ("rmdir", { try guest.rmdir("d", in: root) }),
            ("rename", { try guest.rename("f", in: root, to: "x", in: directory) }),
            ("rename2", { try guest.rename("f", in: root, to: "x", in: root, flags: 1) }),
            ("write", { try guest.write(node, handle, [1]) }),
            ("open for writing", { _ = try guest.open(node, O_WRONLY) }),
            ("open for both", { _ = try guest.open(node, O_RDWR) }),
            ("open with O_TRUNC", { _ = try guest.open(node, O_RDONLY | O_TRUNC) }),
            ("setxattr", { try guest.setxattr(node, "user.x", [1]) }),
            ("removexattr", { try guest.order(guest.request(.removexattr, node).adding(name: "user.x")) }),
            (
                "fallocate",
                {
                    try guest.order(guest.request(.fallocate, node).adding(FallocateIn { $0.handle = handle }))
                }
            ),
            (
                "copy_file_range",
                {
                    let body = CopyFileRangeIn {
                        $0.sourceHandle = handle
                        $0.target = node
                        $0.targetHandle = handle
                        $0.size = 1
                    }
                    _ = try guest.ask(guest.request(.copyFileRange, node).adding(body), WriteOut.self)
                }
            ),
        ]
        for (name, change) in changes { #expect(refusal(change) == .readOnlyFileSystem, "\(name)") }
        let fields: [SetattrFields] = [
            .mode, .uid, .gid, .size, .atime, .mtime, .atimeNow, .mtimeNow, .ctime, .killPrivileges, [],
        ]
        for field in fields {
            #expect(refusal { _ = try guest.setattr(node) { $0.fields = field } } == .readOnlyFileSystem, "\(field)")
        }
        let after = try #require(host.status("f"))
        #expect(host.content("f") == "content")
        #expect(after.st_ctim.tv_sec == before.st_ctim.tv_sec && after.st_ctim.tv_nsec == before.st_ctim.tv_nsec)
        #expect(try guest.list(root).count == 5)
    }

    @Test func checksTheNodeBeforeTheAccess() throws {
        let (_, guest, root) = try makeShare(.readOnly) { $0.file("f") }
        #expect(refusal { _ = try guest.create("x", in: Self.unknown) } == .invalidArgument)
        #expect(refusal { try guest.unlink("f", in: Self.unknown) } == .invalidArgument)
        #expect(refusal { try guest.rename("f", in: root, to: "x", in: Self.unknown) } == .invalidArgument)
        #expect(refusal { _ = try guest.link(Self.unknown, to: "x", in: root) } == .invalidArgument)
        #expect(refusal { _ = try guest.setattr(Self.unknown) { $0.fields = .mode } } == .invalidArgument)
    }

    @Test func letsEverythingBeRead() throws {
        let (_, guest, root) = try makeShare(.readOnly) { $0.file("f", "content").link("l", to: "f") }
        let node = try guest.lookup("f", in: root).node
        let handle = try guest.open(node).handle
        #expect(try guest.read(node, handle) == Array("content".utf8))
        #expect(try guest.readlink(guest.lookup("l", in: root).node) == "f")
        #expect(try guest.setattr(node) { $0.fields = [.lockOwner] }.size == 7)
        try guest.order(guest.request(.fsync, node).adding(FsyncIn { $0.handle = handle }))
        try guest.order(guest.request(.syncfs).adding(bytes: [UInt8](repeating: 0, count: 8)))
        try guest.release(node, handle)
    }
}
