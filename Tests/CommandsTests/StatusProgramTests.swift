import Control
import Foundation
import Testing

@testable import Commands
@testable import Machine

@Suite struct StatusProgramTests {
    private static let enter = "\u{1b}[?1049h\u{1b}[?25l"
    private static let leave = "\u{1b}[0m\u{1b}[?25h\u{1b}[?1049l"

    private func machine(shares: Int = 2) throws -> StandInMachine {
        try StandInMachine(.example(shares: (0..<shares).map { .example("/share/\($0)", subname: "s\($0)") }))
    }

    private func program(
        _ machine: StandInMachine, _ arguments: [String], environment: [String: String] = [:], rows: UInt16 = 24
    ) throws -> TerminalProgram {
        try TerminalProgram(
            BuiltProgram.sheaf, ["status"] + arguments,
            environment: ["XDG_RUNTIME_DIR": machine.runtime].merging(environment) { $1 },
            rows: rows, beside: machine)
    }

    // MARK: - On a terminal

    @Test func watchesUntilItsUserHasEnough() throws {
        let machine = try machine()
        let program = try program(machine, ["--watch", "--interval", "0.1"])
        let before = program.firstSettings

        #expect(program.shows("1000    1.0M"), "\(program.text)")
        #expect(program.settings != before)
        #expect(program.waits { machine.looks > 5 })
        program.type("q")

        #expect(program.finish() == 0)
        #expect(program.settings == before)
        #expect(program.text.hasPrefix(Self.enter))
        #expect(program.text.hasSuffix(Self.leave))
    }

    @Test(arguments: [
        ("\u{3}", 0, 0), ("", SIGINT, 0), ("", SIGTERM, 128 + SIGTERM), ("", SIGHUP, 128 + SIGHUP),
    ])
    func givesTheTerminalBack(typed: String, signal: CInt, status: CInt) throws {
        let program = try program(try machine(), ["--watch"])
        let before = program.firstSettings
        #expect(program.shows("REQ/S"))

        program.type(typed)
        if signal > 0 { program.signal(signal) }

        #expect(program.finish() == status)
        #expect(program.settings == before)
        #expect(program.text.hasSuffix(Self.leave))
    }

    @Test func saysThatTheMachineHasEnded() throws {
        let machine = try machine()
        let program = try program(machine, ["--watch", "--interval", "3600"])
        let before = program.firstSettings
        #expect(program.shows("1000"))

        machine.end()

        #expect(program.finish() == 0)
        #expect(program.settings == before)
        #expect(program.text.hasSuffix(Self.leave + "sheaf: the VM 'dev' has ended\r\n"))
    }

    @Test func followsTheWindowAtOnceAndScrolls() throws {
        let program = try program(try machine(shares: 40), ["--watch", "--interval", "3600"])
        #expect(program.shows("23 of 40 shares not shown"), "\(program.text)")

        var count = program.output.count
        program.resize(rows: 12, columns: 100)
        #expect(program.shows("34 of 40 shares not shown", after: count))
        #expect(program.shows("SOURCE", after: count))

        count = program.output.count
        program.type("\u{1b}[F")
        #expect(program.shows("/share/39", after: count))
        count = program.output.count
        program.type("\u{1b}[5~")
        #expect(program.shows("/share/31", after: count))

        program.type("q")
        #expect(program.finish() == 0)
    }

    @Test func heedsNoColor() throws {
        let coloured = try program(try machine(), [])
        let plain = try program(try machine(), [], environment: ["NO_COLOR": "1"])

        #expect(coloured.finish() == 0)
        #expect(plain.finish() == 0)
        #expect(coloured.text.contains("\u{1b}[1mdev\u{1b}[0m"))
        #expect(!plain.text.contains("\u{1b}"))
        #expect(plain.text.contains("REQ/S"))
    }

    // MARK: - Elsewhere

    @Test func logsLinesWhereTheCursorCannotBeMoved() throws {
        let machine = try machine()
        let program = try program(machine, ["--watch", "--interval", "0.1"], environment: ["TERM": "dumb"])
        #expect(program.waits { program.text.split(separator: "\r\n").count >= 6 })
        machine.end()

        #expect(program.finish() == 0)
        let lines = program.text.split(separator: "\r\n")
        #expect(lines[0].hasSuffix("dev /share/0 rw mounted 1000 req/s 1.0M read/s 0 written/s 0 open 0 inodes"))
        #expect(lines.last == "sheaf: the VM 'dev' has ended")
        #expect(!program.text.contains("\u{1b}"))
    }

    @Test func printsAnObjectWithRates() throws {
        let program = try program(try machine(), ["--format", "json"])

        #expect(program.finish() == 0)
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(program.output)) as? [String: Any], "\(program.text)")
        let shares = try #require(object["shares"] as? [[String: Any]])
        #expect(object["name"] as? String == "dev")
        #expect(shares.map { $0["source"] as? String } == ["/share/0", "/share/1"])
        let rates = try #require(shares[0]["rates"] as? [String: Double])
        #expect(
            rates == ["requestsPerSecond": 1000, "readBytesPerSecond": 1_048_576, "writtenBytesPerSecond": 0])
    }

    @Test func printsAnObjectALineWhileItWatches() throws {
        let machine = try machine()
        let program = try program(machine, ["dev", "--watch", "--interval", "0.1", "--format", "json"])
        #expect(program.waits { program.text.split(separator: "\r\n").count >= 3 })
        program.signal(SIGTERM)

        #expect(program.finish() == 128 + SIGTERM)
        for line in program.text.split(separator: "\r\n").prefix(3) {
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            let shares = try #require(object["shares"] as? [[String: Any]])
            #expect((shares[0]["rates"] as? [String: Double])?["requestsPerSecond"] == 1000)
        }
    }

    @Test(arguments: [[], ["--watch"]])
    func tellsOfAMachineThatCannotBeAsked(arguments: [String]) throws {
        let machine = try machine()
        let silent = try machine.place.claim("silent")
        defer { silent.remove() }
        let program = try program(machine, ["silent"] + arguments)
        let before = program.firstSettings

        #expect(program.finish() == 1)
        #expect(program.settings == before)
        #expect(program.text.contains("sheaf: the VM 'silent' is preparing: nobody can be reached at"))
    }

    // MARK: - In a shell

    @Test func isCompletedByBash() throws {
        let machine = try machine()
        let directory = FileManager.default.temporaryDirectory.path
        let program = try TerminalProgram(
            "/bin/bash", ["--norc", "--noprofile", "-i"],
            environment: [
                "PATH": "\((BuiltProgram.sheaf as NSString).deletingLastPathComponent):/usr/bin:/bin",
                "XDG_RUNTIME_DIR": machine.runtime, "HOME": directory, "PS1": "> ",
            ], beside: machine)
        program.type("source <(sheaf completion bash); echo rea''dy\n")
        #expect(program.shows("ready"), "\(program.text)")

        var count = program.output.count
        program.type("sheaf stat\t")
        #expect(program.shows("sheaf status ", after: count), "\(program.text)")
        count = program.output.count
        program.type("d\t")
        #expect(program.shows("dev ", after: count), "\(program.text)")
        program.type("\u{15}exit\n")

        #expect(program.finish() == 0)
    }
}
