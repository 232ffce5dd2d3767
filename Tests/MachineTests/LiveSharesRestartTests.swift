import SystemPackage
import Testing

@testable import Machine

/// A guest that resets itself and boots again.
@Suite struct LiveSharesRestartTests {
    private func restart(_ scene: LiveScene) {
        scene.guest.reset()
        scene.shares.guestRestarts()
    }

    private func comeBack(_ scene: LiveScene) {
        var isBack = false
        scene.shares.mountAll { isBack = true }
        scene.loop.run(until: { isBack })
    }

    @Test func bringsAllSharesBackTheOuterOnesFirst() throws {
        let scene = try LiveScene(boot: ["/boot": "boot"])
        _ = scene.directory("a/b")
        _ = try scene.add("a", "/m/a").get()
        _ = try scene.add("b", "/m/a/b").get()
        _ = try scene.add("b", "/b").get()
        let before = scene.traces
        let asked = scene.guest.asked.count

        restart(scene)
        #expect(scene.shares.list.flatMap(\.targets).filter { $0.path != "/" }.allSatisfy { $0.state == .mounting })
        comeBack(scene)

        #expect(scene.traces == before)
        #expect(scene.guest.asked.dropFirst(asked).last == "mount /m/a/b")
        #expect(scene.guest.mounts.isOpen)
    }

    @Test func marksWhatCannotComeBack() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        _ = try scene.add("b", "/b").get()
        scene.guest.refusals["/a"] = .readOnlyFileSystem

        restart(scene)
        comeBack(scene)

        #expect(scene.list == ["rw a /a gone", "rw b /b mounted"])
    }

    @Test func makesNoDirectoryOnTheHostForWhatComesBack() throws {
        let scene = try LiveScene()
        _ = scene.directory("a/b")
        _ = try scene.add("a", "/a").get()
        _ = try scene.add("b", "/a/b").get()
        scene.remove(directory: "a/b")

        restart(scene)
        comeBack(scene)

        #expect(scene.list == ["rw a /a mounted", "rw b /a/b gone"])
        #expect(scene.guest.seen.keys.sorted() == ["/a"])
    }

    @Test func failsWhatWasUnderWayAndLeavesNothingOfIt() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        let before = scene.traces
        scene.guest.isSilent = true
        var failures: [LiveShares.Failure?] = []
        scene.add("b", "/b") { failures.append($0.failure) }
        scene.shares.remove("/a") { failures.append($0.failure) }
        scene.loop.run(until: { scene.guest.asked.count == 3 })

        restart(scene)
        scene.guest.isSilent = false
        comeBack(scene)

        #expect(failures.map { $0?.kind } == [.unavailable, .unavailable])
        #expect(scene.traces == before)
    }

    @Test func mountsOnceWhatIsAddedWhileItBoots() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        var answers: [LiveScene.Added] = []
        restart(scene)
        scene.add("b", "/b") { answers.append($0) }
        scene.add("a", "/a") { answers.append($0) }
        scene.loop.run(for: .milliseconds(50))
        #expect(answers.isEmpty)

        comeBack(scene)
        scene.loop.run(until: { answers.count == 2 })

        #expect(answers.allSatisfy { $0.failure == nil })
        #expect(scene.guest.table == ["/a": [scene.entry("a")], "/b": [scene.entry("b")]])
    }

    @Test func removesWhatHasNotComeBackYet() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        _ = try scene.add("b", "/b").get()
        restart(scene)
        scene.guest.slow = ["/b"]
        var removed: [LiveScene.Removed] = []
        scene.shares.remove("/a") { removed.append($0) }
        scene.shares.mountAll {}
        scene.loop.run(until: { scene.guest.asked.last == "mount /b" })
        scene.shares.remove("/b") { removed.append($0) }

        scene.guest.slow = []
        scene.loop.run(until: { removed.count == 2 && scene.guest.mounts.pending == 0 })

        #expect(removed.allSatisfy { $0.failure == nil })
        #expect(scene.list.isEmpty)
        #expect(scene.guest.table.isEmpty)
    }

    @Test func bearsARestartWhileItComesBack() throws {
        let scene = try LiveScene()
        _ = scene.directory("a/b")
        _ = try scene.add("a", "/a").get()
        _ = try scene.add("b", "/a/b").get()
        let before = scene.traces
        restart(scene)
        scene.guest.slow = ["/a"]
        var ends = 0
        scene.shares.mountAll { ends += 1 }
        scene.loop.run(until: { scene.guest.asked.last == "mount /a" })

        restart(scene)
        scene.guest.slow = []
        comeBack(scene)

        #expect(ends == 0)
        #expect(scene.traces == before)
        #expect(scene.guest.table.values.allSatisfy { $0.count == 1 })
    }

    // MARK: - What is known of the guest

    @Test func seesWhatSomebodyHasUnmountedAndMountedAgain() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        scene.guest.unmountByHand("/a")
        #expect(scene.list == ["rw a /a mounted"])

        scene.refresh()
        #expect(scene.list == ["rw a /a gone"])
        scene.guest.mountByItself(scene.entry("a"), at: "/a")
        scene.refresh()

        #expect(scene.list == ["rw a /a mounted"])
    }

    @Test func doesNotKnowTheStateInASilentGuest() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        scene.guest.isSilent = true
        let refresh: Bool = scene.wait { done in
            scene.shares.refresh(within: .milliseconds(20)) { done(true) }
        }
        #expect(refresh)
        #expect(scene.list == ["rw a /a unknown"])

        scene.guest.isSilent = false
        scene.loop.run(until: { scene.guest.mounts.pending == 0 })
        scene.refresh()

        #expect(scene.list == ["rw a /a mounted"])
    }
}
