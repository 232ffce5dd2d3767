import Foundation
import Testing

extension LiveBoots {
    /// `sheaf exec` and `sheaf shell`.
    @Suite(.serialized) struct CommandTests {
        @Test func runsCommandsAsRunDoes() async throws {
            let machine = try await BackgroundMachine(nil, ["--name", "box"])
            #expect(machine.name == "box")

            // How it ends.
            let own = try await machine.exec("printf out; printf err >&2; exit 7")
            #expect(own.status == 7)
            #expect(own.text == "out")
            #expect(own.errors == "err")
            #expect(try await machine.exec("kill -9 $$").status == 137)
            let missing = try await machine.finish("exec", "--", "nosuchcmd")
            #expect(missing.status == 127)
            #expect(missing.errors.contains("nosuchcmd"))
            #expect(try await machine.finish("exec", "--", "/etc/passwd").status == 126)
            #expect(try await machine.finish("exec", "--cwd", "/nonexistent", "--", "true").status == 126)
            #expect(try await machine.finish("exec", "other", "--", "true").status == 125)
            #expect(try await machine.finish("exec", "box").status == 64)

            // What it has.
            let given = try await machine.finish(
                "exec", "--cwd", "/usr", "-e", "WORD=a b", "--", "sh", "-c", "pwd; echo $WORD; tty")
            #expect(given.text == "/usr\na b\nnot a tty\n")

            // Bytes, both ways, and their ends.
            var bytes = Data(count: 3_000_000)
            for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* 31 &+ index / 257) }
            let through = try await machine.exec("cat", input: bytes)
            #expect(through.status == 0, "\(through.errors)")
            #expect(through.output == bytes)

            // Who stops reading, and a disk that is full.
            let line = Sheaf.shellLine(machine.sheaf("exec", "--", "yes"))
            let environment = machine.surroundings.environment
            let cut = try await Program(
                ["bash", "-c", "\(line) | head -n 1; echo ${PIPESTATUS[0]}"], environment: environment
            ).finish(limit: 30)
            #expect(cut.text == "y\n141\n")
            let echo = Sheaf.shellLine(machine.sheaf("exec", "--", "echo", "lost"))
            let full = try await Program(["sh", "-c", "exec \(echo) > /dev/full"], environment: environment)
                .finish(limit: 30)
            #expect(full.status == 125)
            #expect(full.errors.contains("ENOSPC"))
        }

        @Test func runsManyAtOnceAndHangsUpThoseWhoseClientIsKilled() async throws {
            let machine = try await BackgroundMachine()

            // One that takes nothing holds up none of the others.
            let stalled = Sheaf.shellLine(machine.sheaf("exec", "--", "yes"))
            let slow = try Program(
                ["bash", "-c", "\(stalled) | sleep 60"], environment: machine.surroundings.environment)
            let programs = try (0..<20).map { number in
                try machine.start(
                    "exec", "--", "sh", "-c",
                    "sleep 0.\(number % 5); head -c 300000 /dev/zero | wc -c; echo \(number) >&2; exit \(number)")
            }
            for (number, program) in programs.enumerated() {
                let finished = try await program.finish(limit: 60)
                #expect(finished.status == CInt(number), "\(finished.errors)")
                #expect(finished.text == "300000\n")
                #expect(finished.errors == "\(number)\n")
            }
            slow.signal(SIGKILL)

            let client = try machine.start(
                "exec", "--", "sh", "-c",
                "trap 'echo ending; sleep 0.3; echo hup > /tmp/hup; exit' HUP; echo up; while :; do sleep 0.1; done")
            #expect(try await client.waits(upTo: 30) { client.outputSoFar.contains("up") }, "\(client.errorsSoFar)")
            client.signal(SIGKILL)
            let hungUp = try await machine.exec(
                "for n in $(seq 100); do test -e /tmp/hup && break; sleep 0.1; done; cat /tmp/hup")
            #expect(hungUp.text == "hup\n")

            // A signal is the command's, which may do with it what it likes.
            let caught = try machine.start(
                "exec", "--", "sh", "-c", "trap 'echo caught; exit 9' TERM; echo up; while :; do sleep 0.1; done")
            #expect(try await caught.waits(upTo: 30) { caught.outputSoFar.contains("up") }, "\(caught.errorsSoFar)")
            caught.signal(SIGTERM)
            let ended = try await caught.finish(limit: 30)
            #expect(ended.status == 9)
            #expect(ended.text.contains("caught"))

            // The VM goes, and all who are there with it.
            let last = try machine.start("exec", "--", "sh", "-c", "echo up; sleep 100")
            #expect(try await last.waits(upTo: 30) { last.outputSoFar.contains("up") }, "\(last.errorsSoFar)")
            kill(machine.qemu, SIGKILL)
            let lost = try await last.finish(limit: 30)
            #expect(lost.status == 255)
            #expect(lost.errors.contains(machine.name))
        }

        @Test func givesAPersonATerminal() async throws {
            let machine = try await BackgroundMachine()
            let place = machine.surroundings.environment.map { "\($0)=\($1)" }.sorted()
            let exec = { (words: [String]) in Sheaf.shellLine(["env"] + place + words) }

            // Its size, when it begins and when that changes.
            let sized = exec(
                machine.sheaf(
                    "exec", "--", "sh", "-c",
                    "stty size; trap 'stty size; exit 5' WINCH; echo up; while :; do sleep 0.1; done"))
            let resized = try await TypedProgram(
                "stty rows 33 cols 101; (sleep 2; stty rows 40 cols 90 < /dev/tty) & \(sized)"
            ).finish(limit: 30)
            #expect(resized.status == 5, "\(resized.text)")
            #expect(resized.text.contains("33 101"))
            #expect(resized.text.contains("40 90"))

            // A shell: what is typed is its, and its status ours.
            let shell = try TypedProgram("stty -g; \(exec(machine.sheaf("shell"))); echo status $?; stty -g")
            #expect(try await shell.shows("three times leaves"))
            try shell.type("tty; exit 6\n")
            let left = try await shell.finish(limit: 30)
            #expect(left.text.contains("/dev/pts/"), "\(left.text)")
            #expect(left.text.contains("status 6"))
            let settings = left.text.split(whereSeparator: \.isNewline).filter { $0.split(separator: ":").count > 10 }
            #expect(settings.count == 2 && Set(settings).count == 1)

            // The way out of what does not end.
            let stuck = try TypedProgram(
                exec(machine.sheaf("exec", "--", "sh", "-c", "trap '' INT; echo up; sleep 100")))
            #expect(try await stuck.shows("up"))
            try stuck.type("\u{3}\u{1d}\u{1d}")
            try stuck.type("\u{1d}\u{1d}\u{1d}")
            #expect(try await stuck.finish(limit: 30).status == 128 + SIGHUP)
            let gone = try await machine.exec(
                "for n in $(seq 50); do pgrep -x sleep || exit 0; sleep 0.1; done; exit 1")
            #expect(gone.status == 0)
        }
    }
}
