import CLinux
import Foundation
import Linux
import Machine
import SystemPackage
import TestSupport
import Testing

@testable import Commands

@Suite struct SharePromptTests {
    /// A dialogue's screen after all that was typed, and its end.
    private func dialogue(_ typed: String..., columns: Int = 200) -> (screen: [String], result: SharePrompt.Result?) {
        var prompt = SharePrompt(columns: columns)
        var output = prompt.begin()
        var result: SharePrompt.Result?
        for piece in typed where result == nil {
            let (more, end) = prompt.feed(Array(piece.utf8))
            output += more
            result = end
        }
        return (screen(output), result)
    }

    /// The lines that a terminal shows after this, without what it moved over.
    private func screen(_ output: [UInt8]) -> [String] {
        String(decoding: output, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false).map { line in
            let last = line.components(separatedBy: "\r").last { !$0.hasPrefix("\u{1b}") && !$0.isEmpty } ?? ""
            return last.components(separatedBy: "\u{1b}")[0]
        }
    }

    @Test func asksForAllOfAShare() throws {
        let temporary = try TemporaryDirectory()
        try temporary.folder.makeFolder("models")

        let (screen, result) = dialogue("\(temporary.path)/models\r", "ro\r", "/m\r", "y\r")

        #expect(
            screen == [
                "Host directory or file to share: \(temporary.path)/models", "Access, rw or ro [rw]: ro",
                "Where in the guest [\(temporary.path)/models]: /m",
                "\(temporary.path)/models appears at /m in the guest, read-only.", "Share it? [Y/n] y", "",
            ])
        #expect(
            result == .share(ShareRequest(source: FilePath("\(temporary.path)/models"), target: "/m", isReadOnly: true))
        )
    }

    @Test func takesItsDefaultsForEmptyAnswers() throws {
        let temporary = try TemporaryDirectory()

        let result = dialogue("\(temporary.path)/\r\r\r\r").result

        #expect(result == .share(ShareRequest(source: FilePath(temporary.path))))
    }

    @Test(arguments: ["\u{3}", "\u{4}", "\u{1b}"])
    func givesUpAtAnyQuestion(key: String) throws {
        let temporary = try TemporaryDirectory()

        #expect(dialogue(key).result == .cancelled)
        #expect(dialogue("\(temporary.path)\r", key).result == .cancelled)
        #expect(dialogue("\(temporary.path)\r\r", key).result == .cancelled)
        #expect(dialogue("\(temporary.path)\r\r\r", key).result == .cancelled)
        #expect(dialogue("\(temporary.path)\r\r\rn\r").result == .cancelled)
    }

    @Test func asksAgainForASourceThatIsNone() throws {
        let temporary = try TemporaryDirectory()
        try #require(mkfifo("\(temporary.path)/pipe", 0o600) == 0)

        let (screen, result) = dialogue(
            "\r", "\(temporary.path)/pipe\r", "\u{7f}\u{7f}\u{7f}\u{7f}gone\r", "\u{17}\r\r\r\r")

        #expect(
            screen.prefix(7) == [
                "Host directory or file to share: ",
                "Name a directory or a file of this machine; Tab completes, Ctrl-C gives up.",
                "Host directory or file to share: \(temporary.path)/pipe",
                "'\(temporary.path)/pipe' is neither a directory nor a regular file.",
                "Host directory or file to share: \(temporary.path)/gone",
                "'\(temporary.path)/gone' does not exist, and nothing is made on the host for you.",
                "Host directory or file to share: \(temporary.path)/",
            ])
        #expect(result == .share(ShareRequest(source: FilePath(temporary.path))))
    }

    @Test func asksAgainForWrongAnswers() throws {
        let temporary = try TemporaryDirectory()

        let (screen, result) = dialogue(
            "\(temporary.path)\r", "rx\r", "\u{15}rw\r", "m\r", "\u{15}/\r", "\u{15}/m\r", "maybe\r", "\u{15}Y\r")

        #expect(screen.contains("'rx' is no access: rw lets the guest write, ro does not."))
        #expect(screen.contains { $0.contains("'m' is not absolute") })
        #expect(screen.contains { $0.contains("'/'") })
        #expect(screen.contains("'maybe' is neither yes nor no."))
        #expect(result == .share(ShareRequest(source: FilePath(temporary.path), target: "/m")))
    }

    @Test func takesAFile() throws {
        let temporary = try TemporaryDirectory()
        try temporary.folder.write("notes.txt", "")

        let (_, result) = dialogue("\(temporary.path)/n\t\r", "ro\r", "\r\r")

        #expect(
            result == .share(ShareRequest(source: FilePath("\(temporary.path)/notes.txt"), isReadOnly: true)))
    }

    @Test func completesWithTabAndListsWithTheSecond() throws {
        let temporary = try TemporaryDirectory()
        for name in ["alpha", "alpine", "alps"] { try temporary.folder.makeFolder(name) }

        let (screen, result) = dialogue("\(temporary.path)/a\t", "\t", "ha\t", "\r\r\r\r", columns: 40)

        #expect(screen.contains("alpha/   alpine/  alps/"))
        #expect(result == .share(ShareRequest(source: FilePath("\(temporary.path)/alpha"))))
    }

    @Test func listsNoMoreThanTenLines() throws {
        let temporary = try TemporaryDirectory()
        for number in 10...60 { try temporary.folder.makeFolder("n\(number)") }

        let screen = dialogue("\(temporary.path)/n\t", "\t", columns: 12).screen

        #expect(screen.dropFirst().prefix(10) == (10...19).map { "n\($0)/  n\($0 + 10)/" }[...])
        #expect(screen.contains("and 31 more"))
    }

    @Test(arguments: [("\r\r\r", true), ("\u{3}", false)])
    func asksOnATerminalAndGivesItBack(typed: String, isShared: Bool) throws {
        let temporary = try TemporaryDirectory()
        let request = ShareRequest(source: FilePath(temporary.path))
        var path = [CChar](repeating: 0, count: 64)
        let keyboard = try Descriptor(result: cl_open_pty(&path, 64))
        let screen = Descriptor(owning: open(path, O_RDWR | O_NOCTTY | O_CLOEXEC))
        let number = screen.number
        let before = try settings(of: number)
        // Before anything is asked: what is typed too early counts too. In raw mode, so that no line is waited for.
        var saved = termios()
        try checked(cl_make_raw(number, &saved))
        _ = try FileDescriptor(rawValue: keyboard.number).writeAll("\(temporary.path)\r\(typed)".utf8)
        // What the terminal has not got yet it would take as in its old mode: Ctrl-C throws away what was typed before.
        var arrival = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        try #require(cl_poll(&arrival, 1, 10_000) == 1)
        try checked(cl_restore_terminal(number, &saved))

        let result = try SharePrompt.ask(at: number, on: number)

        #expect(result == (isShared ? .share(request) : .cancelled))
        #expect(try settings(of: number) == before)
    }

    private func settings(of number: CInt) throws -> [tcflag_t] {
        var settings = termios()
        try #require(tcgetattr(number, &settings) == 0)
        return [settings.c_iflag, settings.c_oflag, settings.c_cflag, settings.c_lflag]
    }
}
