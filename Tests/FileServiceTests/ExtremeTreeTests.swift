import CLinux
import FUSE
import FileService
import Glibc
import Linux
import Synchronization
import SystemPackage
import TestSupport
import Testing

/// Names of every byte, very many of them, and very deep ones.
@Suite struct ExtremeTreeTests {
    /// The names in a directory, as bytes.
    private func names(_ guest: GuestClient, _ node: NodeID, plus: Bool = false) throws -> [[UInt8]] {
        let handle = try guest.opendir(node)
        var names: [[UInt8]] = []
        var cookie: UInt64 = 0
        while true {
            let body = ReadIn {
                $0.handle = handle
                $0.offset = cookie
                $0.size = 65_536
            }
            let reply = try guest.send(guest.request(plus ? .readdirplus : .readdir, node).adding(body), room: 65_536)
            if let errno = reply.errno { throw errno }
            if reply.body.isEmpty { break }
            reply.body.withUnsafeBytes { bytes in
                var decoder = DirectoryDecoder(bytes, plus: plus)
                while let element = decoder.next() {
                    names.append(Array(element.name))
                    cookie = element.entry.cookie
                }
            }
        }
        try guest.release(node, handle, directory: true)
        return names
    }

    @Test func takesNamesOfEveryByte() throws {
        let (_, guest, root) = try makeShare()
        let bytes = (1...255).map { UInt8($0) }.filter { $0 != UInt8(ascii: "/") }
        // 255 times each of them, and all together.
        let all =
            bytes.map { [UInt8](repeating: $0, count: 255) } + [Array(bytes.prefix(127)), Array(bytes.suffix(127))]

        for name in all {
            let body = CreateIn {
                $0.flags = UInt32(O_RDWR | O_CREAT | O_EXCL)
                $0.mode = 0o100644
            }
            let made: CreateOut = try guest.ask(
                guest.request(.create, root).adding(body).adding(bytes: name + [0]))
            try guest.write(made.entry.node, made.open.handle, Array(name.prefix(3)))
            try guest.release(made.entry.node, made.open.handle)
        }

        for plus in [false, true] {
            let listed = try names(guest, root, plus: plus).filter { $0 != Array(".".utf8) && $0 != Array("..".utf8) }
            #expect(listed.count == all.count)
            #expect(Set(listed) == Set(all))
        }
        for name in all {
            let found: EntryOut = try guest.ask(guest.request(.lookup, root).adding(bytes: name + [0]))
            let handle = try guest.open(found.node).handle
            #expect(try guest.read(found.node, handle) == Array(name.prefix(3)))
            try guest.release(found.node, handle)
            try guest.order(guest.request(.unlink, root).adding(bytes: name + [0]))
        }
        #expect(try names(guest, root).count == 2)
        let long = [UInt8](repeating: 0xFF, count: 256)
        let tooLong = guest.request(.lookup, root).adding(bytes: long + [0])
        #expect(refusal { _ = try guest.ask(tooLong, EntryOut.self) } == .fileNameTooLong)
    }

    @Test func reachesTheBottomOfATreeThatTheHostHasMade() throws {
        let depth = 1500
        let (host, guest, root) = try makeShare()
        var directory = Glibc.open(host.path.string, O_RDONLY | O_DIRECTORY)
        for _ in 0..<depth {
            #expect(mkdirat(directory, "down", 0o755) == 0)
            let next = openat(directory, "down", O_RDONLY | O_DIRECTORY)
            close(directory)
            directory = next
        }
        let file = openat(directory, "bottom", O_CREAT | O_WRONLY, 0o644)
        #expect(Glibc.write(file, "deep", 4) == 4)
        close(file)
        close(directory)

        var node = root
        for _ in 0..<depth { node = try guest.lookup("down", in: node).node }
        let bottom = try guest.lookup("bottom", in: node).node
        let handle = try guest.open(bottom).handle
        #expect(try guest.read(bottom, handle) == Array("deep".utf8))
        try guest.release(bottom, handle)
        // Up to the top, out of the deepest directory.
        try guest.rename("bottom", in: node, to: "top", in: root)
        #expect(host.content("top") == "deep")
    }

    @Test func listsALargeDirectoryWholeAndOnceWhileOthersComeAndGo() throws {
        let count = 50_000
        let host = try HostDirectory().directory("many")
        // Faster where the machine allows it, and the directory of another kind.
        let mount = TestMount.isAllowed ? try TestMount("tmpfs", at: host.path("many"), options: "size=256m") : nil
        let path = host.path("many")
        for index in 0..<count { close(open("\(path)/keep-\(index)", O_CREAT | O_WRONLY, 0o644)) }
        let aggregate = try Aggregate(access: .readWrite)
        try aggregate.addChild(name: "share", hostPath: FilePath(path), access: .readWrite)
        let guest = try GuestClient(aggregate)
        let root = try guest.walk("share")
        let rounds = try withChurn(in: path) {
            for plus in [false, true] {
                let listed = try names(guest, root, plus: plus)
                let kept = listed.filter { $0.starts(with: "keep-".utf8) }
                #expect(kept.count == count)
                #expect(Set(kept).count == count)
                #expect(Set(listed).count == listed.count)
            }
        }
        #expect(rounds > 0)
        // READDIRPLUS made a node of each, and none needs a descriptor.
        #expect(aggregate.activity.liveInodes >= count)
        #expect(host.openDescriptors() <= 2)
        try aggregate.removeChild(named: "share", revoke: true)
        withExtendedLifetime(mount) {}
    }

    /// Makes and removes files in a directory while `body` runs.
    ///
    /// - Returns: How often.
    private func withChurn(in path: String, _ body: () throws -> Void) throws -> Int {
        final class Shared: Sendable {
            let isDone = Atomic<Bool>(false)
            let rounds = Atomic<Int>(0)
        }
        let shared = Shared()
        let churn = try Linux.Thread(name: "churn") {
            var round = 0
            while !shared.isDone.load(ordering: .relaxed) {
                let name = "\(path)/come-\(round % 500)"
                if round / 500 % 2 == 0 { close(open(name, O_CREAT | O_WRONLY, 0o644)) } else { unlink(name) }
                round += 1
                shared.rounds.store(round, ordering: .relaxed)
            }
        }
        defer { churn.join() }
        defer { shared.isDone.store(true, ordering: .relaxed) }
        try body()
        return shared.rounds.load(ordering: .relaxed)
    }
}
