import GuestLink
import Linux
import SystemPackage
import TestSupport
import Testing

@testable import EventLoop
@testable import Machine

@Suite struct LogAllowanceTests {
    private let end = "\nsheaf: this log ends here, after 10 bytes\n"

    @Test(arguments: [1, 3, 10, 11, 1000])
    func takesSoMuchAndSaysOnceThatThereWasMore(size: Int) {
        var allowance = LogAllowance(of: 10)
        var taken: [UInt8] = []
        for _ in 0..<(1000 / size) { taken += allowance.take([UInt8](repeating: 0x78, count: size)) }

        #expect(String(decoding: taken, as: UTF8.self) == "xxxxxxxxxx" + end)
    }

    @Test func saysNothingWhereThereWasNoMore() {
        var allowance = LogAllowance(of: 10)

        #expect(allowance.take([UInt8](repeating: 0x78, count: 10)).count == 10)
        #expect(allowance.take([]).isEmpty)
    }

    @Test func endsAConsolesLog() throws {
        let directory = try TemporaryDirectory()
        let path = FilePath(directory.path).appending("log")
        let log = try ConsoleLog(at: path, LogAllowance(of: 10))

        for _ in 0..<5 { #expect(log.append(Array("boot ".utf8)) == nil) }

        #expect(try HostFolder(directory.path).text("log") == "boot boot " + end)
        #expect(throws: LaunchError.self) { try ConsoleLog(at: path) }
    }

    @Test func endsALogOfBothOutputsAndLeavesTheCommandItsRoom() throws {
        let loop = EventLoop()
        let pipe = try Pipe()
        let output = SharedDescriptor(try pipe.writingEnd.duplicate())
        let streams = SessionStreams(
            input: try ByteStream(sharing: pipe.readingEnd.number, on: loop),
            output: try ByteStream(sharing: output.number, on: loop),
            errorOutput: try ByteStream(sharing: output.number, on: loop))
        streams.allowance = LogAllowance(of: 10)
        let link = AgentLink { _ in }
        link.events.broken = { Issue.record("\($0)") }
        let session = try link.execute(.init([], environment: [], directory: nil, terminal: nil))
        streams.join(session)

        for _ in 0..<4000 {
            _ = session.handle(.output, Array("utput ".utf8) + [UInt8](repeating: 0x2e, count: 1000))
            _ = session.handle(.errorOutput, [UInt8](repeating: 0x2e, count: 1000))
        }
        streams.say("launcher")

        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = try bytes.withUnsafeMutableBytes {
            try FileDescriptor(rawValue: pipe.readingEnd.number).read(into: $0)
        }
        #expect(String(decoding: bytes.prefix(count), as: UTF8.self) == "utput ...." + end)
    }
}
