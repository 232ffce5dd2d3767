import GuestLink
import Testing

@testable import GuestBoot

@Suite struct KernelCommandLineTests {
    private func share(_ index: Int, target: String? = nil) -> ShareSetting {
        // The subname is a GUID of 32 digits.
        let digits = String(index, radix: 16)
        let subname = String(repeating: "0", count: 32 - digits.count) + digits
        return ShareSetting(
            bucket: .readWrite, subname: Array(subname.utf8), target: Array((target ?? "/mnt/share-\(index)").utf8))
    }

    private func line(shares: Int = 0) -> KernelCommandLine {
        var line = KernelCommandLine(
            architecture: .x86_64,
            root: .child(.readOnly, subname: Array(repeating: 0x61, count: 32), .overlay))
        line.hostname = "guest"
        line.shares = (0..<shares).map { share($0) }
        return line
    }

    private func values(_ key: String, in text: String) -> [String] {
        text.split(separator: " ").filter { $0.hasPrefix("sheaf.\(key)=") }.map { String($0.dropFirst(key.count + 7)) }
    }

    @Test func saysWhatAGuestWithoutSharesNeeds() throws {
        var line = KernelCommandLine(architecture: .x86_64, root: .none)
        line.messages = .all

        let rendered = try line.rendered()

        #expect(rendered.text == "console=ttyS0 panic=-1 cryptomgr.notests sheaf.root=none")
        #expect(rendered.spilled.isEmpty)
    }

    @Test func takesTheConsoleOfTheArchitecture() throws {
        let line = KernelCommandLine(architecture: .arm64, root: .none)

        #expect(try line.rendered().text.hasPrefix("console=ttyAMA0 "))
    }

    @Test func putsTheUsersParametersLast() throws {
        var line = line(shares: 1)
        line.appended = "loglevel=7 a=\"b c\""

        #expect(try line.rendered().text.hasSuffix(" loglevel=7 a=\"b c\""))
    }

    @Test(arguments: [40, 400])
    func spillsTheSharesThatHaveNoRoomInTheirOrder(count: Int) throws {
        let line = line(shares: count)

        let rendered = try line.rendered()

        let onLine = values("share", in: rendered.text)
        let spilled = rendered.spilled.map { String(decoding: $0, as: UTF8.self) }
        let expected = line.shares.map { String(decoding: $0.value, as: UTF8.self) }
        #expect(rendered.text.utf8.count <= 2047)
        #expect(!onLine.isEmpty && !spilled.isEmpty)
        #expect(onLine + spilled.map { String($0.dropFirst("share=".count)) } == expected)
        #expect(values("spilled", in: rendered.text) == [String(spilled.count)])
    }

    @Test func saysNothingOfSpillingWhereAllFits() throws {
        let rendered = try line(shares: 3).rendered()

        #expect(values("share", in: rendered.text).count == 3)
        #expect(values("spilled", in: rendered.text).isEmpty)
    }

    @Test func spillsALaterShortShareBehindALongOne() throws {
        var line = line()
        line.shares = [share(0), share(1, target: "/" + String(repeating: "long", count: 600)), share(2)]

        let rendered = try line.rendered()

        #expect(values("share", in: rendered.text).count == 1)
        #expect(rendered.spilled.count == 2)
    }

    @Test(arguments: ["/with blank", "/quote\"d", "/per%cent,comma", "/line\nbreak", "/grün/日本", "/a=b --"])
    func encodesEveryPathIntoOneWord(target: String) throws {
        var line = line()
        line.shares = [share(7, target: target)]

        let rendered = try line.rendered()

        let value = try #require(values("share", in: rendered.text).first)
        let decoded = try #require(ShareSetting(value: Array(value.utf8)))
        #expect(decoded.target == Array(target.utf8))
        #expect(!rendered.text.contains("\""))
    }

    @Test func fillsTheLineToItsLastByteAndNotPastIt() throws {
        var line = line(shares: 2)
        line.appended = "x"
        let reserved = " sheaf.spilled=2".utf8.count
        let needed = try KernelCommandLineTests.withoutShares(line).rendered().text.utf8.count - 2
        line.appended = String(repeating: "x", count: 2047 - needed - reserved - 1)

        let rendered = try line.rendered()

        #expect(rendered.text.utf8.count == 2047)
        #expect(rendered.spilled.count == 2)
        line.appended += "x"
        #expect(
            throws: CommandLineError.tooLong(
                needed: needed + reserved, appended: 2048 - needed - reserved, limit: 2047)
        ) {
            try line.rendered()
        }
    }

    @Test func saysBothLengthsOfALineThatIsTooLong() throws {
        let text = CommandLineError.tooLong(needed: 100, appended: 1950, limit: 2047).description

        #expect(text.contains("100"))
        #expect(text.contains("1950"))
        #expect(text.contains("2047"))
    }

    @Test(arguments: [("a\nb", 10), ("a\0b", 0), ("a\u{1b}b", 27)])
    func refusesWhatWouldCutOrForgeTheLine(appended: String, byte: UInt8) {
        var line = line()
        line.appended = appended

        #expect(throws: CommandLineError.badCharacter(byte)) { try line.rendered() }
    }

    private static func withoutShares(_ line: KernelCommandLine) -> KernelCommandLine {
        var line = line
        line.shares = []
        return line
    }
}
