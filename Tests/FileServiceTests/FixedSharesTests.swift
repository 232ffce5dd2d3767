import CLinux
import FUSE
import FileService
import Glibc
import SystemPackage
import Testing

/// Shares that nobody changes, whose guest opens nothing.
@Suite struct FixedSharesTests {
    private static let options = ChildOptions(cache: .always)

    private final class Scene {
        let host: HostDirectory
        let guest: GuestClient
        let root: NodeID

        init(files: Int = 1) throws {
            host = try HostDirectory().directory("d").file("d/inner")
            for number in 0..<files { host.file("f\(number)", "content \(number)") }
            let aggregate = try Aggregate(access: .readOnly, caching: .fixed)
            try aggregate.addChild(name: "share", hostPath: host.path, access: .readOnly, options: options)
            guest = try GuestClient(aggregate)
            root = try guest.lookup("share").node
        }
    }

    @Test func refusesToOpenForGood() throws {
        let scene = try Scene()
        let node = try scene.guest.lookup("f0", in: scene.root).node
        #expect(refusal { _ = try scene.guest.open(node) } == .noFunction)
        #expect(refusal { _ = try scene.guest.opendir(scene.root) } == .noFunction)
        #expect(refusal { _ = try scene.guest.opendir(.root) } == .noFunction)
        #expect(refusal { try scene.guest.order(scene.guest.request(.flush, node).adding(FlushIn())) } == .noFunction)
    }

    @Test func opensForAGuestThatDoesNotGoOnWithout() throws {
        let host = try HostDirectory().file("f", "content")
        let aggregate = try Aggregate(access: .readOnly, caching: .fixed)
        try aggregate.addChild(name: "share", hostPath: host.path, access: .readOnly, options: Self.options)
        let guest = try GuestClient(aggregate, begin: false)
        let hello = InitIn {
            $0.major = 7
            $0.minor = 41
            $0.flags = 0x7BFF_FFFB & ~InitFlags.noOpenSupport.low
        }
        _ = try guest.ask(
            guest.request(.initialize).adding(hello).adding(InitExtension { $0.flags2 = 0x1FF }), InitOut.self)

        let node = try guest.walk("share/f")
        let handle = try guest.open(node).handle
        #expect(handle != .none)
        #expect(try guest.read(node, handle) == Array("content".utf8))
        #expect(refusal { _ = try guest.read(node, .none) } == .badFileDescriptor)
    }

    @Test func readsAndListsWhatIsNotOpen() throws {
        let scene = try Scene()
        let guest = scene.guest
        let node = try guest.lookup("f0", in: scene.root).node
        #expect(try guest.read(node, .none) == Array("content 0".utf8))
        #expect(try guest.read(node, .none, offset: 8) == Array("0".utf8))
        #expect(try guest.getattr(node, handle: HandleID.none).size == 9)
        try guest.order(guest.request(.fsync, node).adding(FsyncIn()))

        for _ in 0..<2 {
            let names = try guest.readdir(scene.root, .none).map(\.name)
            #expect(Set(names) == [".", "..", "d", "f0"])
            #expect(try guest.readdir(.root, .none).map(\.name) == [".", "..", "share"])
        }
        let first = try guest.readdir(scene.root, .none, size: 64)
        let rest = try guest.readdir(scene.root, .none, from: try #require(first.last).cookie)
        #expect(first.count + rest.count == 4)
        #expect(refusal { _ = try guest.read(scene.root, .none) } == .badFileDescriptor)
        #expect(refusal { _ = try guest.readdir(node, .none) } == .badFileDescriptor)
    }

    @Test func opensNothingButFilesAndDirectories() throws {
        let scene = try Scene()
        mkfifo(scene.host.path("fifo"), 0o644)
        symlink("f0", scene.host.path("link"))
        for name in ["fifo", "link"] {
            let node = try scene.guest.lookup(name, in: scene.root).node
            #expect(refusal { _ = try scene.guest.read(node, .none) } == .noSuchAddressOrDevice)
        }
    }

    @Test func refusesEveryChange() throws {
        let scene = try Scene()
        let node = try scene.guest.lookup("f0", in: scene.root).node
        #expect(refusal { try scene.guest.write(node, .none, [1]) } == .readOnlyFileSystem)
        #expect(refusal { _ = try scene.guest.create("new", in: scene.root) } == .readOnlyFileSystem)
        #expect(scene.host.content("f0") == "content 0")
    }

    @Test func keepsFewFilesOpenAndNoneThatIsForgotten() throws {
        let scene = try Scene(files: 600)
        var nodes: [NodeID] = []
        for number in 0..<600 {
            let node = try scene.guest.lookup("f\(number)", in: scene.root).node
            #expect(try scene.guest.read(node, .none) == Array("content \(number)".utf8))
            nodes.append(node)
        }
        let open = scene.guest.aggregate.activity.openHandles
        #expect(open > 0 && open <= 256)
        // One that was closed meanwhile is opened again.
        #expect(try scene.guest.read(nodes[0], .none) == Array("content 0".utf8))

        for node in nodes { scene.guest.forget(node) }
        #expect(scene.guest.aggregate.activity.openHandles == 0)
        #expect(refusal { _ = try scene.guest.read(nodes[599], .none) } == .invalidArgument)
    }

    @Test func closesAllWhenTheShareIsRevoked() throws {
        let scene = try Scene()
        let node = try scene.guest.lookup("f0", in: scene.root).node
        _ = try scene.guest.read(node, .none)
        try scene.guest.aggregate.removeChild(named: "share", revoke: true)
        #expect(refusal { _ = try scene.guest.read(node, .none) } == .staleNFSFileHandle)
        #expect(scene.guest.aggregate.activity.openHandles == 0)
    }

    @Test func takesOnlySharesThatAreFixed() throws {
        let host = try HostDirectory()
        let fixed = try Aggregate(access: .readOnly, caching: .fixed)
        for options in [ChildOptions(), ChildOptions(cache: .metadata), ChildOptions(locks: .host, cache: .always)] {
            let error = #expect(throws: AddChildError.self) {
                try fixed.addChild(name: "share", hostPath: host.path, access: .readOnly, options: options)
            }
            #expect(error?.reason == .caching)
        }
        // The other way round it only costs requests.
        let ordinary = try Aggregate(access: .readOnly)
        try ordinary.addChild(name: "share", hostPath: host.path, access: .readOnly, options: Self.options)
        let guest = try GuestClient(ordinary)
        #expect(try guest.opendir(guest.walk("share")) != .none)
    }
}
