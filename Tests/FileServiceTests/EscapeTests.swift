import CLinux
import FUSE
import FileService
import Glibc
import Linux
import Synchronization
import SystemPackage
import Testing

/// A guest, and a program of the host that helps it, try to reach what is not in the share: each time by what was something
/// else a moment ago.
@Suite struct EscapeTests {
    /// Swaps two names of a directory on the host, as fast as it can, while the guest tries its luck a number of times on a
    /// thread that is confined as workers are.
    private func swap(
        _ first: String, _ second: String, in host: HostDirectory, times: Int,
        _ attempt: @escaping @Sendable (GuestClient, NodeID) throws -> Void
    ) throws {
        let isOver = Atomic(false)
        nonisolated(unsafe) let directory = host
        try withoutActuallyEscaping({ @Sendable () -> Void in
            let paths = (directory.path(first), directory.path(second))
            // RENAME_EXCHANGE
            while !isOver.load(ordering: .relaxed) {
                _ = cl_renameat2(CL_AT_FDCWD, paths.0, CL_AT_FDCWD, paths.1, 2)
            }
        }) { body in
            let swapping = try Thread(name: "swap", body)
            defer {
                isOver.store(true, ordering: .relaxed)
                swapping.join()
            }
            try onWorker(host) { guest, root, _ in
                for _ in 0..<times { try attempt(guest, root) }
            }
        }
    }

    @Test func findsNothingBehindALinkThatADirectoryIsSwappedFor() throws {
        let outside = try HostDirectory().file("file", "outside")
        let host = try HostDirectory().directory("d").file("d/file", "inside").link("l", to: outside.path.string)
        let reads = Mutex<Set<String>>([])

        try swap("d", "l", in: host, times: 1500) { guest, root in
            for name in ["d", "l"] {
                guard let entry = try? guest.lookup(name, in: root) else { continue }
                defer { guest.forget(entry.node) }
                _ = refusal { try guest.unlink("gone", in: entry.node) }
                _ = refusal {
                    let made = try guest.create("made", in: entry.node)
                    try guest.release(made.entry.node, made.open.handle)
                    guest.forget(made.entry.node)
                }
                guard let file = try? guest.lookup("file", in: entry.node) else { continue }
                defer { guest.forget(file.node) }
                guard let handle = try? guest.open(file.node).handle else { continue }
                let text = String(decoding: try guest.read(file.node, handle), as: UTF8.self)
                reads.withLock { _ = $0.insert(text) }
                try guest.release(file.node, handle)
            }
        }

        #expect(reads.withLock { $0 } == ["inside"])
        #expect(!outside.exists("made"))
    }

    @Test func leavesADirectoryByNoRenameOfItsParents() throws {
        // Where ".." leads changes while the guest is below: but it never goes by "..".
        let host = try HostDirectory().directory("a").directory("a/b").directory("a/b/c").directory("z")
        host.file("a/b/c/file", "inside").file("secret", "beside")
        let failures = Mutex<Set<CInt>>([])

        try swap("a/b", "z", in: host, times: 800) { guest, root in
            for path in ["a/b/c", "z/c"] {
                do {
                    let node = try path.split(separator: "/").reduce(root) { try guest.lookup(String($1), in: $0).node }
                    let found = try guest.list(node, plus: true).map(\.name)
                    guard Set(found) == [".", "..", "file"] else { throw Errno.badAddress }
                    let error = refusal { _ = try guest.lookup("..", in: node) }
                    guard error == .invalidArgument else { throw Errno.badAddress }
                } catch let error as Errno {
                    failures.withLock { _ = $0.insert(error.rawValue) }
                }
            }
        }

        // ENOENT where the other one was meant, ESTALE where it has moved since.
        #expect(failures.withLock { $0 }.isSubset(of: [ENOENT, ESTALE]))
    }

    @Test func waitsForNobodyAtAFIFOThatAFileIsSwappedFor() throws {
        let host = try HostDirectory().file("file", "content")
        #expect(mkfifo(host.path("fifo"), 0o666) == 0)
        nonisolated(unsafe) let directory = host
        let isDone = Atomic(false)
        try withoutActuallyEscaping({ @Sendable () -> Void in
            // Who opens a FIFO to read waits for a writer. Should that happen, here is one, and the test fails.
            let end = ContinuousClock.now + .seconds(30)
            while !isDone.load(ordering: .relaxed), ContinuousClock.now < end { usleep(10_000) }
            guard !isDone.load(ordering: .relaxed) else { return }
            Issue.record("a worker waits at a FIFO")
            for name in ["file", "fifo"] {
                let number = open(directory.path(name), O_RDWR | O_NONBLOCK)
                usleep(100_000)
                if number >= 0 { close(number) }
            }
        }) { body in
            let watch = try Thread(name: "watch", body)
            defer {
                isDone.store(true, ordering: .relaxed)
                watch.join()
            }
            try swap("file", "fifo", in: host, times: 1500) { guest, root in
                for name in ["file", "fifo"] {
                    guard let entry = try? guest.lookup(name, in: root) else { continue }
                    for flags in [O_RDONLY, O_WRONLY] {
                        guard let handle = try? guest.open(entry.node, flags).handle else { continue }
                        guard entry.attributes.mode & UInt32(S_IFMT) == UInt32(S_IFREG) else { throw Errno.badAddress }
                        try guest.release(entry.node, handle)
                    }
                    _ = refusal { _ = try guest.create(name, in: root, flags: O_WRONLY) }
                    _ = refusal { _ = try guest.setattr(entry.node) { $0.fields = .size } }
                    guest.forget(entry.node)
                }
            }
        }
    }

    @Test func linksTheLinkAndNotWhatItLeadsTo() throws {
        let outside = try HostDirectory().file("secret", "secret")
        let (host, guest, root) = try makeShare()
        host.link("link", to: outside.path("secret"))
        let node = try guest.lookup("link", in: root).node

        _ = try guest.link(node, to: "again", in: root)

        #expect(host.status("again").map { $0.st_mode & S_IFMT } == S_IFLNK)
        #expect(outside.status("secret")?.st_nlink == 1)
    }

    @Test func linksNothingOfOneShareIntoAnother() throws {
        let (host, guest, root) = try makeShare { $0.file("file", "mine") }
        let other = try HostDirectory().directory("d")
        try guest.aggregate.addChild(name: "other", hostPath: other.path, access: .readWrite)
        let node = try guest.lookup("file", in: root).node
        let (there, inner) = (try guest.walk("other"), try guest.walk("other/d"))

        #expect(refusal { _ = try guest.link(node, to: "file", in: there) } == .improperLink)
        #expect(refusal { try guest.rename("file", in: root, to: "file", in: inner) } == .improperLink)
        #expect(refusal { try guest.rename("file", in: root, to: "d", in: there, flags: 2) } == .improperLink)
        #expect(host.status("file")?.st_nlink == 1 && !other.exists("file") && !other.exists("d/file"))
    }

    @Test func opensNoDoorInAShareOfProc() throws {
        // Links that lead where no path does: to the root, the working directory, and the open files of a process.
        let outside = try HostDirectory().file("secret", "secret")
        let held = open(outside.path("secret"), O_RDWR)
        defer { close(held) }
        let aggregate = try Aggregate(access: .readWrite)
        try aggregate.addChild(name: "share", hostPath: FilePath("/proc/\(getpid())"), access: .readWrite)
        let guest = try GuestClient(aggregate)
        let root = try guest.walk("share")
        let descriptors = try guest.walk("share/fd")

        for (name, parent) in [("root", root), ("cwd", root), ("exe", root), ("\(held)", descriptors)] {
            let door = try guest.lookup(name, in: parent)
            #expect(door.attributes.mode & UInt32(S_IFMT) == UInt32(S_IFLNK), "\(name)")
            #expect(refusal { _ = try guest.open(door.node) } == .noSuchAddressOrDevice, "\(name)")
            #expect(refusal { _ = try guest.open(door.node, O_RDWR | O_TRUNC) } != nil, "\(name)")
            #expect(refusal { _ = try guest.opendir(door.node) } == .notDirectory, "\(name)")
            #expect(refusal { _ = try guest.lookup("etc", in: door.node) } == .notDirectory, "\(name)")
            #expect(refusal { _ = try guest.create("made", in: door.node) } == .notDirectory, "\(name)")
            #expect(refusal { _ = try guest.setattr(door.node) { $0.fields = .size } } == .invalidArgument, "\(name)")
            #expect(
                refusal { _ = try guest.setattr(door.node) { ($0.fields, $0.mode) = (.mode, 0o777) } } != nil, "\(name)"
            )
        }
        #expect(outside.content("secret") == "secret")
        #expect(outside.status("secret").map { $0.st_mode & 0o777 } == 0o644)
    }

    @Test func takesNoLinkForWhatWasResolved() throws {
        let outside = try HostDirectory().directory("d").file("file")
        let host = try HostDirectory().link("l", to: outside.path.string)
        let aggregate = try Aggregate(access: .readWrite)

        for path in ["l", "l/d", "l/file"] {
            let error = #expect(throws: AddChildError.self) {
                try aggregate.addChild(
                    name: "share", hostPath: FilePath(host.path(path)), access: .readWrite, followsLinks: false)
            }
            #expect(error?.errno == .tooManySymbolicLinkLevels, "\(path)")
        }
        #expect(aggregate.childCount == 0)
    }
}
