import CLinux
import FUSE
import FileService
import Glibc
import Linux
import Sandbox
import SystemPackage
import Testing

/// What a local file system does, request for request.
@Suite struct HostSemanticsTests {
    private static let pageSize = 4096

    /// A file of five pages, each full of its own number, open for both.
    private func makePages() throws -> (HostDirectory, GuestClient, NodeID, HandleID) {
        let (host, guest, root) = try makeShare()
        let made = try guest.create("pages", in: root)
        for page in 0..<5 {
            try guest.write(
                made.entry.node, made.open.handle, [UInt8](repeating: UInt8(page + 1), count: Self.pageSize),
                offset: UInt64(page * Self.pageSize))
        }
        return (host, guest, made.entry.node, made.open.handle)
    }

    /// FALLOC_FL_*: allocate, keep the size, punch, collapse, zero, insert, unshare.
    @Test(
        arguments: [
            (0, 6, 2, [1, 2, 3, 4, 5, 0, 0, 0]), (1, 6, 2, [1, 2, 3, 4, 5]), (3, 1, 2, [1, 0, 0, 4, 5]),
            (0x8, 1, 2, [1, 4, 5]), (0x10, 1, 1, [1, 0, 3, 4, 5]), (0x11, 4, 3, [1, 2, 3, 4, 0]),
            (0x20, 1, 2, [1, 0, 0, 2, 3, 4, 5]), (0x40, 0, 5, [1, 2, 3, 4, 5]), (2, 0, 1, nil), (0x400, 0, 1, nil),
        ] as [(UInt32, Int, Int, [UInt8]?)])
    func allocatesAsTheHostDoes(_ mode: UInt32, _ first: Int, _ count: Int, _ expected: [UInt8]?) throws {
        let (host, guest, node, handle) = try makePages()
        let refused = refusal {
            try guest.order(
                guest.request(.fallocate, node).adding(
                    FallocateIn {
                        $0.handle = handle
                        $0.mode = mode
                        $0.offset = UInt64(first * Self.pageSize)
                        $0.size = UInt64(count * Self.pageSize)
                    }))
        }
        // What the host's own file system has no such mode for, it has none for in the guest.
        host.file("own", String(repeating: "x", count: 5 * Self.pageSize))
        let own = try Descriptor(result: cl_openat(CL_AT_FDCWD, host.path("own"), O_RDWR, 0))
        let result = cl_fallocate(
            own.number, mode, Int64(first * Self.pageSize), Int64(count * Self.pageSize))
        #expect(refused?.rawValue ?? 0 == -result)
        guard result == 0, let expected else { return }
        let content = try guest.read(node, handle, size: 10 * Self.pageSize)
        let pages = stride(from: 0, to: content.count, by: Self.pageSize).map { content[$0] }
        #expect(pages == expected)
        #expect(try guest.getattr(node).size == UInt64(expected.count * Self.pageSize))
    }

    @Test func copiesBetweenTwoShares() throws {
        let host = try HostDirectory().directory("a").directory("b").file("a/from", "0123456789")
        let aggregate = try Aggregate(access: .readWrite)
        for name in ["a", "b"] {
            try aggregate.addChild(name: name, hostPath: host.path.appending(name), access: .readWrite)
        }
        let guest = try GuestClient(aggregate)
        let from = try guest.walk("a/from")
        let source = try guest.open(from).handle
        let made = try guest.create("to", in: guest.walk("b"))
        let copied = try guest.ask(
            guest.request(.copyFileRange, from).adding(
                CopyFileRangeIn {
                    $0.sourceHandle = source
                    $0.sourceOffset = 3
                    $0.target = made.entry.node
                    $0.targetHandle = made.open.handle
                    $0.targetOffset = 2
                    $0.size = 100
                }), WriteOut.self)
        #expect(copied.size == 7)
        #expect(host.content("b/to") == "\0\u{0}3456789")
    }

    @Test func leavesAWhiteoutWhereAskedTo() throws {
        let (host, guest, root) = try makeShare { $0.file("a", "A") }
        let node = try guest.lookup("a", in: root).node
        try guest.rename("a", in: root, to: "b", in: root, flags: 4)
        #expect(host.content("b") == "A")
        let left = try guest.lookup("a", in: root)
        #expect(left.attributes.mode & UInt32(S_IFMT) == UInt32(S_IFCHR))
        #expect(left.attributes.device == 0)
        #expect(try guest.getattr(node).inode == guest.lookup("b", in: root).attributes.inode)
        try guest.unlink("a", in: root)
    }

    @Test func linksAFileThatHasNoNameUnlessItNeverMay() throws {
        let (host, guest, root) = try makeShare()
        for (flags, isAllowed) in [(O_RDWR, true), (O_RDWR | O_EXCL, false)] {
            let body = CreateIn {
                $0.flags = UInt32(bitPattern: flags)
                $0.mode = 0o640
            }
            let made = try guest.ask(guest.request(.tmpfile, root).adding(body).adding(name: "/"), CreateOut.self)
            #expect(made.entry.attributes.linkCount == 0)
            let refused = refusal { _ = try guest.link(made.entry.node, to: "named", in: root) }
            #expect(refused == (isAllowed ? nil : .noSuchFileOrDirectory))
            #expect(host.exists("named") == isAllowed)
            if isAllowed { try guest.unlink("named", in: root) }
        }
    }

    @Test func tellsWhatTheHostKnowsOfAFileWhereverItIsMounted() throws {
        let (host, guest, root) = try makeShare { $0.file("f", "abc") }
        let node = try guest.lookup("f", in: root).node
        var own = cl_statx()
        #expect(cl_statx(CL_AT_FDCWD, host.path("f"), &own) == 0)
        let told = try guest.ask(guest.request(.statx, node).adding(StatxIn { $0.mask = 0xFFF }), StatxOut.self)
        #expect(told.attributes.attributesMask == own.attributes_mask & ~0x20_3000)
        #expect(told.attributes.attributes == own.attributes & ~0x20_3000)
        #expect(told.attributes.btime.seconds == own.btime_sec)
        #expect(told.attributes.btime.nanoseconds == own.btime_nsec)
        let shared = try guest.ask(guest.request(.statx, root).adding(StatxIn { $0.mask = 0xFFF }), StatxOut.self)
        #expect(shared.attributes.attributes & 0x2000 == 0)
    }

    // MARK: Flags

    private func flags(_ guest: GuestClient, _ node: NodeID, _ handle: HandleID) throws -> UInt32 {
        let body = IoctlIn {
            $0.handle = handle
            $0.command = CL_FS_IOC_GETFLAGS
            $0.outSize = 4
        }
        let reply = try guest.send(guest.request(.ioctl, node).adding(body), room: 20)
        if let errno = reply.errno { throw errno }
        #expect(reply.body.count == 20)
        return reply.body.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 16, as: UInt32.self) }
    }

    private func setFlags(_ guest: GuestClient, _ node: NodeID, _ handle: HandleID, _ flags: UInt32) throws {
        let body = IoctlIn {
            $0.handle = handle
            $0.command = CL_FS_IOC_SETFLAGS
            $0.inSize = 4
        }
        _ = try guest.ask(
            guest.request(.ioctl, node).adding(body).adding(bytes: withUnsafeBytes(of: flags) { Array($0) }),
            IoctlOut.self)
    }

    /// Whether the host's file system has flags at all.
    private func hasFlags(_ host: HostDirectory) -> Bool {
        guard let file = try? Descriptor(result: cl_openat(CL_AT_FDCWD, host.path.string, O_RDONLY, 0)) else {
            return false
        }
        var flags: UInt32 = 0
        return cl_get_flags(file.number, &flags) == 0
    }

    @Test func changesTheFlagsThatAnOwnerMayChange() throws {
        let (host, guest, root) = try makeShare { $0.file("f").directory("d") }
        guard hasFlags(host) else { return }
        let file = try guest.lookup("f", in: root).node
        let directory = try guest.lookup("d", in: root).node
        for (node, handle) in [(file, try guest.open(file).handle), (directory, try guest.opendir(directory))] {
            let before = try flags(guest, node, handle)
            try setFlags(guest, node, handle, before | 0xC0)
            #expect(try flags(guest, node, handle) == before | 0xC0)
            try setFlags(guest, node, handle, before)
            #expect(try flags(guest, node, handle) == before)
            // As `chattr =A` has it on an ext4: how the file is stored stays as it is, the rest is done.
            try setFlags(guest, node, handle, before & ~0x8_0000 | 0x80)
            #expect(try flags(guest, node, handle) == before | 0x80)
            try setFlags(guest, node, handle, before)
            // The journal's, the project's, and whether names are compared by case.
            for other in [0x4000, 0x2000_0000, 0x4000_0000] as [UInt32] {
                #expect(refusal { try setFlags(guest, node, handle, before ^ other) } == .notSupported)
            }
            guest.uid = 1000
            #expect(refusal { try setFlags(guest, node, handle, before | 0x10) } == .notPermitted)
            guest.uid = 0
            let asRoot = refusal { try setFlags(guest, node, handle, before | 0x20) }
            if asRoot == nil { try setFlags(guest, node, handle, before) }
            #expect(asRoot == (getuid() == 0 ? nil : .notPermitted))
        }
    }

    @Test func tellsAndChangesExtendedFlags() throws {
        let (host, guest, root) = try makeShare { $0.file("f") }
        guard hasFlags(host) else { return }
        let node = try guest.lookup("f", in: root).node
        let handle = try guest.open(node).handle
        let get = { () throws -> [UInt8] in
            let body = IoctlIn {
                $0.handle = handle
                $0.command = CL_FS_IOC_FSGETXATTR
                $0.outSize = 28
            }
            let reply = try guest.send(guest.request(.ioctl, node).adding(body), room: 44)
            if let errno = reply.errno { throw errno }
            return Array(reply.body.dropFirst(16))
        }
        let set = { (attributes: [UInt8]) throws in
            let body = IoctlIn {
                $0.handle = handle
                $0.command = CL_FS_IOC_FSSETXATTR
                $0.inSize = 28
            }
            _ = try guest.ask(guest.request(.ioctl, node).adding(body).adding(bytes: attributes), IoctlOut.self)
        }
        var attributes = try get()
        #expect(attributes.count == 28)
        attributes[0] |= 0x80
        try set(attributes)
        #expect(try get() == attributes)
        #expect(try flags(guest, node, handle) & 0x40 != 0)
        attributes[12] = 7
        #expect(refusal { try set(attributes) } == .notSupported)
        #expect(refusal { try set(Array(attributes.dropLast())) } == .invalidArgument)
    }

    @Test func changesNoFlagsOfAReadOnlyShare() throws {
        let (host, guest, root) = try makeShare(.readOnly) { $0.file("f") }
        guard hasFlags(host) else { return }
        let node = try guest.lookup("f", in: root).node
        let handle = try guest.open(node).handle
        let before = try flags(guest, node, handle)
        #expect(refusal { try setFlags(guest, node, handle, before | 0x40) } == .readOnlyFileSystem)
        #expect(refusal { try setFlags(guest, node, HandleID(rawValue: 99), before) } == .badFileDescriptor)
        let other = IoctlIn {
            $0.handle = handle
            $0.command = 0x5401
        }
        #expect(try guest.send(guest.request(.ioctl, node).adding(other)).errno == .inappropriateIOCTLForDevice)
    }
}
