import EventLoop
import GuestLink
import SystemPackage
import Testing

@testable import Machine

@Suite struct GuestMountsTests {
    /// Requests on a loop, their guest, and what has come of them.
    private final class Scene {
        let loop = EventLoop()
        let guest: ScriptedGuest
        var answers: [String] = []

        init(isOpen: Bool = true) {
            guest = ScriptedGuest(on: loop)
            if isOpen { guest.mounts.open() }
        }

        func mount(_ target: String, _ name: String = "x", within limit: Duration = .seconds(20)) {
            let share = ShareSetting(bucket: .readWrite, subname: Array(name.utf8), target: Array(target.utf8))
            guest.mounts.mount(share, within: limit) { [unowned self] in note("mount \(target)", $0) }
        }

        func unmount(_ target: String, lazily: Bool = false, within limit: Duration = .seconds(20)) {
            guest.mounts.unmount(target, lazily: lazily, within: limit) { [unowned self] in
                note("unmount \(target)", $0)
            }
        }

        func wait(for count: Int) { loop.run(until: { [unowned self] in answers.count >= count }) }

        private func note(_ what: String, _ result: Result<Void, GuestMounts.Failure>) {
            switch result {
            case .success: answers.append("\(what): done")
            case .failure(.refused(let errno, let attempt)): answers.append("\(what): \(errno.rawValue) \(attempt)")
            case .failure(let failure): answers.append("\(what): \(failure)")
            }
        }
    }

    private static let moment = Duration.milliseconds(30)

    @Test func tellsWhatTheGuestHasDone() {
        let scene = Scene()
        scene.guest.refusals["/b"] = .readOnlyFileSystem
        scene.guest.busy = ["/a"]

        scene.mount("/a")
        scene.mount("/b")
        scene.wait(for: 2)
        scene.unmount("/a")
        scene.wait(for: 3)
        scene.unmount("/a", lazily: true)
        scene.wait(for: 4)

        #expect(
            scene.answers == [
                "mount /a: done", "mount /b: 30 mount the share on /b", "unmount /a: 16 unmount /a", "unmount /a: done",
            ])
        #expect(scene.guest.asked == ["mount /a", "mount /b", "unmount /a", "detach /a"])
        #expect(scene.guest.mounts.pending == 0)
    }

    @Test func holdsBackWhatIsAskedBeforeTheGuestIsReady() {
        let scene = Scene(isOpen: false)

        scene.mount("/a")
        scene.mount("/b", within: Self.moment)
        scene.wait(for: 1)
        #expect(scene.guest.asked.isEmpty)
        scene.guest.mounts.open()
        scene.wait(for: 2)

        #expect(scene.answers == ["mount /b: silent", "mount /a: done"])
        #expect(scene.guest.asked == ["mount /a"])
    }

    @Test func restoresBeforeItTakesAnythingElse() {
        let scene = Scene(isOpen: false)
        let share = ShareSetting(bucket: .readOnly, subname: [0x78], target: Array("/a".utf8))
        scene.mount("/b")

        scene.guest.mounts.beginRestoring()
        scene.mount("/c")
        scene.guest.mounts.mount(share, within: .seconds(20), restores: true) { _ in scene.answers.append("restored") }
        scene.wait(for: 1)
        #expect(scene.guest.asked == ["mount /a"])
        #expect(!scene.guest.mounts.isOpen)
        scene.guest.mounts.open()
        scene.wait(for: 3)

        #expect(scene.guest.asked == ["mount /a", "mount /b", "mount /c"])
    }

    @Test func undoesAMountThatComesTooLate() {
        let scene = Scene()
        scene.guest.isSilent = true

        scene.mount("/a", within: Self.moment)
        scene.wait(for: 1)
        #expect(scene.answers == ["mount /a: silent"])
        #expect(scene.guest.mounts.pending == 1)
        scene.guest.isSilent = false
        scene.loop.run(until: { scene.guest.mounts.pending == 0 })

        #expect(scene.guest.asked == ["mount /a", "detach /a"])
        #expect(scene.guest.table.isEmpty)
    }

    @Test func forgetsAMountThatFailsTooLate() {
        let scene = Scene()
        scene.guest.isSilent = true
        scene.guest.refusals["/a"] = .ioError

        scene.mount("/a", within: Self.moment)
        scene.wait(for: 1)
        scene.guest.isSilent = false
        scene.loop.run(until: { scene.guest.mounts.pending == 0 })

        #expect(scene.guest.asked == ["mount /a"])
    }

    @Test func tellsOfAnUnmountThatComesTooLate() {
        let scene = Scene()
        var late: [String] = []
        scene.guest.mounts.onLateUnmount = { late.append($0) }
        scene.mount("/a")
        scene.wait(for: 1)
        scene.guest.isSilent = true

        scene.unmount("/a", within: Self.moment)
        scene.wait(for: 2)
        #expect(late.isEmpty)
        scene.guest.isSilent = false
        scene.loop.run(until: { scene.guest.mounts.pending == 0 })

        #expect(late == ["/a"])
    }

    @Test func keepsTheOrderAtATargetAlsoBehindWhatWasGivenUp() {
        let scene = Scene()
        scene.guest.isSilent = true

        scene.mount("/a", "first", within: Self.moment)
        scene.wait(for: 1)
        scene.mount("/a", "second")
        scene.mount("/b", "other")
        scene.loop.run(for: Self.moment)
        #expect(scene.guest.asked == ["mount /a", "mount /b"])
        scene.guest.isSilent = false
        scene.wait(for: 3)

        #expect(scene.guest.asked == ["mount /a", "mount /b", "detach /a", "mount /a"])
        #expect(scene.guest.table == ["/a": ["rw/second"], "/b": ["rw/other"]])
    }

    @Test func neverSendsWhatWasGivenUpBeforeItsTurn() {
        let scene = Scene()
        scene.guest.slow = ["/a"]
        scene.mount("/a", "first")
        scene.mount("/a", "second", within: Self.moment)
        scene.unmount("/a")
        scene.wait(for: 1)

        scene.guest.slow = []
        scene.wait(for: 3)

        #expect(scene.answers == ["mount /a: silent", "mount /a: done", "unmount /a: done"])
        #expect(scene.guest.asked == ["mount /a", "unmount /a"])
    }

    @Test func readsAListInSeveralParts() {
        let scene = Scene()
        for number in 0..<7 { scene.mount("/mnt/\(number)", "s\(number)") }
        scene.wait(for: 7)
        var seen: [String] = []

        scene.guest.mounts.list(within: .seconds(20)) { answer in
            seen = ((try? answer.get()) ?? []).map { "\($0.subname) \($0.target)" }.sorted()
            scene.answers.append("list")
        }
        scene.wait(for: 8)

        #expect(seen == (0..<7).map { "s\($0) /mnt/\($0)" })
    }

    @Test func doesNotAskASilentGuestForItsListAgain() {
        let scene = Scene()
        scene.guest.isSilent = true
        func list(within limit: Duration) {
            scene.guest.mounts.list(within: limit) {
                if case .failure(let failure) = $0 {
                    scene.answers.append("\(failure)")
                } else {
                    scene.answers.append("done")
                }
            }
        }

        list(within: Self.moment)
        scene.wait(for: 1)
        list(within: .seconds(20))
        #expect(scene.answers == ["silent", "silent"])
        #expect(scene.guest.asked == ["list"])
        scene.guest.isSilent = false
        scene.loop.run(until: { scene.guest.mounts.pending == 0 })
        list(within: .seconds(20))
        scene.wait(for: 3)

        #expect(scene.answers.last == "done")
    }

    @Test func failsAllThatIsUnderWayWhenTheGuestGoes() {
        let scene = Scene()
        scene.guest.isSilent = true
        scene.mount("/a")
        scene.unmount("/b")
        scene.mount("/a", "later")

        scene.guest.mounts.close()

        #expect(scene.answers == ["mount /a: gone", "unmount /b: gone", "mount /a: gone"])
        #expect(scene.guest.mounts.pending == 0)
        // Answers to the requests of its former life mean nothing.
        scene.guest.isSilent = false
        scene.loop.run(for: Self.moment)
        #expect(scene.answers.count == 3)
    }

    @Test func bearsAnswersToWhatWasNeverAsked() {
        let scene = Scene(isOpen: false)
        scene.mount("/a")

        scene.guest.mounts.receive(result: 1, 0, "")
        scene.guest.mounts.receive(result: 77, 0, "")
        scene.guest.mounts.receive(mounts: 1, Array("nonsense\n\n \n".utf8))

        #expect(scene.answers.isEmpty)
    }
}
