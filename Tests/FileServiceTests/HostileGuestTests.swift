import CLinux
import FUSE
import FileService
import Glibc
import Linux
import SystemPackage
import Testing

/// What a guest may try against the host or against the service itself.
@Suite struct HostileGuestTests {
    private static let badNames: [(String, Errno)] = [
        ("", .invalidArgument), (".", .invalidArgument), ("..", .invalidArgument), ("a/b", .invalidArgument),
        ("/etc/passwd", .invalidArgument), ("../x", .invalidArgument), ("a\0b", .invalidArgument),
        (String(repeating: "n", count: 256), .fileNameTooLong),
    ]

    // MARK: Names

    @Test(arguments: [true, false])
    func validatesNamesInEveryRequestThatHasOne(atTheRoot: Bool) throws {
        let (host, guest, share) = try makeShare { $0.file("f").directory("d") }
        let parent = atTheRoot ? NodeID.root : share
        let file = try guest.lookup("f", in: share).node
        for (name, error) in Self.badNames {
            let uses: [(String, () throws -> Void)] = [
                ("lookup", { _ = try guest.lookup(name, in: parent) }),
                ("create", { _ = try guest.create(name, in: parent) }),
                ("mkdir", { _ = try guest.mkdir(name, in: parent) }),
                ("mknod", { _ = try guest.mknod(name, in: parent, mode: UInt32(S_IFREG)) }),
                ("symlink", { _ = try guest.symlink(name, to: "t", in: parent) }),
                ("link", { _ = try guest.link(file, to: name, in: parent) }),
                ("unlink", { try guest.unlink(name, in: parent) }),
                ("rmdir", { try guest.rmdir(name, in: parent) }),
                ("rename from", { try guest.rename(name, in: parent, to: "x", in: share) }),
                ("rename to", { try guest.rename("f", in: parent, to: name, in: share) }),
                ("rename2 from", { try guest.rename(name, in: parent, to: "x", in: share, flags: 0) }),
                ("rename2 to", { try guest.rename("f", in: parent, to: name, in: share, flags: 0) }),
            ]
            for (operation, use) in uses {
                // "a\0b" is a good name and one byte too many where a second string follows.
                if name == "a\0b" && ["symlink", "rename from", "rename2 from"].contains(operation) {
                    #expect(refusal(use) != nil, "\(operation)")
                } else {
                    #expect(refusal(use) == error, "\(operation) \(name.prefix(20))")
                }
            }
        }
        #expect(host.exists("f"))
        #expect(try guest.list(share).count == 4)
    }

    @Test func refusesNamesWithoutAnEnd() throws {
        let (_, guest, root) = try makeShare()
        for opcode in [Opcode.lookup, .unlink, .rmdir, .symlink] {
            let message = guest.request(opcode, root).adding(bytes: "name".utf8)
            #expect(try guest.send(message).errno == .invalidArgument)
        }
        let message = guest.request(.mkdir, root).adding(MkdirIn()).adding(bytes: "name".utf8)
        #expect(try guest.send(message).errno == .invalidArgument)
    }

    // MARK: Escapes

    @Test func followsNoLinkOutOfAShare() throws {
        let outside = try HostDirectory().file("secret", "secret")
        let (host, guest, root) = try makeShare { $0.directory("d") }
        host.link("file", to: outside.path("secret")).link("dir", to: outside.path.string)
        host.link("d/up", to: "../..")
        for name in ["file", "dir"] {
            let link = try guest.lookup(name, in: root)
            #expect(link.attributes.mode & UInt32(S_IFMT) == UInt32(S_IFLNK))
            #expect(refusal { _ = try guest.open(link.node) } == .noSuchAddressOrDevice)
            #expect(refusal { _ = try guest.opendir(link.node) } == .notDirectory)
            #expect(refusal { _ = try guest.lookup("secret", in: link.node) } == .notDirectory)
            #expect(refusal { _ = try guest.create("new", in: link.node) } == .notDirectory)
            #expect(refusal { try guest.unlink("secret", in: link.node) } == .notDirectory)
            _ = refusal { _ = try guest.setattr(link.node) { $0.fields = .mode } }
            #expect(refusal { _ = try guest.setattr(link.node) { $0.fields = .size } } == .invalidArgument)
        }
        let directory = try guest.lookup("d", in: root).node
        let up = try guest.lookup("up", in: directory).node
        #expect(refusal { _ = try guest.lookup("etc", in: up) } == .notDirectory)
        #expect(outside.content("secret") == "secret")
        #expect(outside.status("secret").map { $0.st_mode & 0o777 } == 0o644)
    }

    @Test func staysWithTheDirectoryThatWasLookedUp() throws {
        let outside = try HostDirectory().file("secret", "secret")
        let (host, guest, root) = try makeShare { $0.directory("d").file("d/mine", "mine") }
        let directory = try guest.lookup("d", in: root).node
        // The guest swaps the directory for a link between lookup and use.
        try guest.rename("d", in: root, to: "moved", in: root)
        host.link("d", to: outside.path.string)
        #expect(refusal { _ = try guest.lookup("secret", in: directory) } == .noSuchFileOrDirectory)
        _ = try guest.create("new", in: directory)
        #expect(host.exists("moved/new"))
        #expect(!outside.exists("new"))
    }

    @Test func neverOpensWhatIsNeitherFileNorDirectory() throws {
        let (host, guest, root) = try makeShare()
        mkfifo(host.path("fifo"), 0o666)
        let fifo = try guest.lookup("fifo", in: root).node
        // Would hang for want of a writer.
        #expect(refusal { _ = try guest.open(fifo) } == .noSuchAddressOrDevice)
        #expect(refusal { _ = try guest.open(fifo, O_WRONLY) } == .noSuchAddressOrDevice)
        #expect(refusal { _ = try guest.create("fifo", in: root) } == .staleNFSFileHandle)
        #expect(refusal { _ = try guest.setattr(fifo) { $0.fields = .size } } == .invalidArgument)
        _ = refusal { _ = try guest.getxattr(fifo, "user.x") }
        if getuid() == 0 {
            let device = try guest.mknod("null", in: root, mode: UInt32(S_IFCHR) | 0o666)
            #expect(refusal { _ = try guest.open(device.node, O_RDWR) } == .noSuchAddressOrDevice)
        }
    }

    @Test func makesNoDeviceOfTheHosts() throws {
        let (host, guest, root) = try makeShare()
        let disk: UInt32 = 8 << 8
        #expect(
            refusal { _ = try guest.mknod("disk", in: root, mode: UInt32(S_IFBLK) | 0o666, device: disk) }
                == .notPermitted)
        #expect(
            refusal { _ = try guest.mknod("mem", in: root, mode: UInt32(S_IFCHR) | 0o666, device: 1 << 8 | 1) }
                == .notPermitted)
        #expect(access(host.path("disk"), F_OK) != 0 && access(host.path("mem"), F_OK) != 0)
    }

    // MARK: Numbers

    @Test func survivesForgedForgets() throws {
        let (_, guest, root) = try makeShare { $0.file("f") }
        let node = try guest.lookup("f", in: root).node
        let handle = try guest.open(node).handle
        guest.forget(node, .max)
        guest.forget(node, .max)
        guest.forget(.root, .max)
        guest.forget(root, .max)
        guest.forget(NodeID(rawValue: 0), 1)
        guest.forget(NodeID(rawValue: .max), 1)
        #expect(refusal { _ = try guest.read(node, handle) } == .invalidArgument)
        // A share's root stays: the guest has a mount on it.
        #expect(try guest.getattr(root).mode & UInt32(S_IFMT) == UInt32(S_IFDIR))
        #expect(try guest.lookup("f", in: root).node != node)
    }

    @Test func forgetsManyAtOnceAndNoMoreThanWereSent() throws {
        let (_, guest, root) = try makeShare { $0.file("a").file("b").file("c") }
        let nodes = try ["a", "b", "c"].map { try guest.lookup($0, in: root).node }
        var message = guest.request(.batchForget).adding(BatchForgetIn { $0.count = .max })
        for node in nodes.prefix(2) {
            message = message.adding(
                ForgetOne {
                    $0.node = node
                    $0.count = 1
                })
        }
        guest.pieces = [7]
        #expect(guest.exchange(message.bytes, room: 0).isEmpty)
        #expect(refusal { _ = try guest.getattr(nodes[0]) } == .invalidArgument)
        #expect(refusal { _ = try guest.getattr(nodes[1]) } == .invalidArgument)
        _ = try guest.getattr(nodes[2])
    }

    /// One that forgets one reference.
    private func forget(_ node: NodeID) -> [UInt8] {
        ForgetOne {
            $0.node = node
            $0.count = 1
        }.withBytes { [UInt8]($0) }
    }

    /// As many as a request can have, which come in parts.
    @Test func forgetsTheLastOfVeryMany() throws {
        let (_, guest, root) = try makeShare { $0.file("a").file("b") }
        let nodes = try ["a", "b"].map { try guest.lookup($0, in: root).node }
        let message = guest.request(.batchForget).adding(BatchForgetIn { $0.count = 60_000 })
            .adding(
                bytes: (1...60_000 as ClosedRange<UInt64>).flatMap {
                    forget($0 == 60_000 ? nodes[1] : NodeID(rawValue: 1 << 40 + $0))
                })
        guest.pieces = [1001]
        #expect(guest.exchange(message.bytes, room: 0).isEmpty)
        _ = try guest.getattr(nodes[0])
        #expect(refusal { _ = try guest.getattr(nodes[1]) } == .invalidArgument)
    }

    /// One of gibibytes would have its queue, and whoever wants to stop that, wait for minutes.
    @Test func refusesRequestsThatAreLongerThanAgreed() throws {
        let (_, guest, root) = try makeShare { $0.file("a") }
        let node = try guest.lookup("a", in: root).node
        let handle = try guest.open(node, O_RDWR).handle
        #expect(try guest.write(node, handle, [UInt8](repeating: 1, count: 1 << 20)) == 1 << 20)
        #expect(
            refusal { _ = try guest.write(node, handle, [UInt8](repeating: 1, count: 2 << 20)) } == .invalidArgument)
        let message = guest.request(.batchForget).adding(BatchForgetIn { $0.count = 80_000 })
            .adding(bytes: (1...80_000).flatMap { _ in forget(node) })
        #expect(guest.exchange(message.bytes, room: 0).isEmpty)
        _ = try guest.getattr(node)
    }

    @Test func acceptsAHandleOnlyForItsOwnNodeAndKind() throws {
        let (_, guest, root) = try makeShare { $0.file("a", "A").file("b", "B") }
        let (a, b) = (try guest.lookup("a", in: root).node, try guest.lookup("b", in: root).node)
        let handle = try guest.open(a, O_RDWR).handle
        let directory = try guest.opendir(root)
        #expect(refusal { _ = try guest.read(b, handle) } == .badFileDescriptor)
        #expect(refusal { _ = try guest.write(b, handle, [1]) } == .badFileDescriptor)
        #expect(refusal { _ = try guest.read(root, directory) } == .badFileDescriptor)
        #expect(refusal { _ = try guest.readdir(a, handle) } == .badFileDescriptor)
        #expect(refusal { _ = try guest.getattr(b, handle: handle) } == .badFileDescriptor)
        #expect(refusal { try guest.release(b, handle) } == .badFileDescriptor)
        for forged: UInt64 in [0, 999, .max, 1 << 63] {
            #expect(refusal { _ = try guest.read(a, HandleID(rawValue: forged)) } == .badFileDescriptor)
        }
        try guest.release(a, handle)
        #expect(refusal { _ = try guest.read(a, handle) } == .badFileDescriptor)
        let next = try guest.open(a).handle
        #expect(next != handle)
    }

    @Test func refusesOffsetsAndSizesThatOverflow() throws {
        let (host, guest, root) = try makeShare { $0.file("f", "content") }
        let node = try guest.lookup("f", in: root).node
        let handle = try guest.open(node, O_RDWR).handle
        for offset: UInt64 in [.max, 1 << 63, UInt64(Int64.max)] {
            #expect(refusal { _ = try guest.read(node, handle, offset: offset) } == .invalidArgument)
            #expect(refusal { _ = try guest.write(node, handle, [1], offset: offset) } != nil)
        }
        #expect(
            refusal {
                _ = try guest.setattr(node) {
                    $0.fields = .size; $0.size = .max
                }
            } == .fileTooLarge)
        let directory = try guest.opendir(root)
        #expect(refusal { _ = try guest.readdir(root, directory, from: 1 << 63) } != nil)
        // More than was sent, and more than there is room for.
        let lie = WriteIn {
            $0.handle = handle
            $0.size = 1000
        }
        #expect(
            try guest.send(guest.request(.write, node).adding(lie).adding(bytes: [1, 2])).errno == .invalidArgument)
        let greedy = ReadIn {
            $0.handle = handle
            $0.size = .max
        }
        #expect(try guest.send(guest.request(.read, node).adding(greedy), room: 3).body == Array("con".utf8))
        #expect(try guest.send(guest.request(.readdir, root).adding(greedy), room: 3).errno == .badFileDescriptor)
        #expect(host.content("f") == "content")
    }

    // MARK: Messages

    @Test func answersRequestsThatAreCutShort() throws {
        let (_, guest, root) = try makeShare()
        for opcode: UInt32 in 1...60 where ![2, 26, 36, 38, 41, 42].contains(opcode) {
            for length in [0, 1, 7] {
                let message = guest.request(Opcode(rawValue: opcode), root)
                    .adding(bytes: [UInt8](repeating: 0xFF, count: length))
                _ = try guest.send(message)
            }
        }
        #expect(try guest.list(root).count == 2)
    }

    @Test func answersNothingThatHasNoHeader() throws {
        let (_, guest, _) = try makeShare()
        for length in [0, 8, 39] {
            #expect(guest.exchange([UInt8](repeating: 1, count: length), room: 100).isEmpty)
        }
        let message = guest.request(.getattr).adding(GetattrIn())
        #expect(guest.exchange(message.bytes, room: 0).isEmpty)
        #expect(guest.exchange(message.bytes, room: 15).isEmpty)
        #expect(guest.exchange(message.bytes, room: 16).count == 16)
    }

    @Test func refusesALengthThatIsNotTheRequests() throws {
        let (_, guest, _) = try makeShare()
        for length: UInt32 in [0, 39, 57, .max] {
            var bytes = guest.request(.getattr).adding(GetattrIn()).bytes
            withUnsafeBytes(of: length) { for index in 0..<4 { bytes[index] = $0[index] } }
            let reply = guest.exchange(bytes, room: 200)
            #expect(reply.count == 16)
            #expect(reply.withUnsafeBytes { OutHeader(copying: $0) }?.error == 0 - Errno.invalidArgument.rawValue)
        }
        var bytes = guest.request(.getattr).adding(GetattrIn()).bytes
        bytes[36] = 0xFF
        #expect(guest.exchange(bytes, room: 200).count == 16)
    }

    @Test func countsNoLookupWhenThereIsNoRoomForTheReply() throws {
        let (host, guest, root) = try makeShare { $0.file("f") }
        #expect(try guest.send(guest.request(.lookup, root).adding(name: "f"), room: 100).errno == .invalidArgument)
        let body = MkdirIn { $0.mode = 0o755 }
        #expect(try guest.send(guest.request(.mkdir, root).adding(body).adding(name: "d"), room: 8).errno != nil)
        #expect(!host.exists("d"))
        #expect(host.openDescriptors() == 1)
    }

    @Test func readsHeadersAndNamesSplitIntoSingleBytes() throws {
        let (_, guest, root) = try makeShare { $0.file("some-name", "content") }
        guest.pieces = [1]
        let entry = try guest.lookup("some-name", in: root)
        #expect(entry.attributes.size == 7)
        let handle = try guest.open(entry.node).handle
        #expect(try guest.read(entry.node, handle) == Array("content".utf8))
        #expect(try guest.list(root, plus: true).count == 3)
        guest.pieces = [0, 40, 0, 3]
        #expect(try guest.lookup("some-name", in: root).node == entry.node)
    }

    @Test func survivesRequestsOfRandomBytes() throws {
        let (_, guest, root) = try makeShare { $0.file("f").directory("d") }
        _ = try guest.lookup("f", in: root)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<5000 {
            var bytes = (0..<Int.random(in: 40...200, using: &random)).map { _ in UInt8.random(in: 0...255) }
            let header = InHeader {
                $0.length = UInt32(bytes.count)
                $0.opcode = Opcode(rawValue: .random(in: 1...53))
                $0.unique = 9
                $0.node = NodeID(rawValue: .random(in: 0...5))
            }
            // Neither ends the session nor creates for random users.
            if header.opcode == .initialize || header.opcode == .destroy { continue }
            header.withBytes { for index in 0..<40 { bytes[index] = $0[index] } }
            let reply = guest.exchange(bytes, room: Int.random(in: 0...300))
            if !reply.isEmpty { #expect(reply.withUnsafeBytes { ReplyMessage($0, unique: 9) } != nil) }
        }
    }

    @Test func holdsUpUnderQueuesThatUseTheSameFiles() throws {
        let (_, guest, root) = try makeShare { for index in 0..<20 { $0.file("f\(index)", "content") } }
        let aggregate = guest.aggregate
        let threads = try (0..<4).map { seed in
            try Thread(name: "queue-\(seed)") {
                guard let queue = try? GuestClient(aggregate, begin: false) else { return }
                for round in 0..<500 {
                    let name = "f\((round * 7 + seed) % 20)"
                    guard let node = try? queue.lookup(name, in: root).node else { continue }
                    if let handle = try? queue.open(node).handle {
                        _ = try? queue.read(node, handle)
                        try? queue.release(node, handle)
                    }
                    queue.forget(node, round % 3 == 0 ? 2 : 1)
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(try guest.list(root, plus: true).count == 22)
    }
}
