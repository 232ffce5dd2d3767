import FUSE
import FileService
import Glibc
import SystemPackage
import Testing

/// What each policy lets a guest believe.
@Suite struct CachePolicyTests {
    /// A share of each policy in one aggregate, with a file, a link and a directory.
    private func shares() throws -> (HostDirectory, GuestClient) {
        let host = try HostDirectory()
        let aggregate = try Aggregate(access: .readWrite)
        for policy in CachePolicy.allCases {
            let name = policy.rawValue
            host.directory(name).directory("\(name)/d").file("\(name)/f", "hello")
            try aggregate.addChild(
                name: name, hostPath: FilePath(host.path(name)), access: .readWrite,
                options: ChildOptions(cache: policy))
        }
        let guest = try GuestClient(aggregate)
        guest.host = host
        return (host, guest)
    }

    @Test(arguments: [(.auto, 1), (.always, 86_400), (.never, 0), (.metadata, 86_400)] as [(CachePolicy, UInt64)])
    func saysHowLongNamesAndAttributesLast(policy: CachePolicy, seconds: UInt64) throws {
        let (_, guest) = try shares()
        let top = try guest.lookup(policy.rawValue)
        let root = top.node
        // A share may go at any time.
        #expect(top.entrySeconds == 0)
        #expect(top.attrSeconds == seconds)
        let made = try guest.create("new", in: root)
        let listed = try #require(guest.list(root, plus: true).first { $0.name == "f" }?.found)
        for entry in [try guest.lookup("f", in: root), made.entry, try guest.mkdir("e", in: root), listed] {
            #expect(entry.entrySeconds == seconds)
            #expect(entry.attrSeconds == seconds)
        }
        let file = try guest.lookup("f", in: root).node
        #expect(try guest.ask(guest.request(.getattr, file).adding(GetattrIn()), AttrOut.self).validSeconds == seconds)
        let changed = SetattrIn {
            $0.fields = .mode
            $0.mode = 0o600
        }
        #expect(try guest.ask(guest.request(.setattr, file).adding(changed), AttrOut.self).validSeconds == seconds)
        #expect(try guest.ask(guest.request(.statx, file).adding(StatxIn()), StatxOut.self).validSeconds == seconds)
    }

    @Test(arguments: CachePolicy.allCases)
    func keepsAbsenceAsLongAsNames(policy: CachePolicy) throws {
        let (host, guest) = try shares()
        let root = try guest.walk(policy.rawValue)
        let lookup = guest.request(.lookup, root).adding(name: "nothing")
        if policy == .never {
            #expect(try guest.send(lookup).errno == .noSuchFileOrDirectory)
        } else {
            let nothing = try guest.ask(lookup, EntryOut.self)
            #expect(nothing.node == .none)
            #expect(nothing.entrySeconds == (policy == .auto ? 1 : 86_400))
        }
        // What is not there costs the guest no reference.
        host.file("\(policy.rawValue)/nothing")
        #expect(try guest.lookup("nothing", in: root).node != .none)
    }

    @Test func keepsPagesByPolicy() throws {
        let (host, guest) = try shares()
        for (policy, first, later, changed) in [
            (CachePolicy.auto, [] as OpenReplyFlags, .keepCache, []),
            (.always, .keepCache, .keepCache, .keepCache),
            (.never, .directIO, .directIO, .directIO),
            (.metadata, .directIO, .directIO, .directIO),
        ] as [(CachePolicy, OpenReplyFlags, OpenReplyFlags, OpenReplyFlags)] {
            let root = try guest.walk(policy.rawValue)
            let old = [timeval(tv_sec: 1000, tv_usec: 0), timeval(tv_sec: 1000, tv_usec: 0)]
            #expect(utimes(host.path("\(policy.rawValue)/f"), old) == 0)
            // A change of the last moments might be followed by another with the same time.
            usleep(50_000)
            let file = try guest.lookup("f", in: root).node
            func flags(_ how: CInt = O_RDONLY) throws -> OpenReplyFlags {
                let opened = try guest.open(file, how)
                try guest.release(file, opened.handle)
                return opened.flags.subtracting(.noFlush)
            }
            _ = try flags()
            #expect(try flags() == later, "\(policy)")
            host.file("\(policy.rawValue)/f", "edited")
            #expect(try flags() == changed, "\(policy)")
            #expect(try flags(O_RDWR | O_TRUNC) == later.subtracting(.keepCache), "\(policy)")
            let made = try guest.create("g", in: root)
            #expect(made.open.flags.contains(.directIO) == first.contains(.directIO), "\(policy)")
        }
    }

    @Test(arguments: CachePolicy.allCases)
    func keepsListingsWithTheNamesInThem(policy: CachePolicy) throws {
        let (_, guest) = try shares()
        let directory = try guest.walk("\(policy.rawValue)/d")
        let opened: OpenOut = try guest.ask(guest.request(.opendir, directory).adding(OpenIn()))
        let kept: OpenReplyFlags = policy == .always || policy == .metadata ? [.cacheDirectory, .keepCache] : []
        #expect(opened.flags == kept)
        try guest.release(directory, opened.handle, directory: true)
    }
}
