import FileService
import SystemPackage
import Testing

@testable import Machine

@Suite struct LiveSharesChangeTests {
    @Test func movesAShareToAnotherTarget() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()

        let changed = try scene.change("/a", target: "/x/../b").get()

        #expect(changed.target == "/b")
        #expect(!changed.isNew)
        #expect(scene.list == ["rw a /b mounted"])
        #expect(scene.guest.table == ["/b": [scene.entry("a")]])
        #expect(scene.shares.placements.count == 1)
    }

    @Test(arguments: [true, false])
    func givesAShareAnotherAccess(isReadOnly: Bool) throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a", isReadOnly: !isReadOnly).get()

        let changed = try scene.change(scene.directory("a"), isReadOnly: isReadOnly).get()

        let access: Access = isReadOnly ? .readOnly : .readWrite
        #expect(changed.share.access == access.rawValue)
        #expect(scene.list == ["\(access.rawValue) a /a mounted"])
        #expect(scene.guest.table == ["/a": [scene.entry("a", access)]])
    }

    @Test func changesBothAtOnceAndKeepsAGivenName() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a", name: "src").get()

        _ = try scene.change("src", target: "/b", isReadOnly: true).get()

        #expect(scene.list == ["ro a /b mounted"])
        #expect(scene.guest.table == ["/b": ["ro/src"]])
    }

    @Test func changesNothingWhereAllIsAsItShallBe() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()

        let changed = try scene.change("/a", target: "/a/", isReadOnly: false).get()

        #expect(changed.target == "/a")
        #expect(scene.guest.asked == ["mount /a"])
    }

    @Test func changesOneOfTwoTargets() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        _ = try scene.add("a", "/b").get()

        #expect(scene.change(scene.directory("a"), target: "/c").failure?.kind == .invalid)
        _ = try scene.change("/b", isReadOnly: true).get()

        #expect(scene.list == ["rw a /a mounted", "ro a /b mounted"])
        #expect(scene.guest.seen == ["/a": scene.entry("a"), "/b": scene.entry("a", .readOnly)])
    }

    @Test func joinsTheShareThatHasThatAccessAlready() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        _ = try scene.add("a", "/b", isReadOnly: true).get()

        _ = try scene.change("/a", isReadOnly: true).get()

        #expect(scene.list == ["ro a /b mounted /a mounted"])
    }

    // MARK: - In vain

    @Test func leavesABusyShareAsItIsUnlessForced() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        scene.guest.busy = ["/a"]
        let before = scene.traces

        #expect(scene.change("/a", target: "/b").failure?.kind == .busy)
        #expect(scene.change("/a", isReadOnly: true).failure?.kind == .busy)
        #expect(scene.traces == before)
        _ = try scene.change("/a", isReadOnly: true, force: true).get()

        #expect(scene.list == ["ro a /a mounted"])
    }

    @Test(arguments: [nil, true])
    func goesBackWhereTheGuestRefusesTheNewTarget(isReadOnly: Bool?) throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        scene.guest.refusals["/b"] = .readOnlyFileSystem
        let before = scene.traces

        let failure = scene.change("/a", target: "/b", isReadOnly: isReadOnly).failure

        #expect(failure?.errno == .readOnlyFileSystem)
        #expect(scene.traces == before)
        #expect(scene.guest.table == ["/a": [scene.entry("a")]])
    }

    @Test func tellsOfAShareThatHasNoWayBack() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        scene.guest.refusals["/a"] = .ioError

        #expect(scene.change("/a", isReadOnly: true).failure?.errno == .ioError)

        #expect(scene.list == ["rw a /a gone"])
        scene.guest.refusals = [:]
        #expect(scene.change("/a", isReadOnly: true).failure == nil)
        #expect(scene.list == ["ro a /a mounted"])
    }

    @Test func leavesNothingWhenTheGuestIsSilent() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        let before = scene.traces
        scene.guest.isSilent = true

        #expect(scene.change("/a", target: "/b", isReadOnly: true, within: 0.5).failure?.kind == .guestSilent)

        scene.guest.isSilent = false
        scene.loop.run(until: { scene.guest.mounts.pending == 0 && scene.traces == before })
    }

    @Test func refusesATargetInUse() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        _ = try scene.add("b", "/m/b").get()
        let before = scene.traces

        #expect(scene.change("/a", target: "/m/b").failure?.message.contains(scene.directory("b")) == true)
        #expect(scene.change("/a", target: "/m").failure?.message.contains("/m/b") == true)
        #expect(scene.change("/a", target: "/proc").failure?.kind == .invalid)
        #expect(scene.change("/a", target: "relative").failure?.kind == .invalid)
        #expect(scene.traces == before)
        #expect(scene.guest.asked == ["mount /a", "mount /m/b"])
    }

    @Test func refusesToTakeAShareFromUnderAnother() throws {
        let scene = try LiveScene()
        _ = scene.directory("a/b")
        _ = try scene.add("a", "/a").get()
        _ = try scene.add("b", "/a/b").get()
        let before = scene.traces

        #expect(scene.change("/a", target: "/c").failure?.kind == .busy)
        #expect(scene.change("/a", isReadOnly: true).failure?.kind == .invalid)
        #expect(scene.traces == before)
    }

    @Test func leavesTheGuestsRootAndKnowsNoSuchShare() throws {
        let scene = try LiveScene()

        #expect(scene.change("/", target: "/b").failure?.kind == .invalid)
        #expect(scene.change("/nowhere", target: "/b").failure?.kind == .noSuchShare)
    }
}
