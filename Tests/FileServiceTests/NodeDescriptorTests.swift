import CLinux
import FUSE
import Glibc
import Linux
import Synchronization
import SystemPackage
import Testing

@testable import FileService

/// Nodes without descriptors: a guest may know more inodes than the launcher may have files open.
@Suite struct NodeDescriptorTests {
    /// A share whose guest may make the launcher hold few descriptors.
    private func makeSmallShare(
        limit: Int = 64, _ prepare: (HostDirectory) throws -> Void = { _ in }
    ) throws -> (HostDirectory, GuestClient, NodeID) {
        let host = try HostDirectory()
        try prepare(host)
        let aggregate = try Aggregate(access: .readWrite, descriptorLimit: limit)
        try aggregate.addChild(name: "share", hostPath: host.path, access: .readWrite)
        let guest = try GuestClient(aggregate)
        guest.host = host
        return (host, guest, try guest.walk("share"))
    }

    /// Makes the pool's hand come by often enough that whatever is not in use loses its descriptor.
    private func evict(_ guest: GuestClient, in root: NodeID) throws {
        var nodes: [NodeID] = []
        for index in 0..<200 {
            let made = try guest.create("evict-\(index)", in: root)
            try guest.release(made.entry.node, made.open.handle)
            nodes.append(made.entry.node)
        }
        for (index, node) in nodes.enumerated() {
            try guest.unlink("evict-\(index)", in: root)
            guest.forget(node)
        }
    }

    private func content(_ guest: GuestClient, _ node: NodeID) throws -> String {
        let handle = try guest.open(node).handle
        defer { try? guest.release(node, handle) }
        return String(decoding: try guest.read(node, handle), as: UTF8.self)
    }

    private func write(_ guest: GuestClient, _ name: String, _ text: String, in parent: NodeID) throws -> NodeID {
        let made = try guest.create(name, in: parent)
        try guest.write(made.entry.node, made.open.handle, Array(text.utf8))
        try guest.release(made.entry.node, made.open.handle)
        return made.entry.node
    }

    // MARK: Many

    @Test func knowsMoreInodesThanItMayHold() throws {
        let (host, guest, root) = try makeSmallShare { host in
            for outer in 0..<50 {
                host.directory("d\(outer)")
                for inner in 0..<100 { host.file("d\(outer)/f\(inner)", "\(outer)/\(inner)") }
            }
        }
        var known: [(node: NodeID, text: String)] = []
        for outer in try guest.list(root, plus: true) where outer.name.hasPrefix("d") {
            let directory = try #require(outer.found).node
            for inner in try guest.list(directory, plus: true) where inner.name.hasPrefix("f") {
                let node = try #require(inner.found).node
                known.append((node, "\(outer.name.dropFirst())/\(inner.name.dropFirst())"))
            }
        }
        #expect(known.count == 5000)
        // A copy, every node of it remembered.
        let copy = try guest.mkdir("copy", in: root).node
        var copies: [NodeID] = []
        var directories: [NodeID] = []
        for outer in 0..<50 { directories.append(try guest.mkdir("d\(outer)", in: copy).node) }
        for (index, file) in known.enumerated() {
            let text = try content(guest, file.node)
            #expect(text == file.text)
            copies.append(try write(guest, "f\(index)", text, in: directories[index % 50]))
        }
        for (file, node) in zip(known, copies) {
            #expect(try guest.getattr(node).size == UInt64(file.text.utf8.count))
        }
        for index in stride(from: 0, to: copies.count, by: 7) {
            #expect(try content(guest, copies[index]) == known[index].text)
        }
        #expect(host.openDescriptors() <= 64 + 1)
    }

    @Test func opensNothingToLookAndToTellAttributes() throws {
        let (host, guest, root) = try makeSmallShare { host in
            for index in 0..<100 { host.file("f\(index)", "x") }
        }
        for entry in try guest.list(root, plus: true) where entry.name.hasPrefix("f") {
            let node = try guest.lookup(entry.name, in: root).node
            #expect(try guest.getattr(node).size == 1)
        }
        #expect(host.openDescriptors() == 1)
    }

    @Test func findsANodeBelowDirectoriesDeeperThanTheBudget() throws {
        let (_, guest, root) = try makeSmallShare(limit: 16)
        var node = root
        for _ in 0..<300 { node = try guest.mkdir("d", in: node).node }
        let file = try write(guest, "deep", "down", in: node)
        try evict(guest, in: root)
        #expect(try content(guest, file) == "down")
    }

    @Test func letsGoOfAVeryDeepTreeFromBelow() throws {
        let (_, guest, root) = try makeSmallShare { host in host.directory("d") }
        var node = try guest.lookup("d", in: root).node
        var all = [node]
        for _ in 0..<3000 {
            node = try guest.mkdir("d", in: node).node
            all.append(node)
        }
        for node in all.dropLast() { guest.forget(node) }
        #expect(try guest.getattr(node).linkCount == 2)
        // On a worker's small stack: one directory must not be let go of within the other.
        let (aggregate, last) = (guest.aggregate, node)
        let worker = try Thread(name: "queue") {
            guard let mine = try? GuestClient(aggregate, begin: false) else { return }
            mine.forget(last)
        }
        worker.join()
        #expect(refusal { _ = try guest.getattr(last) } == .invalidArgument)
    }

    @Test func refusesOnlyWhenEverythingIsInUse() throws {
        let (_, guest, root) = try makeSmallShare(limit: 16) { $0.file("x", "text").directory("d").file("d/x") }
        let (file, node) = (try guest.lookup("x", in: root).node, try guest.lookup("d", in: root).node)
        var handles: [HandleID] = []
        var error: Errno?
        while error == nil, handles.count < 100 {
            error = refusal {
                handles.append(try guest.opendir(node))
                // Listings that are under way.
                _ = try guest.readdir(node, handles[handles.count - 1], size: 64)
            }
        }
        #expect(error == .tooManyOpenFilesInSystem)
        #expect(handles.count == 15)
        #expect(refusal { _ = try guest.open(file) } == .tooManyOpenFilesInSystem)
        for handle in handles { try guest.release(node, handle, directory: true) }
        #expect(try content(guest, file) == "text")
    }

    // MARK: Names the guest takes away

    @Test func keepsWhatTheGuestUnlinksWhileItKnowsIt() throws {
        let (host, guest, root) = try makeSmallShare { host in
            host.file("known", "known").file("open", "open").file("over", "over").file("new", "new").directory("empty")
        }
        let known = try guest.lookup("known", in: root).node
        let open = try guest.lookup("open", in: root).node
        let over = try guest.lookup("over", in: root).node
        let new = try guest.lookup("new", in: root).node
        let empty = try guest.lookup("empty", in: root).node
        let handle = try guest.open(open).handle
        try guest.unlink("known", in: root)
        try guest.unlink("open", in: root)
        try guest.rename("new", in: root, to: "over", in: root)
        try guest.rmdir("empty", in: root)
        try evict(guest, in: root)
        #expect(try guest.getattr(known).linkCount == 0)
        #expect(try guest.getattr(known).size == 5)
        #expect(try guest.getattr(open).linkCount == 0)
        #expect(try guest.read(open, handle) == Array("open".utf8))
        #expect(try guest.getattr(over).linkCount == 0)
        #expect(try guest.getattr(over).size == 4)
        #expect(try content(guest, new) == "new")
        #expect(try guest.getattr(empty).linkCount == 0)
        try guest.release(open, handle)
        for node in [known, open, over, new, empty] { guest.forget(node) }
        #expect(host.openDescriptors() <= 64)
    }

    @Test func findsAHardLinkByAnyNameThatIsLeft() throws {
        let (host, guest, root) = try makeSmallShare { $0.file("one", "text") }
        let node = try guest.lookup("one", in: root).node
        #expect(try guest.link(node, to: "two", in: root).node == node)
        try guest.unlink("one", in: root)
        try evict(guest, in: root)
        #expect(try content(guest, node) == "text")
        try guest.unlink("two", in: root)
        try evict(guest, in: root)
        #expect(try guest.getattr(node).linkCount == 0)
        guest.forget(node, 2)
        #expect(host.openDescriptors() <= 64)
    }

    @Test func keepsAFileWithoutANameUntilItIsLinked() throws {
        let (host, guest, root) = try makeSmallShare()
        let body = CreateIn {
            $0.flags = UInt32(bitPattern: O_RDWR)
            $0.mode = 0o100600
        }
        let made: CreateOut = try guest.ask(guest.request(.tmpfile, root).adding(body).adding(name: "/"))
        try guest.write(made.entry.node, made.open.handle, Array("text".utf8))
        try evict(guest, in: root)
        #expect(try guest.getattr(made.entry.node).size == 4)
        _ = try guest.link(made.entry.node, to: "named", in: root)
        try guest.release(made.entry.node, made.open.handle)
        try evict(guest, in: root)
        #expect(try content(guest, made.entry.node) == "text")
        #expect(host.content("named") == "text")
    }

    // MARK: Names the guest moves

    @Test func findsWhatLiesBelowADirectoryTheGuestRenamed() throws {
        let (_, guest, root) = try makeSmallShare { host in
            host.directory("a").directory("a/b").file("a/b/x", "text").directory("other")
        }
        let a = try guest.lookup("a", in: root).node
        let b = try guest.lookup("b", in: a).node
        let x = try guest.lookup("x", in: b).node
        let other = try guest.lookup("other", in: root).node
        try evict(guest, in: root)
        try guest.rename("a", in: root, to: "moved", in: other)
        try evict(guest, in: root)
        #expect(try content(guest, x) == "text")
        try guest.rename("b", in: a, to: "c", in: root)
        try evict(guest, in: root)
        #expect(try content(guest, x) == "text")
    }

    @Test func findsBothOfTwoThatTheGuestExchanged() throws {
        let (_, guest, root) = try makeSmallShare { host in
            host.directory("a").file("a/x", "in a").file("f", "file")
        }
        let a = try guest.lookup("a", in: root).node
        let x = try guest.lookup("x", in: a).node
        let f = try guest.lookup("f", in: root).node
        try guest.rename("a", in: root, to: "f", in: root, flags: 2)
        try evict(guest, in: root)
        #expect(try content(guest, x) == "in a")
        #expect(try content(guest, f) == "file")
        #expect(try guest.lookup("f", in: root).node == a)
    }

    // MARK: What the host does

    @Test func refusesAFileThatTheHostReplaced() throws {
        let (host, guest, root) = try makeSmallShare { $0.file("x", "old").file("y", "new") }
        let old = try guest.lookup("x", in: root).node
        #expect(Glibc.rename(host.path("y"), host.path("x")) == 0)
        #expect(refusal { _ = try guest.getattr(old) } == .staleNFSFileHandle)
        #expect(refusal { _ = try guest.open(old) } == .staleNFSFileHandle)
        let new = try guest.lookup("x", in: root).node
        #expect(new != old)
        #expect(try content(guest, new) == "new")
    }

    @Test func refusesWhatLiesBelowADirectoryTheHostMoved() throws {
        let (host, guest, root) = try makeSmallShare { host in
            host.directory("a").file("a/x", "right").directory("b").file("b/x", "wrong")
        }
        let a = try guest.lookup("a", in: root).node
        let x = try guest.lookup("x", in: a).node
        try evict(guest, in: root)
        Glibc.rename(host.path("a"), host.path("c"))
        Glibc.rename(host.path("b"), host.path("a"))
        #expect(refusal { _ = try content(guest, x) } == .staleNFSFileHandle)
        #expect(refusal { _ = try guest.getattr(x) } == .staleNFSFileHandle)
        // By its new name the directory is found again, and what the guest knows below it.
        #expect(try guest.lookup("c", in: root).node == a)
        #expect(try content(guest, x) == "right")
    }

    @Test func doesNotFollowALinkThatTheHostPutInADirectorysPlace() throws {
        let outside = try HostDirectory().directory("secret").file("secret/x", "secret")
        let (host, guest, root) = try makeSmallShare { $0.directory("a").file("a/x", "mine") }
        let a = try guest.lookup("a", in: root).node
        let x = try guest.lookup("x", in: a).node
        try evict(guest, in: root)
        Glibc.rename(host.path("a"), host.path("away"))
        host.link("a", to: outside.path("secret"))
        #expect(refusal { _ = try content(guest, x) } == .staleNFSFileHandle)
        #expect(refusal { _ = try guest.lookup("x", in: a) } == .staleNFSFileHandle)
        #expect(refusal { _ = try guest.list(a) } == .staleNFSFileHandle)
    }

    @Test func survivesPlacesThatLeadRoundInACircle() throws {
        let (host, guest, root) = try makeSmallShare { $0.directory("a").directory("a/b").file("a/b/x", "text") }
        let a = try guest.lookup("a", in: root).node
        let b = try guest.lookup("b", in: a).node
        let held = try guest.opendir(b)
        Glibc.rename(host.path("a/b"), host.path("b"))
        Glibc.rename(host.path("a"), host.path("b/a"))
        // b was last seen in a, and now a in b.
        #expect(try guest.lookup("a", in: b).node == a)
        try guest.release(b, held, directory: true)
        try evict(guest, in: root)
        _ = refusal { _ = try guest.list(a) }
        #expect(refusal { _ = try guest.list(b) } == .staleNFSFileHandle)
        #expect(try guest.lookup("b", in: root).node == b)
        #expect(try guest.list(a).count == 2)
    }

    @Test func showsAnOpenFileThatTheHostDeleted() throws {
        let (host, guest, root) = try makeSmallShare { $0.file("x", "text") }
        let node = try guest.lookup("x", in: root).node
        let handle = try guest.open(node).handle
        Glibc.unlink(host.path("x"))
        try evict(guest, in: root)
        #expect(try guest.getattr(node).linkCount == 0)
        #expect(try guest.read(node, handle) == Array("text".utf8))
    }

    // MARK: Ends

    @Test func holdsNothingOnceTheGuestHasForgottenEverything() throws {
        let (host, guest, root) = try makeSmallShare { host in
            for index in 0..<40 { host.file("f\(index)", "x") }
        }
        let before = host.openDescriptors()
        var nodes: [NodeID] = []
        for index in 0..<40 {
            let node = try guest.lookup("f\(index)", in: root).node
            #expect(try content(guest, node) == "x")
            nodes.append(node)
        }
        #expect(host.openDescriptors() > before)
        for index in 0..<10 { try guest.unlink("f\(index)", in: root) }
        for node in nodes { guest.forget(node) }
        #expect(host.openDescriptors() == before)
        for index in 10..<40 { _ = try content(guest, guest.lookup("f\(index)", in: root).node) }
        try guest.order(guest.request(.destroy))
        #expect(host.openDescriptors() == before)
    }

    @Test func servesFourQueuesFromATinyBudget() throws {
        let (host, guest, root) = try makeSmallShare(limit: 32) { host in
            for outer in 0..<8 {
                host.directory("d\(outer)")
                for inner in 0..<8 {
                    host.directory("d\(outer)/e\(inner)").file("d\(outer)/e\(inner)/x", "text \(outer) \(inner)")
                }
            }
        }
        let before = host.openDescriptors()
        var files: [(node: NodeID, text: String)] = []
        for outer in 0..<8 {
            for inner in 0..<8 {
                files.append((try guest.walk("share/d\(outer)/e\(inner)/x"), "text \(outer) \(inner)"))
            }
        }
        let failures = Atomic<Int>(0)
        let aggregate = guest.aggregate
        let targets = files
        let threads = try (0..<4).map { number in
            try Thread(name: "queue-\(number)") {
                do {
                    let mine = try GuestClient(aggregate, begin: false)
                    var random = UInt64(number) &+ 1
                    let own = try mine.mkdir("own-\(number)", in: root).node
                    for step in 0..<1500 {
                        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                        let file = targets[Int(random >> 33) % targets.count]
                        switch step % 4 {
                        case 0, 1:
                            let handle = try mine.open(file.node).handle
                            let read = try mine.read(file.node, handle)
                            try mine.release(file.node, handle)
                            if read != Array(file.text.utf8) { failures.add(1, ordering: .relaxed) }
                        case 2:
                            if try mine.getattr(file.node).size != UInt64(file.text.utf8.count) {
                                failures.add(1, ordering: .relaxed)
                            }
                        default:
                            let made = try mine.create("n\(step)", in: own)
                            try mine.write(made.entry.node, made.open.handle, Array("\(step)".utf8))
                            try mine.release(made.entry.node, made.open.handle)
                            try mine.rename("n\(step)", in: own, to: "m\(step)", in: own)
                            let handle = try mine.open(made.entry.node).handle
                            let read = try mine.read(made.entry.node, handle)
                            try mine.release(made.entry.node, handle)
                            if read != Array("\(step)".utf8) { failures.add(1, ordering: .relaxed) }
                            try mine.unlink("m\(step)", in: own)
                            mine.forget(made.entry.node)
                        }
                    }
                } catch {
                    failures.add(1000, ordering: .relaxed)
                    Issue.record(error)
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(failures.load(ordering: .relaxed) == 0)
        #expect(host.openDescriptors() <= 32 + 1)
        try guest.order(guest.request(.destroy))
        #expect(host.openDescriptors() == before)
    }

    @Test func losesNothingWhileTheGuestRenamesTheDirectoriesAbove() throws {
        let (host, guest, root) = try makeSmallShare(limit: 24) { host in
            for outer in 0..<10 {
                host.directory("d\(outer)").directory("d\(outer)/e").file("d\(outer)/e/x", "text \(outer)")
            }
        }
        var files: [NodeID] = []
        for outer in 0..<10 { files.append(try guest.walk("share/d\(outer)/e/x")) }
        let aggregate = guest.aggregate
        let known = files
        let threads = try (0..<4).map { number in
            try Thread(name: "queue-\(number)") {
                do {
                    let mine = try GuestClient(aggregate, begin: false)
                    for step in 0..<600 {
                        if number == 0 {
                            let name = step / 2 % 10
                            let (from, to) = step % 2 == 0 ? ("d", "m") : ("m", "d")
                            try mine.rename("\(from)\(name)", in: root, to: "\(to)\(name)", in: root)
                            let (one, other) = (step % 10, (step + 1) % 10)
                            if step % 20 == 19 {
                                try mine.rename("d\(one)", in: root, to: "d\(other)", in: root, flags: 2)
                                try mine.rename("d\(one)", in: root, to: "d\(other)", in: root, flags: 2)
                            }
                        } else {
                            let index = (step * 7 + number) % 10
                            #expect(try content(mine, known[index]) == "text \(index)")
                            #expect(try mine.getattr(known[index]).size == 6)
                        }
                    }
                } catch {
                    Issue.record(error)
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(host.openDescriptors() <= 24 + 1)
    }
}
