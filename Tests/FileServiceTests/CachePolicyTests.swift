import CLinux
import FUSE
import FileService
import Glibc
import SystemPackage
import Testing

/// What the guest is told it may believe, by each policy; all of them on one device.
@Suite struct CachePolicyTests {
    /// A guest of an aggregate with a share of each policy, named by it: the same folder with a file, a link and a folder.
    private final class Shares {
        let host: HostDirectory
        let guest: GuestClient

        init() throws {
            host = try HostDirectory().directory("d").file("f", "content")
            symlink("f", host.path("link"))
            let aggregate = try Aggregate(access: .readWrite)
            for policy in CachePolicy.allCases {
                try aggregate.addChild(
                    name: policy.rawValue, hostPath: host.path, access: .readWrite,
                    options: ChildOptions(cache: policy))
            }
            guest = try GuestClient(aggregate)
        }

        func root(_ policy: CachePolicy) throws -> NodeID { try guest.lookup(policy.rawValue).node }
    }

    private static let day: UInt64 = 86_400

    @Test(arguments: [
        (CachePolicy.auto, UInt64(1)), (.always, day), (.never, 0), (.metadata, day),
    ]) func saysHowLongNamesAndAttributesMayBeBelieved(_ policy: CachePolicy, _ seconds: UInt64) throws {
        let shares = try Shares()
        let guest = shares.guest
        let root = try shares.root(policy)

        let found = try ["f", "link", "d"].map { try guest.lookup($0, in: root) }
        let handle = try guest.opendir(root)
        let listed = try guest.readdir(root, handle, plus: true).compactMap(\.found).filter { $0.node != .none }
        let made = [
            try guest.create("made", in: root).entry, try guest.mkdir("folder", in: root),
            try guest.symlink("other", to: "f", in: root), try guest.mknod("fifo", in: root, mode: 0o010644),
            try guest.link(found[0].node, to: "hard", in: root),
        ]
        for entry in found + listed + made {
            #expect(entry.entrySeconds == seconds && entry.entryNanoseconds == 0)
            #expect(entry.attrSeconds == seconds && entry.attrNanoseconds == 0)
        }
        #expect(listed.count == 3)

        let told = try guest.ask(guest.request(.getattr, found[0].node).adding(GetattrIn()), AttrOut.self)
        #expect(told.validSeconds == seconds && told.validNanoseconds == 0)
        let more = try guest.ask(
            guest.request(.statx, found[0].node).adding(StatxIn { $0.mask = 0xFFF }), StatxOut.self)
        #expect(more.validSeconds == seconds && more.validNanoseconds == 0)
        let change = SetattrIn {
            $0.fields = .mode
            $0.mode = 0o600
        }
        let changed = try guest.ask(guest.request(.setattr, found[0].node).adding(change), AttrOut.self)
        #expect(changed.validSeconds == seconds && changed.validNanoseconds == 0)
    }

    @Test(arguments: CachePolicy.allCases) func letsNoNameOfAShareItselfBeBelieved(_ policy: CachePolicy) throws {
        let shares = try Shares()
        let entry = try shares.guest.lookup(policy.rawValue)
        #expect(entry.entrySeconds == 0 && entry.entryNanoseconds == 0)
    }

    @Test(arguments: [
        (CachePolicy.auto, UInt64(1)), (.always, day), (.never, 0), (.metadata, 0),
    ]) func saysHowLongANameStaysAbsent(_ policy: CachePolicy, _ seconds: UInt64) throws {
        let shares = try Shares()
        let reply = try shares.guest.send(
            shares.guest.request(.lookup, shares.root(policy)).adding(name: "absent"), room: EntryOut.byteCount)

        guard seconds > 0 else {
            #expect(reply.errno == .noSuchFileOrDirectory)
            return
        }
        let entry = try #require(reply.structure(EntryOut.self))
        #expect(entry.node == .none)
        #expect(entry.entrySeconds == seconds && entry.entryNanoseconds == 0)
        // Nothing to be forgotten, and nothing that somebody would count as a failure.
        #expect(shares.guest.aggregate.activity.liveInodes == 0)
        #expect(shares.guest.aggregate.activity.errors == 0)
    }

    @Test(arguments: [
        (CachePolicy.always, OpenReplyFlags.keepCache), (.never, .directIO), (.metadata, .directIO),
    ]) func opensFilesByThePolicy(_ policy: CachePolicy, _ expected: OpenReplyFlags) throws {
        let shares = try Shares()
        let guest = shares.guest
        let root = try shares.root(policy)
        let node = try guest.lookup("f", in: root).node
        let decided: OpenReplyFlags = [.keepCache, .directIO]

        // The host changes it all the time; the policy says that this is not looked at.
        for flags in [O_RDONLY, O_RDWR, O_WRONLY] {
            shares.host.file("f", "other \(flags)")
            #expect(try guest.open(node, flags).flags.intersection(decided) == expected)
        }
        #expect(
            try guest.open(node, O_WRONLY | O_TRUNC).flags.intersection(decided) == expected.subtracting(.keepCache))
        let created = try guest.create("new", in: root).open
        #expect(created.flags.intersection(decided) == expected.subtracting(.keepCache))
    }

    @Test(arguments: CachePolicy.allCases) func opensDirectoriesByThePolicy(_ policy: CachePolicy) throws {
        let shares = try Shares()
        let root = try shares.root(policy)
        let opened = try shares.guest.ask(shares.guest.request(.opendir, root).adding(OpenIn()), OpenOut.self)
        #expect(opened.flags == (policy == .always || policy == .metadata ? [.cacheDirectory, .keepCache] : []))
    }

    @Test func asksForWhatEveryPolicyNeeds() throws {
        let guest = try GuestClient(Aggregate(access: .readWrite), begin: false)
        let reply = try guest.initialize()
        let flags = InitFlags(low: reply.flags, high: reply.flags2)
        #expect(flags.isSuperset(of: [.autoInvalidateData, .cacheSymlinks, .directIOAllowMmap]))
        #expect(flags.isDisjoint(with: [.writebackCache, .explicitInvalidateData]))
    }
}
