import Foundation
import Testing

/// What boots a guest for a command and waits for its end, one by one: guests without KVM share two cores, of which the other
/// is for `LiveBoots`.
@Suite(.serialized) enum Boots {}

/// What boots a guest and asks it, or changes it, while it runs.
@Suite(.serialized) enum LiveBoots {}

extension Boots {
    @Suite(.serialized) struct BootTests {
        /// Two shares as the first example of the manual has them.
        private func shares(_ scratch: Scratch) throws -> [String] {
            let a = try scratch.directory("a")
            let b = try scratch.directory("b")
            try scratch.write("a/x", "from the host\n")
            return ["-v", "\(a):/a", "-v", "\(b):/b:ro"]
        }

        private let example = ["--", "sh", "-c", "cat /a/x; echo hi > /a/y; echo no > /b/z; exit 7"]

        @Test(arguments: ["6.1", "6.12"])
        func runsACommandWithSharesAndEndsWithItsStatus(version: String) async throws {
            let scratch = try Scratch()

            let finished = try await Program(Sheaf.run(version, shares(scratch) + example)).finish()

            #expect(finished.status == 7)
            #expect(finished.text == "from the host\n")
            #expect(finished.errors.contains("Read-only file system"))
            #expect(scratch.text("a/y") == "hi\n")
            #expect(!FileManager.default.fileExists(atPath: scratch.path("b/z")))
        }

        @Test(arguments: ["6.1", "6.12"])
        func doesTheSameForAnOrdinaryUser(version: String) async throws {
            let user = try OrdinaryUser(kernel: version)
            let a = try user.directory("a")
            let b = try user.directory("b")
            try user.scratch.write("a/x", "from the host\n")

            let finished = try await Program(
                ["env"] + user.run(version, ["-v", "\(a):/a", "-v", "\(b):/b:ro"] + example)
            ).finish()

            #expect(finished.status == 7, "\(finished.errors)")
            #expect(finished.text == "from the host\n")
            #expect(finished.errors.contains("Read-only file system"))
            #expect(user.scratch.text("a/y") == "hi\n")
            var status = stat()
            #expect(stat(user.scratch.path("a/y"), &status) == 0)
            #expect(getuid() != 0 || status.st_uid == OrdinaryUser.number)
        }

        @Test func keepsReadOnlyWhateverTheGuestRemounts() async throws {
            let scratch = try Scratch()
            let script = """
                mount -o remount,bind,rw /b && echo remounted
                echo no > /b/z
                cd /run/sheaf/ro/* 2>/dev/null || for d in /run/sheaf/ro/*; do [ -e $d/marker ] && cd $d; done
                for d in /run/sheaf/ro/*; do [ -e $d/marker ] && { cat $d/marker; echo no > $d/z; rm -f $d/marker; }; done
                cat /b/marker
                """
            let arguments = try shares(scratch)
            try scratch.write("b/marker", "here\n")

            let finished = try await Program(Sheaf.run(arguments: arguments + ["--", "sh", "-c", script])).finish()

            #expect(finished.text == "remounted\nhere\nhere\n", "\(finished.errors)")
            #expect(finished.errors.components(separatedBy: "Read-only file system").count >= 4)
            #expect(scratch.text("b/marker") == "here\n")
            #expect(!FileManager.default.fileExists(atPath: scratch.path("b/z")))
        }

        @Test func mountsManySharesThroughAConstantNumberOfDevices() async throws {
            let scratch = try Scratch()
            var arguments: [String] = []
            for number in 0..<40 {
                arguments += [
                    "-v", "\(try scratch.directory("s\(number)")):/mnt/s\(number)\(number % 2 == 1 ? ":ro" : "")",
                ]
                try scratch.write("s\(number)/marker", "\(number)\n")
            }
            let script = """
                cat $(seq -f '/mnt/s%g/marker' 0 39)
                grep -c virtiofs /sys/bus/virtio/drivers/virtiofs/virtio*/uevent >/dev/null; ls -d /sys/bus/virtio/drivers/virtiofs/virtio* | wc -l
                for n in $(seq 0 39); do touch /mnt/s$n/new 2>/dev/null && echo w; done | wc -l
                """

            let finished = try await Program(Sheaf.run(arguments: arguments + ["--", "sh", "-c", script])).finish()

            let numbers = (0..<40).map { "\($0)\n" }.joined()
            #expect(finished.text == numbers + "2\n20\n", "\(finished.errors)")
        }

        @Test func spillsWhatTheCommandLineHasNoRoomFor() async throws {
            let scratch = try Scratch()
            var arguments: [String] = []
            for number in 0..<400 {
                arguments += ["-v", "\(try scratch.directory("s\(number)")):/mnt/a/rather/long/target/s\(number)"]
                try scratch.write("s\(number)/marker", "\(number)\n")
            }

            let finished = try await Program(
                Sheaf.run(
                    arguments: arguments + [
                        "--", "sh", "-c", "cat $(seq -f '/mnt/a/rather/long/target/s%g/marker' 0 399)",
                    ])
            ).finish()

            #expect(finished.status == 0, "\(finished.errors)")
            #expect(finished.text == (0..<400).map { "\($0)\n" }.joined())
        }

        @Test func hidesWhatIsPersonalInTheHostsRoot() async throws {
            let script =
                "ls -A /home /root /mnt /srv /media /tmp | grep -v ':$' | grep -v '^$' | grep -v '^sheaf$'; test -x /usr/bin/env && id -u"

            let finished = try await Program(Sheaf.run(arguments: ["--", "sh", "-c", script])).finish()

            #expect(finished.text == "0\n", "\(finished.errors)")
        }

        @Test func bootsIntoADirectoryWrittenThroughAndIntoOneUnderAnOverlay() async throws {
            let scratch = try Scratch()
            let root = try scratch.directory("root/bin")
            for mountPoint in ["proc", "sys", "dev", "run"] { _ = try scratch.directory("root/\(mountPoint)") }
            try FileManager.default.copyItem(atPath: "/bin/busybox", toPath: "\(root)/busybox")

            let through = try await Program(
                Sheaf.run(arguments: [
                    "--root", "\(scratch.path("root")):rw", "--", "/bin/busybox", "touch", "/through",
                ])
            ).finish()
            let over = try await Program(
                Sheaf.run(arguments: ["--root", scratch.path("root"), "--", "/bin/busybox", "touch", "/over"])
            ).finish()

            #expect(through.status == 0, "\(through.errors)")
            #expect(over.status == 0, "\(over.errors)")
            #expect(FileManager.default.fileExists(atPath: scratch.path("root/through")))
            #expect(!FileManager.default.fileExists(atPath: scratch.path("root/over")))
        }

        @Test func staysInItsInitramfsWithoutARoot() async throws {
            let scratch = try Scratch()
            let tools = try scratch.directory("tools")
            try FileManager.default.copyItem(atPath: "/bin/busybox", toPath: "\(tools)/busybox")

            let finished = try await Program(
                Sheaf.run(arguments: [
                    "--root", "none", "-v", "\(tools):/tools:ro", "--", "/tools/busybox", "sh", "-c", "echo in; exit 3",
                ])
            ).finish()

            #expect(finished.status == 3, "\(finished.errors)")
            #expect(finished.text == "in\n")
        }
    }
}

extension Sheaf {
    /// The arguments of a `sheaf run` on the newer kernel.
    static func run(arguments: [String]) throws -> [String] { try run("6.12", arguments) }
}
