import CLinux
import FUSE
import FileService
import Glibc
import Linux
import Sandbox
import SystemPackage
import Testing

/// POSIX access control lists, where a share has its guest go by them.
@Suite struct AccessListTests {
    private static let access = "system.posix_acl_access"
    private static let byDefault = "system.posix_acl_default"

    /// A list as setxattr(2) takes it: tags, permissions and ids of <linux/posix_acl_xattr.h>.
    private static func list(_ entries: [(tag: UInt16, permissions: UInt16, id: UInt32)]) -> [UInt8] {
        var bytes: [UInt8] = withUnsafeBytes(of: UInt32(2)) { Array($0) }
        for entry in entries {
            bytes += withUnsafeBytes(of: entry.tag) { Array($0) }
            bytes += withUnsafeBytes(of: entry.permissions) { Array($0) }
            bytes += withUnsafeBytes(of: entry.id) { Array($0) }
        }
        return bytes
    }

    /// All for the owner, for user 1234 and for the group's mask; nothing for others.
    private static let shared = list([
        (0x01, 7, .max), (0x02, 7, 1234), (0x04, 5, .max), (0x10, 7, .max), (0x20, 0, .max),
    ])

    /// Runs a guest of a share on a thread that is set up as workers are.
    private func onWorker(
        enforcing: Bool = true, _ body: @escaping @Sendable (GuestClient, NodeID) throws -> Void
    ) throws -> HostDirectory {
        let host = try HostDirectory().directory("listed").directory("plain")
        try FileServiceTests.onWorker(host, options: ChildOptions(enforcesAccessLists: enforcing)) { guest, root, _ in
            try body(guest, root)
        }
        return host
    }

    private static func setxattr(
        _ guest: GuestClient, _ node: NodeID, _ name: String, _ value: [UInt8], killing: Bool = false
    ) throws {
        let body = SetxattrIn { $0.size = UInt32(value.count) }
        let more = SetxattrExtension { $0.setxattrFlags = killing ? 1 : 0 }
        try guest.order(
            guest.request(.setxattr, node).adding(body).adding(more).adding(name: name).adding(bytes: value))
    }

    /// Makes one of each kind under a umask.
    private static func makeAll(_ guest: GuestClient, in directory: NodeID, umask: UInt32) throws {
        let create = CreateIn {
            $0.flags = UInt32(bitPattern: O_RDWR | O_CREAT)
            $0.mode = 0o100666
            $0.umask = umask
        }
        _ = try guest.ask(guest.request(.create, directory).adding(create).adding(name: "file"), CreateOut.self)
        let mkdir = MkdirIn {
            $0.mode = 0o777
            $0.umask = umask
        }
        _ = try guest.ask(guest.request(.mkdir, directory).adding(mkdir).adding(name: "directory"), EntryOut.self)
        let mknod = MknodIn {
            $0.mode = UInt32(S_IFIFO) | 0o666
            $0.umask = umask
        }
        _ = try guest.ask(guest.request(.mknod, directory).adding(mknod).adding(name: "fifo"), EntryOut.self)
        let nameless = try guest.ask(
            guest.request(.tmpfile, directory).adding(create).adding(name: "/"), CreateOut.self)
        _ = try guest.link(nameless.entry.node, to: "nameless", in: directory)
    }

    private func modes(_ host: HostDirectory, in directory: String) -> [mode_t?] {
        ["file", "directory", "fifo", "nameless"].map { host.status("\(directory)/\($0)").map { $0.st_mode & 0o7777 } }
    }

    @Test func letsADirectorysDefaultListDecideInPlaceOfTheUmask() throws {
        let host = try onWorker { guest, root in
            let listed = try guest.lookup("listed", in: root).node
            try Self.setxattr(guest, listed, Self.byDefault, Self.shared)
            try Self.makeAll(guest, in: listed, umask: 0o077)
            try Self.makeAll(guest, in: guest.lookup("plain", in: root).node, umask: 0o027)
            // What was made has the list too, and the directory hands it on.
            let file = try guest.lookup("file", in: listed).node
            let made = try guest.lookup("directory", in: listed).node
            #expect(try guest.getxattr(file, Self.access).count == Self.shared.count)
            #expect(try guest.getxattr(made, Self.byDefault) == Self.shared)
            #expect(refusal { _ = try guest.getxattr(root, Self.access) } == .noData)
        }
        #expect(modes(host, in: "listed") == [0o660, 0o770, 0o660, 0o660])
        #expect(modes(host, in: "plain") == [0o640, 0o750, 0o640, 0o640])
    }

    @Test func leavesTheUmaskToAGuestThatDoesNotGoByLists() throws {
        let host = try onWorker(enforcing: false) { guest, root in
            let plain = try guest.lookup("plain", in: root).node
            try Self.makeAll(guest, in: plain, umask: 0o077)
            // Kept all the same.
            try guest.setxattr(plain, Self.access, Self.shared)
            #expect(try guest.getxattr(plain, Self.access) == Self.shared)
        }
        #expect(modes(host, in: "plain") == [0o666, 0o777, 0o666, 0o666])
    }

    @Test func appliesTheUmaskItselfWhereItsThreadHasNone() throws {
        let host = try HostDirectory().directory("plain")
        let aggregate = try Aggregate(access: .readWrite)
        try aggregate.addChild(
            name: "share", hostPath: host.path, access: .readWrite, options: ChildOptions(enforcesAccessLists: true))
        let guest = try GuestClient(aggregate)
        try Self.makeAll(guest, in: guest.walk("share/plain"), umask: 0o077)
        #expect(modes(host, in: "plain") == [0o600, 0o700, 0o600, 0o600])
    }

    @Test func clearsSetGroupIDWithAListWhenAskedTo() throws {
        let host = try onWorker { guest, root in
            for (name, isKilling) in [("kept", false), ("killed", true)] {
                let node = try guest.create(name, in: root).entry.node
                guest.host.map { _ = chmod($0.path(name), 0o2775) }
                try Self.setxattr(guest, node, Self.access, Self.shared, killing: isKilling)
            }
        }
        #expect(host.status("kept").map { $0.st_mode & 0o7777 } == 0o2770)
        #expect(host.status("killed").map { $0.st_mode & 0o7777 } == (getuid() == 0 ? 0o770 : 0o2770))
    }

    @Test func hasNoListsWhereTheHostsFileSystemHasNone() throws {
        for isEnforcing in [false, true] {
            let aggregate = try Aggregate(access: .readOnly)
            try aggregate.addChild(
                name: "share", hostPath: "/proc/self", access: .readOnly,
                options: ChildOptions(enforcesAccessLists: isEnforcing))
            let guest = try GuestClient(aggregate)
            let refused = refusal { _ = try guest.getxattr(guest.walk("share"), Self.access) }
            #expect(refused == (isEnforcing ? .noData : .notSupported))
            #expect(refusal { _ = try guest.getxattr(guest.walk("share"), "user.x") } == .notSupported)
        }
    }

    @Test func isNegotiatedOnlyWhereAShareWantsItAndTheGuestKnowsIt() throws {
        let (host, guest, _) = try makeShare()
        let add = {
            try guest.aggregate.addChild(
                name: "late", hostPath: host.path, access: .readWrite, options: ChildOptions(enforcesAccessLists: true))
        }
        let told = try guest.initialize()
        #expect(InitFlags(low: told.flags, high: 0).isDisjoint(with: Negotiation.accessLists))
        let refused = #expect(throws: AddChildError.self) { try add() }
        #expect(refused?.reason == .notNegotiated && refused?.errno == .resourceBusy)
        try guest.order(guest.request(.destroy))
        _ = try add()
        let again = try guest.initialize()
        #expect(InitFlags(low: again.flags, high: 0).isSuperset(of: Negotiation.accessLists))
        let old = InitIn {
            $0.major = 7
            $0.minor = 31
            $0.flags = 0x7BFF_FFFB & ~(1 << 20)
        }
        let less = try guest.ask(guest.request(.initialize).adding(old), InitOut.self)
        #expect(!InitFlags(low: less.flags, high: 0).contains(.posixACL))
    }
}
