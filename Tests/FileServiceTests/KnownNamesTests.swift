import FUSE
import Glibc
import SystemPackage
import Testing

@testable import FileService

/// What RENAME and UNLINK go by where they do not ask the host: which node the guest knows by a name.
@Suite struct KnownNamesTests {
    @Test func knowsTheNodeOfANameOrThatItHasNone() {
        let names = KnownNames()
        let (one, other) = (NodeID(rawValue: 5), NodeID(rawValue: 6))
        #expect(names.entry(77).node == nil)
        #expect(!names.entry(77).isNothing)
        names.set(one, tag: 77)
        #expect(names.entry(77).node == one)
        names.note(nil, since: names.entry(77))
        #expect(names.entry(77).isNothing)
        #expect(names.entry(77).node == nil)
        // Another name in the same place.
        #expect(!names.entry(79).isNothing)
        names.set(other, tag: 79)
        #expect(!names.entry(77).isNothing)
    }

    /// A guest that knew two names with one tag could have a removal hold the other's node, and so leave nodes behind that
    /// nothing limits.
    @Test func hasTagsThatNoGuestCanFindOut() throws {
        let aggregate = try HostDirectory().file("a").aggregate(.readWrite)
        let names: [UInt8] = Array("a".utf8)
        func tag() throws -> UInt64 {
            let guest = try GuestClient(aggregate)
            let root = try guest.walk("share")
            let session = try #require(aggregate.currentSession().0)
            let parent = try session.node(root)
            return names.withUnsafeBytes { session.tag(of: $0, in: parent) }
        }

        #expect(try tag() != tag())
    }

    @Test func takesNoNoteOfALookThatSomebodyElseHasOvertaken() {
        let names = KnownNames()
        let before = names.entry(77)
        names.set(NodeID(rawValue: 5), tag: 77)
        names.note(nil, since: before)
        names.note(NodeID(rawValue: 4), since: before)
        #expect(names.entry(77).node == NodeID(rawValue: 5))
    }

    /// Of two who look at once the later to see may be the earlier to say.
    @Test func neverHoldsThatANameWithANodeHasNone() {
        let names = KnownNames()
        let before = names.entry(77)
        names.note(nil, since: before)
        names.note(NodeID(rawValue: 5), since: before)
        #expect(!names.entry(77).isNothing)
    }

    private func content(_ guest: GuestClient, _ node: NodeID) throws -> String {
        let handle = try guest.open(node).handle
        defer { try? guest.release(node, handle) }
        return String(decoding: try guest.read(node, handle), as: UTF8.self)
    }

    /// That a node whose last name is gone is still there; OPEN would take it for deleted by the host.
    private func isKept(_ guest: GuestClient, _ node: NodeID, _ text: String) throws -> Bool {
        let found = try guest.getattr(node)
        return found.linkCount == 0 && found.size == UInt64(text.utf8.count)
    }

    /// Over and over: from the second time on by what is remembered.
    @Test func keepsWhatIsReplacedAndFindsWhatIsMoved() throws {
        let (host, guest, root) = try makeShare { $0.directory("d").directory("e") }
        let (first, second) = (try guest.lookup("d", in: root).node, try guest.lookup("e", in: root).node)
        for round in 0..<5 {
            host.file("d/new", "new \(round)").file("e/old", "old")
            let new = try guest.lookup("new", in: first).node
            let old = try guest.lookup("old", in: second).node
            try guest.rename("new", in: first, to: "old", in: second)
            #expect(try isKept(guest, old, "old"))
            #expect(try content(guest, new) == "new \(round)")
            #expect(refusal { _ = try guest.lookup("new", in: first) } == .noSuchFileOrDirectory)
            #expect(try guest.lookup("old", in: second).node == new)
            try guest.unlink("old", in: second)
            #expect(try isKept(guest, new, "new \(round)"))
            guest.forget(old)
            guest.forget(new, 2)
        }
    }

    @Test func keepsWhatTheHostHasMadeSinceTheNameWasFoundToBeFree() throws {
        let (host, guest, root) = try makeShare { $0.file("a", "a") }
        let moved = try guest.lookup("a", in: root).node
        #expect(refusal { _ = try guest.lookup("b", in: root) } == .noSuchFileOrDirectory)
        host.file("b", "of the host")
        let replaced = try guest.lookup("b", in: root).node
        try guest.rename("a", in: root, to: "b", in: root)
        #expect(try isKept(guest, replaced, "of the host"))
        #expect(try content(guest, moved) == "a")
    }

    /// A listing makes nodes too.
    @Test func keepsWhatAListingHasShown() throws {
        let (host, guest, root) = try makeShare { $0.file("a", "a") }
        #expect(refusal { _ = try guest.lookup("b", in: root) } == .noSuchFileOrDirectory)
        host.file("b", "of the host")
        let listed = try guest.list(root, plus: true)
        let replaced = try #require(listed.first { $0.name == "b" }?.found).node
        try guest.rename("a", in: root, to: "b", in: root)
        #expect(try isKept(guest, replaced, "of the host"))
        let unlinked = try #require(listed.first { $0.name == "a" }?.found).node
        try guest.unlink("b", in: root)
        #expect(try isKept(guest, unlinked, "a"))
    }

    @Test func exchangesAgainAndAgain() throws {
        let (_, guest, root) = try makeShare { $0.file("a", "a").file("b", "b") }
        let nodes = [try guest.lookup("a", in: root).node, try guest.lookup("b", in: root).node]
        for round in 1...6 {
            try guest.rename("a", in: root, to: "b", in: root, flags: 2)
            #expect(try guest.lookup("a", in: root).node == nodes[round % 2])
            #expect(try content(guest, nodes[0]) == "a")
            #expect(try content(guest, nodes[1]) == "b")
        }
    }

    /// The host's own file is what is moved or deleted then, and no node is ever taken for it.
    @Test(arguments: [false, true]) func takesNoNodeForWhatTheHostHasPutUnderItsName(isOpened: Bool) throws {
        let (host, guest, root) = try makeShare { $0.file("a", "a").file("b", "b") }
        let (a, b) = (try guest.lookup("a", in: root).node, try guest.lookup("b", in: root).node)
        if isOpened { for node in [a, b] { _ = try content(guest, node) } }
        // Known to be by these names, and then swapped for others.
        for name in ["a", "b"] {
            #expect(Glibc.rename(host.path(name), host.path("\(name)-old")) == 0)
            host.file(name, "\(name) of the host")
        }
        try guest.rename("a", in: root, to: "b", in: root)
        #expect(host.content("b") == "a of the host")
        #expect(host.content("a-old") == "a")
        for (node, text) in [(a, "a"), (b, "b")] {
            do { #expect(try content(guest, node) == text) } catch { #expect(error as? Errno == .staleNFSFileHandle) }
        }
        let found = try guest.lookup("b", in: root).node
        #expect(found != a && found != b)
        #expect(try content(guest, found) == "a of the host")
        #expect(Glibc.rename(host.path("b-old"), host.path("b")) == 0)
        try guest.unlink("b", in: root)
        #expect(!host.exists("b"))
        #expect(host.content("a-old") == "a")
    }

    @Test func knowsHardLinksApart() throws {
        let (host, guest, root) = try makeShare { $0.file("a", "text").file("c", "c") }
        let node = try guest.lookup("a", in: root).node
        let linked = try guest.link(node, to: "b", in: root).node
        #expect(linked == node)
        // Two names of one file: nothing happens.
        try guest.rename("a", in: root, to: "b", in: root)
        #expect(host.exists("a") && host.exists("b"))
        try guest.unlink("b", in: root)
        #expect(try content(guest, node) == "text")
        let other = try guest.lookup("c", in: root).node
        try guest.rename("c", in: root, to: "a", in: root)
        #expect(try isKept(guest, node, "text"))
        #expect(try content(guest, other) == "c")
        #expect(host.content("a") == "c")
    }
}
