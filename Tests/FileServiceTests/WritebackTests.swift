import CLinux
import FUSE
import FileService
import Glibc
import SystemPackage
import Testing

/// Shares whose guest buffers writes.
@Suite struct WritebackTests {
    private final class Scene {
        let host: HostDirectory
        let guest: GuestClient
        let root: NodeID

        init() throws {
            host = try HostDirectory().file("f", "content")
            let aggregate = try Aggregate(access: .readWrite, caching: .writeback)
            try aggregate.addChild(
                name: "share", hostPath: host.path, access: .readWrite, options: ChildOptions(buffersWrites: true))
            guest = try GuestClient(aggregate)
            root = try guest.lookup("share").node
        }
    }

    @Test func isAskedForWhereTheSharesHaveItAndNowhereElse() throws {
        for buffers in [true, false] {
            let guest = try GuestClient(
                Aggregate(access: .readWrite, caching: buffers ? .writeback : .ordinary), begin: false)
            let reply = try guest.initialize()
            #expect(InitFlags(low: reply.flags, high: reply.flags2).contains(.writebackCache) == buffers)
        }
    }

    @Test(arguments: [true, false]) func doesNotMixInADevice(_ buffers: Bool) throws {
        let host = try HostDirectory()
        let aggregate = try Aggregate(access: .readWrite, caching: buffers ? .writeback : .ordinary)
        let error = #expect(throws: AddChildError.self) {
            try aggregate.addChild(
                name: "share", hostPath: host.path, access: .readWrite, options: ChildOptions(buffersWrites: !buffers))
        }
        #expect(error?.reason == .caching)
        #expect(error?.errno == .invalidArgument)
        #expect(aggregate.childCount == 0)
    }

    @Test func readsThroughAHandleThatOnlyWrites() throws {
        let scene = try Scene()
        let node = try scene.guest.lookup("f", in: scene.root).node
        let handle = try scene.guest.open(node, O_WRONLY).handle
        #expect(try scene.guest.read(node, handle) == Array("content".utf8))

        let made = try scene.guest.create("made", in: scene.root, flags: O_WRONLY)
        try scene.guest.write(made.entry.node, made.open.handle, Array("new".utf8))
        #expect(try scene.guest.read(made.entry.node, made.open.handle) == Array("new".utf8))
    }

    @Test func writesThroughAHandleOfAFileThatNobodyMayRead() throws {
        // Root may read everything.
        guard getuid() != 0 else { return }
        let scene = try Scene()
        chmod(scene.host.path("f"), 0o200)
        let node = try scene.guest.lookup("f", in: scene.root).node
        let handle = try scene.guest.open(node, O_WRONLY).handle
        #expect(try scene.guest.write(node, handle, Array("C".utf8)) == 1)
        #expect(refusal { _ = try scene.guest.read(node, handle) } == .badFileDescriptor)
    }

    @Test func writesWhereTheGuestSaysAndNotWhereTheFileEnds() throws {
        let scene = try Scene()
        let node = try scene.guest.lookup("f", in: scene.root).node
        let handle = try scene.guest.open(node, O_WRONLY | O_APPEND).handle
        // The guest has ten bytes of it, the host seven so far; direct I/O appends after them.
        try scene.guest.write(node, handle, Array("tail".utf8), offset: 10, flags: O_WRONLY | O_APPEND)
        try scene.guest.write(node, handle, Array("...".utf8), offset: 7, writeFlags: .cache)
        #expect(scene.host.content("f") == "content...tail")
    }

    @Test func takesTheTimesThatTheGuestHasGivenAFile() throws {
        let scene = try Scene()
        let made = try scene.guest.create("made", in: scene.root)
        try scene.guest.write(made.entry.node, made.open.handle, Array("x".utf8), writeFlags: .cache)
        let changed = try scene.guest.setattr(made.entry.node) {
            $0.fields = [.mtime, .ctime, .handle]
            $0.handle = made.open.handle
            $0.mtime = 1_000_000_000
            $0.mtimeNanoseconds = 5
            $0.ctime = 1_000_000_000
        }
        #expect(changed.mtime == 1_000_000_000 && changed.mtimeNanoseconds == 5)
        #expect(scene.host.status("made")?.st_mtim.tv_sec == 1_000_000_000)
    }

    @Test(.enabled(if: access("/sys/kernel", F_OK) == 0)) func isSparedFlushWhereClosingHasNothingToSay() throws {
        let scene = try Scene()
        let aggregate = scene.guest.aggregate
        let node = try scene.guest.lookup("f", in: scene.root).node
        let handle = try scene.guest.open(node, O_RDWR).handle
        let flush = FlushIn { $0.handle = handle }
        #expect(refusal { try scene.guest.order(scene.guest.request(.flush, node).adding(flush)) } == .noFunction)

        // sysfs stands for a file system whose close(2) may have something to say.
        func addOther() throws {
            try aggregate.addChild(
                name: "other", hostPath: "/sys/kernel", access: .readWrite, options: ChildOptions(buffersWrites: true))
        }
        let error = #expect(throws: AddChildError.self) { try addOther() }
        #expect(error?.reason == .notNegotiated)
        try scene.guest.order(scene.guest.request(.destroy))
        try addOther()
        try scene.guest.initialize()
        let again = try scene.guest.walk("share/f")
        let open = FlushIn { $0.handle = (try? scene.guest.open(again, O_RDWR).handle) ?? .none }
        try scene.guest.order(scene.guest.request(.flush, again).adding(open))
    }

    @Test func keepsPagesThatTheGuestHasWrittenItself() throws {
        let scene = try Scene()
        let made = try scene.guest.create("made", in: scene.root)
        try scene.guest.write(made.entry.node, made.open.handle, Array("x".utf8), writeFlags: .cache)
        try scene.guest.release(made.entry.node, made.open.handle)
        #expect(try scene.guest.open(made.entry.node).flags.contains(.keepCache))
        #expect(try scene.guest.open(made.entry.node, O_RDWR | O_TRUNC).flags.contains(.keepCache) == false)
    }
}

/// Options that exclude each other.
@Suite struct ChildOptionsTests {
    @Test func refusesWritebackWhereNothingIsWrittenOrCached() {
        #expect(ChildOptions(buffersWrites: true).conflict(with: .readWrite) == nil)
        #expect(ChildOptions(cache: .always, buffersWrites: true).conflict(with: .readWrite) == nil)
        #expect(ChildOptions(buffersWrites: true).conflict(with: .readOnly) != nil)
        #expect(ChildOptions(cache: .never, buffersWrites: true).conflict(with: .readWrite) != nil)
        #expect(ChildOptions(cache: .metadata, buffersWrites: true).conflict(with: .readWrite) != nil)
        #expect(ChildOptions(cache: .never).conflict(with: .readOnly) == nil)
    }

    @Test(arguments: CachePolicy.allCases) func readsAndWritesItsTexts(_ policy: CachePolicy) throws {
        var options = ChildOptions()
        try options.set("cache=\(policy.rawValue)")
        #expect(options == ChildOptions(cache: policy))
        #expect(options.texts == (policy == .auto ? [] : ["cache=\(policy.rawValue)"]))
        try options.set("writeback")
        #expect(options.buffersWrites && options.texts.last == "writeback")
    }

    @Test(arguments: ["cache", "cache=", "cache=none", "writeback=on"]) func refusesOtherTexts(_ text: String) {
        var options = ChildOptions()
        #expect(throws: ChildOptions.Malformed.self) { try options.set(text) }
        #expect(options == ChildOptions())
    }
}
