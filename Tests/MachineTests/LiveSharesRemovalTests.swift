import ShareHost
import SystemPackage
import Testing

@testable import Machine

@Suite struct LiveSharesRemovalTests {
    @Test(arguments: ["target", "source", "name"])
    func takesAShareAwayByAnyOfItsNames(kind: String) throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a", name: "src").get()
        let word = ["target": "/x/../a/", "source": scene.directory("a"), "name": "src"][kind] ?? ""

        let removed = try scene.remove(word).get()

        #expect(removed.source.string == scene.directory("a"))
        #expect(removed.targets == ["/a"])
        #expect(removed.isGone)
        #expect(scene.list.isEmpty)
        #expect(scene.guest.table.isEmpty)
        #expect(scene.shares.placements.isEmpty)
        #expect(scene.guest.asked == ["mount /a", "unmount /a"])
    }

    @Test func takesOneOfTwoTargets() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        _ = try scene.add("a", "/b").get()

        let removed = try scene.remove("/a").get()

        #expect(removed.targets == ["/a"])
        #expect(!removed.isGone)
        #expect(scene.list == ["rw a /b mounted"])
        #expect(scene.guest.seen == ["/b": scene.entry("a")])
    }

    @Test func takesAllTargetsOfAShareThatIsNamedByItself() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        _ = try scene.add("a", "/b").get()

        let removed = try scene.remove(scene.directory("a")).get()

        #expect(removed.targets == ["/b", "/a"])
        #expect(removed.isGone)
        #expect(scene.list.isEmpty)
    }

    @Test func leavesABusyShareAsItIs() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        _ = try scene.add("a", "/b").get()
        scene.guest.busy = ["/a"]
        let before = scene.traces

        let failure = scene.remove(scene.directory("a")).failure

        #expect(failure?.kind == .busy)
        #expect(failure?.errno == .resourceBusy)
        #expect(failure?.message.contains("--force") == true)
        // The other target was unmounted first, and is back.
        #expect(scene.traces == before)
    }

    @Test(arguments: [(true, false), (false, true), (true, true)])
    func takesABusyShareAwayByForce(force: Bool, revoke: Bool) throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        scene.guest.busy = ["/a"]

        let removed = try scene.remove("/a", force: force, revoke: revoke).get()

        #expect(removed.isGone)
        #expect(scene.guest.asked.last == "detach /a")
        #expect(scene.list.isEmpty)
    }

    @Test func takesNoShareAwayUnderAnother() throws {
        let scene = try LiveScene()
        _ = scene.directory("a/b")
        _ = try scene.add("a", "/a").get()
        _ = try scene.add("b", "/a/b").get()
        let before = scene.traces

        let failure = scene.remove("/a").failure

        #expect(failure?.kind == .busy)
        #expect(failure?.message.contains("/a/b") == true)
        #expect(scene.traces == before)
        #expect(scene.remove("/a/b").failure == nil)
        #expect(scene.remove("/a").failure == nil)
    }

    @Test func givesUpOnASilentGuestAndPutsBackWhatItUnmountsLater() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        let before = scene.traces
        scene.guest.isSilent = true

        let failure = scene.remove("/a", within: 0.5).failure

        #expect(failure?.kind == .guestSilent)
        #expect(failure?.message.contains("--force") == true)
        #expect(scene.list == ["rw a /a mounted"])
        scene.guest.isSilent = false
        scene.loop.run(until: { scene.guest.mounts.pending == 0 && scene.traces == before })
        #expect(scene.guest.asked == ["mount /a", "unmount /a", "mount /a"])
    }

    @Test func takesTheShareOfASilentGuestAwayByForce() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        scene.guest.isSilent = true

        let removed = try scene.remove("/a", force: true, within: 0.5).get()

        #expect(removed.isGone)
        #expect(scene.list.isEmpty)
        scene.guest.isSilent = false
        scene.loop.run(until: { scene.guest.mounts.pending == 0 })
        #expect(scene.guest.table.isEmpty)
    }

    @Test func takesAwayWhatSomebodyHasUnmounted() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        _ = try scene.add("b", "/b").get()
        scene.guest.unmountByHand("/a")
        scene.guest.unmountByHand("/b")

        #expect(try scene.remove("/a").get().isGone)
        scene.refresh()
        #expect(scene.list == ["rw b /b gone"])
        #expect(try scene.remove("/b").get().isGone)
        #expect(scene.list.isEmpty)
    }

    @Test func knowsNoSuchShare() throws {
        let scene = try LiveScene()

        for word in ["/nowhere", "nothing", ""] { #expect(scene.remove(word).failure?.kind == .noSuchShare) }
    }

    @Test func leavesTheGuestsRoot() throws {
        let scene = try LiveScene()

        for word in ["/", RootSelection.subname] {
            let failure = scene.remove(word, force: true).failure
            #expect(failure?.kind == .invalid)
            #expect(failure?.message.contains("root") == true)
        }
        #expect(scene.host.shares.count == 1)
    }

    @Test func asksWhichOneIsMeant() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        _ = try scene.add("a", "/b", isReadOnly: true).get()
        let before = scene.traces

        let failure = scene.remove(scene.directory("a")).failure

        #expect(failure?.kind == .invalid)
        #expect(failure?.message.contains("/a (rw), /b (ro)") == true)
        #expect(scene.traces == before)
    }

    @Test func removesOnceWhatTwoRemove() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        var answers: [LiveScene.Removed] = []

        for _ in 0..<2 { scene.shares.remove("/a") { answers.append($0) } }
        scene.loop.run(until: { answers.count == 2 })

        #expect(answers.first?.failure == nil)
        #expect(answers.last?.failure?.kind == .noSuchShare)
        #expect(scene.guest.asked == ["mount /a", "unmount /a"])
    }

    @Test func addsAgainWhatIsBeingRemoved() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        var answers: [String] = []

        scene.shares.remove("/a") { _ in answers.append("removed") }
        scene.add("a", "/a") { answers.append("added \($0.value?.isNew == true)") }
        scene.loop.run(until: { answers.count == 2 })

        #expect(answers == ["removed", "added true"])
        #expect(scene.guest.table == ["/a": [scene.entry("a")]])
        #expect(scene.list == ["rw a /a mounted"])
    }
}
