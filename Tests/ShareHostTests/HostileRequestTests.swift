import FUSE
import Frontend
import SystemPackage
import TestSupport
import Testing

/// Requests that make no sense, in rings that do. Each is answered in a form no guest rejects, and the device goes on.
@Suite struct HostileRequestTests {
    enum Attack: String, CaseIterable, Sendable {
        case emptyRequest, eightByteHeader, headerOneByteShort
        case headerThatClaimsTooMuch, headerThatClaimsTooLittle, headerThatClaimsNothing
        case nameWithoutEnd, noName, oneNameOfTwo, linkTargetWithoutEnd
        case replyRoomForHalfAnEntry, replyRoomForHalfAHeader, noReplyRoom
        case unknownOpcode, greatestOpcode, unknownNode, greatestNode
        case readOfEverything, readOfAnUnknownHandle, readFromBeyond, readdirOfEverything
        case writeOfMoreThanWasSent, writeToBeyond, writeOfNothing
        case batchForgetThatLies, batchForgetOfEverything, forgetOfTheUnknown, forgetOfTheRoot, forgetTooMany
        case setxattrThatLies, getxattrOfEverything, shortInit, initOfAnotherAge
        case interrupt, notifyReply, ioctlThatLies, extensionsThatLie
    }

    @Test(arguments: Attack.allCases)
    func survives(_ attack: Attack) throws {
        try withServedAggregate { served in
            try served.folder.write("file", "content")
            let client = try served.mount()
            let child = try client.lookup(.root, served.name).node
            let file = try client.lookup(child, "file").node
            let handle = try client.open(file, flags: 2).handle
            let driver = try HostileDriver(client.frontend)
            let (bytes, room) = Self.request(attack, child: child, file: file, handle: handle)

            let verdict = try driver.send(bytes, replyRoom: room)

            #expect(verdict.isSound)
            #expect(verdict.error != 0 || Self.mayFail.contains(attack))
            if verdict.outcome == .hungUp || verdict.outcome == .broken { client.frontend.socket.hangUp() }
            let later = try verdict.outcome == .hungUp || verdict.outcome == .broken ? served.mount() : client
            _ = try? later.initialize()
            #expect(try later.walk(.root, "\(served.name)/file").attributes.size >= 7)
            #expect(try served.directory.names() == [served.name.description])
        }
    }

    @Test func knowsNoRequestBeforeInit() throws {
        try withServedAggregate { served in
            let client = try FuseClient(try served.connect())

            #expect(throws: Errno.ioError) { try client.getattr(.root) }
            try client.initialize()
            #expect(try client.getattr(.root).attributes.inode == 1)
        }
    }

    @Test func answersAnOpcodeItDoesNotKnowWithENOSYS() throws {
        try withServedAggregate { served in
            let client = try served.mount()

            let reply = try client.call(opcode: Opcode(rawValue: 999), node: .root, reply: .empty)

            #expect(reply.error == .noFunction)
        }
    }

    @Test func answersANodeItDoesNotKnowWithEINVAL() throws {
        try withServedAggregate { served in
            let client = try served.mount()

            #expect(throws: Errno.invalidArgument) { try client.getattr(NodeID(rawValue: 99_999)) }
            #expect(throws: Errno.invalidArgument) { try client.lookup(NodeID(rawValue: .max), "x") }
        }
    }

    @Test func answersAHandleItDoesNotKnowWithEBADF() throws {
        try withServedAggregate { served in
            try served.folder.write("file", "content")
            let client = try served.mount()
            let file = try client.walk(.root, "\(served.name)/file").node

            #expect(throws: Errno.badFileDescriptor) {
                try client.read(file, HandleID(rawValue: 77_777), at: 0, count: 10)
            }
            #expect(throws: Errno.badFileDescriptor) { try client.write(file, HandleID(rawValue: .max), at: 0, [1]) }
        }
    }

    @Test func negotiatesWithGuestsOfEveryAge() throws {
        try withServedAggregate { served in
            let client = try FuseClient(try served.connect())

            let modern = try client.initialize()
            let short = try client.initialize(minor: 31, flags: [.maxPages, .bigWrites])
            let newer = try client.initialize(major: 8)

            let flags = InitFlags(low: modern.flags, high: modern.flags2)
            #expect(flags.isSuperset(of: [.extended, .maxPages, .parallelDirectoryOperations, .directIOAllowMmap]))
            #expect(flags.isSubset(of: FuseClient.linuxFlags))
            #expect(modern.major == 7)
            #expect(modern.minor >= 38)
            #expect(short.flags2 == 0)
            #expect(newer.major == 7)
            #expect(throws: Errno.self) { try client.initialize(major: 6) }
        }
    }

    /// Those that are odd, but may well be answered with success.
    private static let mayFail: Set<Attack> = [
        .readFromBeyond, .readOfEverything, .readdirOfEverything, .writeOfNothing, .getxattrOfEverything,
        .headerThatClaimsTooLittle, .initOfAnotherAge, .extensionsThatLie, .writeToBeyond,
    ]

    private static func request(
        _ attack: Attack, child: NodeID, file: NodeID, handle: HandleID
    ) -> (bytes: [UInt8], room: Int) {
        let getattr = HostileDriver.bytes(GetattrIn())
        func read(_ opcode: Opcode = .read, size: UInt32, offset: UInt64 = 0, handle: HandleID) -> [UInt8] {
            HostileDriver.request(
                opcode, node: opcode == .read ? file : child,
                HostileDriver.bytes(
                    ReadIn {
                        $0.handle = handle
                        $0.offset = offset
                        $0.size = size
                    }))
        }
        func write(size: UInt32, offset: UInt64 = 0, _ data: [UInt8]) -> [UInt8] {
            HostileDriver.request(
                .write, node: file,
                HostileDriver.bytes(
                    WriteIn {
                        $0.handle = handle
                        $0.offset = offset
                        $0.size = size
                    }) + data)
        }
        func forget(_ node: NodeID, _ count: UInt64) -> [UInt8] {
            HostileDriver.request(.forget, node: node, HostileDriver.bytes(ForgetIn { $0.count = count }))
        }
        let name = [UInt8]("name".utf8)
        let whole = 16 + EntryOut.byteCount
        switch attack {
        case .emptyRequest: return ([], 4096)
        case .eightByteHeader: return ([8, 0, 0, 0, 3, 0, 0, 0], 4096)
        case .headerOneByteShort: return (Array(HostileDriver.request(.getattr).prefix(39)), 4096)
        case .headerThatClaimsTooMuch: return (HostileDriver.request(.getattr, length: .max, getattr), 4096)
        case .headerThatClaimsTooLittle: return (HostileDriver.request(.getattr, length: 8, getattr), 4096)
        case .headerThatClaimsNothing: return (HostileDriver.request(.getattr, length: 0, getattr), 4096)
        case .nameWithoutEnd: return (HostileDriver.request(.lookup, node: child, name), whole)
        case .noName: return (HostileDriver.request(.lookup, node: child), whole)
        case .oneNameOfTwo:
            return (
                HostileDriver.request(
                    .rename, node: child, HostileDriver.bytes(RenameIn { $0.newParent = child }) + name + [0]), 16
            )
        case .linkTargetWithoutEnd: return (HostileDriver.request(.symlink, node: child, name + [0] + name), whole)
        case .replyRoomForHalfAnEntry:
            return (HostileDriver.request(.lookup, node: child, [0x66, 0x69, 0x6C, 0x65, 0]), 80)
        case .replyRoomForHalfAHeader: return (HostileDriver.request(.getattr, getattr), 8)
        case .noReplyRoom: return (HostileDriver.request(.getattr, getattr), 0)
        case .unknownOpcode: return (HostileDriver.request(Opcode(rawValue: 4096)), 4096)
        case .greatestOpcode: return (HostileDriver.request(Opcode(rawValue: .max)), 4096)
        case .unknownNode: return (HostileDriver.request(.getattr, node: NodeID(rawValue: 1 << 40), getattr), 4096)
        case .greatestNode: return (HostileDriver.request(.getattr, node: NodeID(rawValue: .max), getattr), 4096)
        case .readOfEverything: return (read(size: .max, handle: handle), 4096)
        case .readOfAnUnknownHandle: return (read(size: 16, handle: HandleID(rawValue: .max)), 4096)
        case .readFromBeyond: return (read(size: 16, offset: .max, handle: handle), 4096)
        case .readdirOfEverything: return (read(.readdir, size: .max, offset: .max, handle: handle), 4096)
        case .writeOfMoreThanWasSent: return (write(size: 1 << 20, [1, 2, 3]), 4096)
        case .writeToBeyond: return (write(size: 3, offset: .max - 1, [1, 2, 3]), 4096)
        case .writeOfNothing: return (write(size: 0, []), 4096)
        case .batchForgetThatLies:
            return (HostileDriver.request(.batchForget, HostileDriver.bytes(BatchForgetIn { $0.count = 1000 })), 0)
        case .batchForgetOfEverything:
            return (HostileDriver.request(.batchForget, HostileDriver.bytes(BatchForgetIn { $0.count = .max })), 0)
        case .forgetOfTheUnknown: return (forget(NodeID(rawValue: 12_345), 1), 0)
        case .forgetOfTheRoot: return (forget(.root, .max), 0)
        case .forgetTooMany: return (forget(file, .max), 0)
        case .setxattrThatLies:
            return (
                HostileDriver.request(
                    .setxattr, node: file,
                    HostileDriver.bytes(SetxattrIn { $0.size = .max }) + [UInt8]("user.x".utf8) + [0, 1, 2]), 16
            )
        case .getxattrOfEverything:
            return (
                HostileDriver.request(
                    .getxattr, node: file,
                    HostileDriver.bytes(GetxattrIn { $0.size = .max }) + [UInt8]("user.x".utf8) + [0]), 4096
            )
        case .shortInit: return (HostileDriver.request(.initialize, [7, 0, 0, 0]), 80)
        case .initOfAnotherAge:
            return (HostileDriver.request(.initialize, HostileDriver.bytes(InitIn { $0.major = .max })), 80)
        case .interrupt:
            return (HostileDriver.request(.interrupt, HostileDriver.bytes(InterruptIn { $0.unique = 1 })), 0)
        case .notifyReply: return (HostileDriver.request(.notifyReply, [1, 2, 3]), 0)
        case .ioctlThatLies:
            return (
                HostileDriver.request(
                    .ioctl, node: file,
                    HostileDriver.bytes(
                        IoctlIn {
                            $0.handle = handle
                            $0.inSize = .max
                            $0.outSize = .max
                        })), 4096
            )
        case .extensionsThatLie:
            let header = InHeader {
                $0.length = 56
                $0.opcode = .getattr
                $0.unique = 1
                $0.node = .root
                $0.extensionLength = .max
            }
            return (HostileDriver.bytes(header) + getattr, 4096)
        }
    }
}
