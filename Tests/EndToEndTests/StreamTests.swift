import Foundation
import Testing

extension Boots {
    @Suite(.serialized) struct StreamTests {
        @Test func passesBytesOfAPipeThroughBothWaysUnchanged() async throws {
            var bytes = Data(count: 3_000_000)
            for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* 31 &+ index / 257) }

            let finished = try await Program(Sheaf.run(arguments: ["--", "cat"]), input: bytes).finish()

            #expect(finished.status == 0, "\(finished.errors)")
            #expect(finished.output == bytes)
        }

        @Test func readsAPipeOfSomebodyElsesAsAnOrdinaryUser() async throws {
            let user = try OrdinaryUser(kernel: "6.12")
            let line = Sheaf.shellLine(["env"] + user.run("6.12", ["--", "cat"]))

            let finished = try await Program(["sh", "-c", "printf 'through a pipe' | \(line)"]).finish()

            #expect(finished.status == 0, "\(finished.errors)")
            #expect(finished.text == "through a pipe")
        }

        @Test func keepsOutputAndErrorsApart() async throws {
            let finished = try await Program(
                Sheaf.run(arguments: ["-q", "--", "sh", "-c", "printf out; printf err >&2"])
            ).finish()

            #expect(finished.text == "out")
            #expect(finished.errors == "err")
        }

        @Test func runsWithItsStandardInputClosed() async throws {
            let line = Sheaf.shellLine(try Sheaf.run(arguments: ["--", "sh", "-c", "wc -c; echo done"]))

            let finished = try await Program(["sh", "-c", "exec \(line) <&-"]).finish()

            #expect(finished.text == "0\ndone\n", "\(finished.errors)")
        }

        @Test func endsWhenNobodyReadsItsOutputAnyMore() async throws {
            let line = Sheaf.shellLine(try Sheaf.run(arguments: ["--", "sh", "-c", "yes; echo after >&2"]))

            let finished = try await Program(["sh", "-c", "\(line) | head -n 1"]).finish(limit: 90)

            #expect(finished.text == "y\n")
        }

        @Test func keepsToItsTimeoutWhenNobodyTakesItsOutput() async throws {
            let scratch = try Scratch()
            try #require(mkfifo(scratch.path("full"), 0o600) == 0)
            let line = Sheaf.shellLine(try Sheaf.run(arguments: ["--timeout", "10", "--", "yes"]))

            // Open for reading as well, so that it can be written to, and not read.
            let finished = try await Program(
                ["sh", "-c", "exec 3<>\"$0\"; \(line) > \"$0\"; echo $?", scratch.path("full")]
            ).finish(limit: 60)

            #expect(finished.text == "124\n", "\(finished.errors)")
        }

        @Test func saysThatItsOutputCouldNotBeWritten() async throws {
            let line = Sheaf.shellLine(try Sheaf.run(arguments: ["--", "echo", "lost"]))

            let finished = try await Program(["sh", "-c", "exec \(line) > /dev/full"]).finish()

            #expect(finished.status == 125)
            #expect(finished.errors.contains("ENOSPC"))
        }

        @Test func givesACommandATerminalWhereItHasOneItself() async throws {
            let line = Sheaf.shellLine(
                try Sheaf.run(arguments: ["--", "sh", "-c", "tty; stty size; read word; echo got $word; exit 5"]))

            let terminal = try TypedProgram("stty rows 33 cols 101; \(line)")
            // Ahead, while it boots.
            try await Task.sleep(for: .seconds(1))
            try terminal.type("ahoy\n")
            let finished = try await terminal.finish()

            #expect(finished.status == 5, "\(finished.errors)")
            #expect(finished.text.contains("/dev/pts/"))
            #expect(finished.text.contains("33 101"))
            #expect(finished.text.contains("got ahoy"))
        }
    }
}
