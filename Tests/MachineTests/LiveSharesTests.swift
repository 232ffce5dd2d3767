import EventLoop
import FileService
import Linux
import Logging
import ShareHost
import SystemPackage
import Testing

@testable import Machine

@Suite struct LiveSharesTests {
    // MARK: - Adding

    @Test func addsAShareAndTellsWhereItIs() throws {
        let scene = try LiveScene()

        let added = try scene.add("a", "/mnt/a").get()

        #expect(added.target == "/mnt/a")
        #expect(added.isNew)
        #expect(!added.isHotPlugged)
        #expect(added.share.access == "rw")
        #expect(added.share.targets.map(\.state) == [.mounted])
        #expect(added.milliseconds >= added.hostMilliseconds)
        #expect(scene.guest.seen == ["/mnt/a": scene.entry("a")])
        #expect(scene.list == ["rw a /mnt/a mounted"])
    }

    @Test func mountsAtTheHostsPathWithoutATarget() throws {
        let scene = try LiveScene()

        let added = try scene.add("a").get()

        #expect(added.target == scene.directory("a"))
    }

    @Test func addsTheSameAgainWithoutAskingForAnything() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()

        let again = try scene.add("a", "/x/../a/").get()

        #expect(!again.isNew)
        #expect(again.target == "/a")
        #expect(scene.guest.asked.filter { $0 != "list" } == ["mount /a"])
        #expect(scene.list == ["rw a /a mounted"])
    }

    @Test func mountsAgainWhatSomebodyHasUnmounted() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        scene.guest.unmountByHand("/a")

        let again = try scene.add("a", "/a").get()

        #expect(!again.isNew)
        #expect(scene.guest.table == ["/a": [scene.entry("a")]])
    }

    @Test func keepsAnUnmountedShareWhenItCannotBeMountedAgain() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        scene.guest.unmountByHand("/a")
        scene.guest.refusals["/a"] = .ioError

        let again = scene.add("a", "/a")

        #expect(again.failure?.kind == .guest)
        #expect(scene.list == ["rw a /a gone"])
    }

    @Test func givesAShareASecondTarget() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()

        let second = try scene.add("a", "/b").get()

        #expect(!second.isNew)
        #expect(scene.list == ["rw a /a mounted /b mounted"])
        #expect(scene.guest.seen == ["/a": scene.entry("a"), "/b": scene.entry("a")])
    }

    @Test func sharesOneDirectoryInBothWays() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()

        let added = try scene.add("a", "/b", isReadOnly: true).get()

        #expect(added.isNew)
        #expect(added.share.access == "ro")
        #expect(scene.list == ["rw a /a mounted", "ro a /b mounted"])
    }

    @Test func takesAManyTimesAddedShareOnce() throws {
        let scene = try LiveScene()
        var answers: [LiveScene.Added] = []

        for _ in 0..<20 { scene.add("a", "/a") { answers.append($0) } }
        scene.loop.run(until: { answers.count == 20 })

        #expect(answers.compactMap(\.value).map(\.isNew).filter { $0 }.count == 1)
        #expect(answers.allSatisfy { $0.failure == nil })
        #expect(scene.guest.table == ["/a": [scene.entry("a")]])
    }

    @Test func addsManySharesSideBySide() throws {
        let scene = try LiveScene()
        var answers: [LiveScene.Added] = []

        for number in 0..<200 { scene.add("\(number)", "/mnt/\(number)") { answers.append($0) } }
        scene.loop.run(until: { answers.count == 200 })

        #expect(answers.allSatisfy { $0.failure == nil })
        #expect(scene.guest.seen.count == 200)
        #expect(scene.list.count == 200)
    }

    // MARK: - Adding in vain

    @Test(arguments: ["missing", "device"])
    func saysWhatIsWrongWithTheSource(name: String) throws {
        let scene = try LiveScene()
        let path = name == "device" ? "/dev/null" : scene.directory("a") + "/missing"
        let before = scene.traces

        let failure = scene.add(path, "/a").failure

        #expect(failure?.kind == (name == "device" ? .invalid : .host))
        #expect(failure?.errno == (name == "device" ? .invalidArgument : .noSuchFileOrDirectory))
        #expect(failure?.message.contains(path) == true)
        #expect(scene.traces == before)
    }

    @Test func saysWhoseATargetIs() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        let before = scene.traces

        let failure = scene.add("b", "/a").failure

        #expect(failure?.message.contains(scene.directory("a")) == true)
        #expect(scene.traces == before)
        #expect(scene.guest.asked == ["mount /a"])
    }

    @Test(arguments: ["/", "/proc", "/run/sheaf/x", "/dev/"])
    func refusesPlacesThatTheGuestNeeds(target: String) throws {
        let scene = try LiveScene()

        #expect(scene.add("a", target).failure?.kind == .invalid)
        #expect(scene.list.isEmpty)
        #expect(scene.guest.asked.isEmpty)
    }

    @Test func refusesToHideAShare() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/mnt/a").get()
        let before = scene.traces

        let failure = scene.add("b", "/mnt").failure

        #expect(failure?.message.contains("/mnt/a") == true)
        #expect(scene.traces == before)
        // A neighbour whose name begins alike is no parent.
        #expect(scene.add("b", "/mn").failure == nil)
    }

    @Test func makesNoDirectoryInAnotherShare() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        let before = scene.traces

        let failure = scene.add("b", "/a/b").failure
        #expect(failure?.message.contains(scene.directory("a") + "/b") == true)
        #expect(scene.traces == before)

        _ = scene.directory("a/b")
        #expect(scene.add("b", "/a/b").failure == nil)
    }

    @Test func leavesNothingWhenTheGuestRefuses() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a").get()
        scene.guest.refusals = ["/b": .readOnlyFileSystem, "/c": .notDirectory]
        let before = scene.traces

        let first = scene.add("b", "/b").failure
        let second = scene.add("a", "/c").failure

        #expect(first?.kind == .guest)
        #expect(first?.errno == .readOnlyFileSystem)
        #expect(first?.message.contains("mount the share on /b: EROFS") == true)
        #expect(second?.errno == .notDirectory)
        #expect(scene.traces == before)
        scene.guest.refusals = [:]
        #expect(scene.add("b", "/b").failure == nil)
    }

    @Test func leavesNothingWhenTheGuestIsSilent() throws {
        let scene = try LiveScene()
        let before = scene.traces
        scene.guest.isSilent = true

        let failure = scene.add("a", "/a", within: 0.5).failure

        #expect(failure?.kind == .guestSilent)
        #expect(failure?.message.contains("the guest does not answer") == true)
        #expect(scene.list.isEmpty)
        scene.guest.isSilent = false
        scene.loop.run(until: { scene.guest.mounts.pending == 0 })
        #expect(scene.traces == before)
    }

    @Test func mountsAnotherShareWhereOneWasGivenUp() throws {
        let scene = try LiveScene()
        scene.guest.isSilent = true
        _ = scene.add("a", "/a", within: 0.5)
        var second: LiveScene.Added?
        scene.add("b", "/a") { second = $0 }
        scene.loop.run(for: .milliseconds(50))

        scene.guest.isSilent = false
        scene.loop.run(until: { second != nil && scene.guest.mounts.pending == 0 })

        #expect(second?.failure == nil)
        #expect(scene.guest.table == ["/a": [scene.entry("b")]])
    }

    @Test func leavesNothingWhenThereIsNoDevice() throws {
        let devices = BucketDevices(
            of: ShareHost(log: Logger(label: "test")), fromBoot: [.readOnly], requestQueues: 1)
        let scene = try LiveScene(devices: devices)
        let before = scene.traces

        // Its QEMU is not there.
        let failure = scene.add("a", "/a").failure

        #expect(failure?.kind == .host)
        #expect(failure?.message.contains("cannot plug in the device for \(scene.directory("a"))") == true)
        #expect(scene.traces == before)
        #expect(scene.add("a", "/a", isReadOnly: true).failure == nil)
    }

    @Test func tellsWhoNamesWhatIsNoRequest() throws {
        let scene = try LiveScene()
        let relative = ShareRequest(source: "a", target: "/a")
        let failure: LiveScene.Added = scene.wait { scene.shares.add(relative, completion: $0) }

        #expect(failure.failure?.kind == .invalid)
        #expect(scene.add("a", "/a", name: RootSelection.subname).failure?.kind == .invalid)
        #expect(scene.add("a", "/a", name: "a/b").failure != nil)
        #expect(scene.list.isEmpty)
    }

    @Test func keepsAGivenNameUnique() throws {
        let scene = try LiveScene()
        _ = try scene.add("a", "/a", name: "src").get()

        #expect(scene.guest.seen == ["/a": "rw/src"])
        #expect(scene.add("b", "/b", name: "src").failure?.errno == .fileExists)
        #expect(scene.add("b", "/b", isReadOnly: true, name: "src").failure == nil)
    }

    // MARK: - Side by side

    @Test func letsAnAddInsideOfATargetWaitForTheOneOutside() throws {
        let scene = try LiveScene()
        _ = scene.directory("a/b")
        scene.guest.slow = ["/m"]
        var answers: [String] = []
        scene.add("a", "/m") { _ in answers.append("outer") }
        scene.loop.run(until: { scene.guest.asked == ["mount /m"] })
        scene.add("b", "/m/b") { _ in answers.append("inner") }
        scene.loop.run(for: .milliseconds(50))
        #expect(scene.guest.asked == ["mount /m"])

        scene.guest.slow = []
        scene.loop.run(until: { answers.count == 2 })

        #expect(answers == ["outer", "inner"])
    }

    @Test func doesNotHideAShareThatIsOnItsWay() throws {
        let scene = try LiveScene()
        scene.guest.slow = ["/m/b"]
        var outer: LiveScene.Added?
        scene.add("b", "/m/b") { _ in }
        scene.loop.run(until: { scene.guest.asked == ["mount /m/b"] })
        scene.add("a", "/m") { outer = $0 }
        scene.loop.run(for: .milliseconds(50))
        #expect(outer == nil)

        scene.guest.slow = []
        scene.loop.run(until: { outer != nil })

        #expect(outer?.failure?.kind == .invalid)
    }

    @Test func saysThatOthersAreAtWork() throws {
        let scene = try LiveScene()
        scene.guest.slow = ["/a"]
        scene.add("a", "/a") { _ in }
        scene.loop.run(until: { scene.guest.asked == ["mount /a"] })

        let failure = scene.add("b", "/a", within: 0.5).failure

        #expect(failure?.message.contains("under way") == true)
    }

    // MARK: - The end

    @Test func failsWhatIsUnderWayWhenItCloses() throws {
        let scene = try LiveScene()
        scene.guest.slow = ["/a"]
        var failure: LiveShares.Failure?
        scene.add("a", "/a") { failure = $0.failure }
        scene.loop.run(until: { scene.guest.asked == ["mount /a"] })

        scene.shares.close()
        scene.loop.run(until: { failure != nil })

        #expect(failure?.kind == .unavailable)
        #expect(scene.add("b", "/b").failure?.kind == .unavailable)
        #expect(scene.remove("/a").failure?.kind == .unavailable)
        #expect(scene.change("/a", target: "/c").failure?.kind == .unavailable)
        #expect(scene.list.isEmpty)
    }

    @Test func failsAnAddThatHasOnlyBegunWhenItCloses() throws {
        let scene = try LiveScene()
        var failure: LiveShares.Failure?
        scene.add("a", "/a") { failure = $0.failure }

        scene.shares.close()
        scene.loop.run(until: { failure != nil })

        #expect(failure?.kind == .unavailable)
        #expect(scene.guest.asked.isEmpty)
        #expect(scene.list.isEmpty)
    }

    @Test func waitsForAGuestThatBoots() throws {
        let scene = try LiveScene(isReady: false, boot: ["/boot": "boot"])
        var added: LiveScene.Added?
        scene.add("a", "/a") { added = $0 }
        // What the guest mounts by itself is not mounted a second time.
        var again: LiveScene.Added?
        scene.add("boot", "/boot") { again = $0 }
        scene.loop.run(for: .milliseconds(50))
        #expect(added == nil && again == nil)
        #expect(scene.list == ["rw boot /boot mounting", "rw a /a mounting"])

        scene.shares.guestIsReady()
        scene.loop.run(until: { added != nil && again != nil })

        #expect(added?.failure == nil && again?.failure == nil)
        #expect(scene.guest.asked.filter { $0.hasPrefix("mount /a") }.count == 1)
    }
}
