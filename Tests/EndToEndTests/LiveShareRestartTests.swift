import Foundation
import Testing

extension LiveBoots {
    /// Shares of guests that boot again, or whose drivers are loaded again.
    @Suite(.serialized) struct LiveShareRestartTests {
        @Test(arguments: ["6.1", "6.12"])
        func bringsAllSharesBackAfterAReboot(version: String) async throws {
            let scratch = try Scratch()
            let (boot, gone) = (try scratch.directory("boot"), try scratch.directory("gone"))
            let guest = try await LiveGuest(version, ["-v", "\(boot):/boot", "-v", "\(gone):/gone"], command: [])
            let (a, b, c) = (
                try guest.scratch.directory("a"), try guest.scratch.directory("b"), try guest.scratch.directory("c")
            )
            let inner = try guest.scratch.directory("a/inner")
            let lost = try guest.scratch.directory("a/lost")
            for name in ["a/file", "b/file", "c/file"] { try guest.scratch.write(name, "\(name)\n") }
            try scratch.write("boot/file", "boot\n")
            for share in ["\(a):/a", "\(b):/a/inner", "\(b):/mnt/deep/b:ro", "\(c):/a/lost", "\(c):/c:ro"] {
                let added = try await guest.sheaf("share", "add", share)
                try #require(added.status == 0, "\(added.errors)")
            }
            // What is not to come back: a share of the boot, and one whose place is no more.
            #expect(try await guest.sheaf("share", "rm", "/gone").status == 0)
            rmdir(lost)
            let directories = try await guest.ask("ls -d /gone 2>&1")
            #expect(directories == "/gone" || directories.contains("No such file"))
            let before = try await guest.status()

            try await guest.reboot()
            try await guest.comesBack()

            #expect(try await guest.status()["qemuPid"] as? Int == before["qemuPid"] as? Int)
            let expected = [
                "/a rw mounted", "/a/inner rw mounted", "/a/lost rw gone", "/mnt/deep/b ro mounted", "/c ro mounted",
            ]
            #expect(try await guest.shares.sorted() == expected.sorted())
            #expect(
                try await guest.ask("cat /boot/file /a/file /a/inner/file /mnt/deep/b/file /c/file; ls -A /gone")
                    == "boot\na/file\nb/file\nb/file\nc/file\nls: cannot access '/gone': No such file or directory")
            // Nothing was made on the host, and each is mounted once.
            #expect(!FileManager.default.fileExists(atPath: lost))
            #expect(
                try await guest.ask("grep -c ' /a ' /proc/self/mountinfo; grep -c ' /c ' /proc/self/mountinfo")
                    == "1\n1")
            // And all goes on: a write, an add, a removal.
            #expect(try await guest.ask("echo new > /a/inner/new && cat /a/inner/new") == "new")
            #expect(FileManager.default.fileExists(atPath: guest.scratch.path("b/new")))
            #expect(try await guest.sheaf("share", "add", "\(inner):/again").status == 0)
            #expect(try await guest.sheaf("share", "rm", "/a/lost").status == 0)
            #expect(try await guest.sheaf("share", "rm", "/a/inner").status == 0)

            // A second time, with what there is now.
            try await guest.reboot()
            try await guest.comesBack()
            #expect(
                try await guest.ask("cat /boot/file /a/file /c/file; ls -d /again; ls /a/inner")
                    == "boot\na/file\nc/file\n/again")
            #expect(try await guest.end().status == 0)
        }

        @Test func addsWhileTheGuestReboots() async throws {
            let guest = try await LiveGuest(command: [])
            let (a, b) = (try guest.scratch.directory("a"), try guest.scratch.directory("b"))
            #expect(try await guest.sheaf("share", "add", "\(a):/a").status == 0)

            try await guest.reboot()
            let adding = try guest.start(["share", "add", "\(b):/b", "--timeout", "60"])
            let again = try guest.start(["share", "add", "\(a):/a", "--timeout", "60"])
            let (added, readded) = (try await adding.finish(limit: 90), try await again.finish(limit: 90))
            try await guest.comesBack()

            #expect(added.status == 0, "\(added.errors)")
            #expect(readded.status == 0, "\(readded.errors)")
            #expect(try await guest.shares == ["/a rw mounted", "/b rw mounted"])
            #expect(
                try await guest.ask("grep -c ' /a ' /proc/self/mountinfo; grep -c ' /b ' /proc/self/mountinfo")
                    == "1\n1")
            #expect(try await guest.end().status == 0)
        }

        /// Unbinds and binds the driver of the device that was plugged in last.
        private let reload = """
            device=$(basename $(readlink -f $(ls -d /sys/bus/virtio/drivers/virtiofs/virtio* | tail -1)/..))
            echo $device > /sys/bus/pci/drivers/virtio-pci/unbind
            echo $device > /sys/bus/pci/drivers/virtio-pci/bind
            """

        @Test(arguments: ["6.1", "6.12"])
        func bringsSharesBackWhenTheirDriverIsLoadedAgain(version: String) async throws {
            let guest = try await LiveGuest(version)
            let (a, b) = (try guest.scratch.directory("a"), try guest.scratch.directory("b"))
            _ = try guest.scratch.directory("a/inner")
            try guest.scratch.write("a/file", "a\n")
            try guest.scratch.write("b/file", "b\n")
            for share in ["\(a):/a", "\(b):/a/inner", "\(b):/mnt/b", "\(b):/ro:ro"] {
                let added = try await guest.sheaf("share", "add", share)
                try #require(added.status == 0, "\(added.errors)")
            }
            let before = try await guest.traces()

            // With all that is mounted, and with a file that is open.
            let answer = try await guest.ask(
                """
                exec 7< /a/file
                \(reload)
                for i in $(seq 100); do cat /mnt/b/file >/dev/null 2>&1 && break; sleep 0.1; done
                cat /a/file /a/inner/file /mnt/b/file /ro/file; echo new > /a/inner/new; cat <&7; exec 7<&-
                """)
            #expect(answer.hasPrefix("a\nb\nb\nb\n"), "\(answer)")
            #expect(answer.contains("not connected"), "\(answer)")
            #expect(guest.scratch.text("b/new") == "new\n")
            let after = try await guest.settles(to: before)
            #expect(after == before)
            #expect(try await guest.sheaf("share", "rm", "/a/inner").status == 0)
            #expect(try await guest.sheaf("share", "set", "/a", "--ro").status == 0)
            #expect(try await guest.ask("cat /a/file; \(reload)") == "a")

            // After everything was unmounted: only who asks for a share gets it back.
            let unmounted = try await guest.ask(
                "sleep 0.5; umount /mnt/b && umount /run/sheaf/rw && \(reload); ls /mnt/b")
            #expect(unmounted == "", "\(unmounted)")
            #expect(try await guest.shares.sorted() == ["/a ro mounted", "/mnt/b rw gone", "/ro ro mounted"])
            #expect(try await guest.sheaf("share", "add", "\(b):/mnt/b").status == 0)
            #expect(try await guest.ask("cat /mnt/b/file") == "b")
            #expect(try await guest.devices == ["sheaf-rw hot-plugged 1", "sheaf-ro boot 3"])
            #expect(try await guest.end().status == 0)
        }
    }
}

extension LiveGuest {
    /// The VM's status.
    fileprivate func status() async throws -> [String: Any] { try await json("status", name) }

    /// How often the guest has begun to reboot.
    fileprivate var reboots: Int { words.components(separatedBy: "the guest reboots").count - 1 }

    /// Has the guest reboot, and returns when it does.
    fileprivate func reboot() async throws {
        let before = reboots
        try type("reboot")
        let end = ContinuousClock.now + .seconds(60)
        while reboots == before, ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(10)) }
        #expect(reboots == before + 1, "\(words)")
    }

    /// Waits until the guest has booted again and its shell answers.
    fileprivate func comesBack() async throws {
        let end = ContinuousClock.now + .seconds(60)
        while try await status()["state"] as? String != "running", ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(50))
        }
        _ = try await ask("true")
    }
}
