import Foundation
import Testing

extension LiveBoots {
    @Suite(.serialized) struct TerminalTests {
        /// A terminal that runs one command in a guest.
        private func terminal(_ arguments: [String]) throws -> TypedProgram {
            try TypedProgram(Sheaf.shellLine(Sheaf.run(arguments: arguments)))
        }

        @Test(arguments: [["--"], ["--timeout", "12", "--"]])
        func leavesTheTerminalAsItWas(options: [String]) async throws {
            let script = "echo up" + (options.count > 1 ? "; sleep 100" : "")
            let line = try Sheaf.shellLine(Sheaf.run(arguments: options + ["sh", "-c", script]))

            let finished = try await TypedProgram("stty -g; \(line); echo status $?; stty -g").finish()

            let lines = finished.text.split(whereSeparator: \.isNewline)
            let settings = lines.filter { $0.split(separator: ":").count > 10 }
            #expect(settings.count == 2, "\(finished.text)")
            #expect(Set(settings).count == 1)
            #expect(lines.contains("up"))
            #expect(lines.contains(options.count > 1 ? "status 124" : "status 0"))
        }

        @Test func endsAfterTheEscapeTypedThreeTimes() async throws {
            let terminal = try terminal(["--", "sh", "-c", "echo up; sleep 100"])
            #expect(try await terminal.shows("up"))

            try terminal.type("\u{1d}\u{1d}\u{1d}")
            let finished = try await terminal.finish(limit: 30)

            #expect(finished.status == 128 + SIGINT, "\(finished.text)")
        }

        @Test func addsAShareFromTheMenuAndGivesTheTerminalBack() async throws {
            let scratch = try Scratch()
            let folder = try scratch.directory("folder")
            try scratch.write("folder/file", "from the host\n")
            let terminal = try terminal(["--", "sh", "-c", "echo up; read line; cat /new/file; read line; exit $line"])
            #expect(try await terminal.shows("up"))

            try terminal.type("\u{1d}")
            #expect(try await terminal.shows("add a share"))
            try terminal.type("a")
            #expect(try await terminal.shows("Host directory or file"))
            try terminal.type("\(folder)\r")
            #expect(try await terminal.shows("Access"))
            try terminal.type("ro\r")
            #expect(try await terminal.shows("/folder]:"))
            try terminal.type("/new\r")
            #expect(try await terminal.shows("Share it?"))
            try terminal.type("\r")
            #expect(try await terminal.shows("is at /new (read-only)"))
            try terminal.type("\r")
            #expect(try await terminal.shows("from the host"))
            try terminal.type("7\r")
            let finished = try await terminal.finish(limit: 30)

            #expect(finished.status == 7, "\(finished.text)")
        }

        @Test func passesAnInterruptTypedToTheCommand() async throws {
            let terminal = try terminal([
                "--", "sh", "-c", "trap 'echo caught; exit 9' INT; echo up; while :; do sleep 0.1; done",
            ])
            #expect(try await terminal.shows("up"))

            try terminal.type("\u{3}")
            let finished = try await terminal.finish(limit: 30)

            #expect(finished.status == 9)
            #expect(finished.text.contains("caught"))
        }

        @Test func endsWellWhenItsUserPowersTheGuestOff() async throws {
            let terminal = try terminal([])
            #expect(try await terminal.shows("opens a menu"))

            // As poweroff(8) asks an init.
            try terminal.type("kill -USR1 1\n")
            let finished = try await terminal.finish(limit: 30)

            #expect(finished.status == 0, "\(finished.text)")
        }
    }
}
