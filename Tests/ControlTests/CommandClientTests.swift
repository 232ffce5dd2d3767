import CLinux
import Control
import EventLoop
import Glibc
import Linux
import SystemPackage
import TestSupport
import Testing

@Suite struct CommandClientTests {
    /// How a command ends that is run by a server, after what `meanwhile` does with the client.
    private func end(
        of command: CommandExecution = CommandExecution(arguments: ["a"]), at path: FilePath,
        meanwhile: @escaping (CommandClient) -> Void = { _ in }
    ) throws -> Result<EndedCommand, ControlClientError>? {
        let loop = EventLoop()
        let client = try CommandClient(path: path, on: loop)
        var result: Result<EndedCommand, ControlClientError>?
        client.onEnd = {
            result = $0
            loop.stop()
        }
        let pipe = try Pipe()
        let output = try pipe.writingEnd.duplicate()
        try client.execute(
            command, input: try pipe.readingEnd.duplicate(), output: output, errorOutput: pipe.writingEnd)
        let pause = loop.after(.milliseconds(100)) { meanwhile(client) }
        let limit = loop.after(.seconds(20)) { loop.stop() }
        loop.run()
        pause.cancel()
        limit.cancel()
        return result
    }

    @Test func tellsHowTheCommandEnded() throws {
        let server = try ServedMachine { call in
            guard case .execute(let command) = call.request else { return }
            #expect(call.takeDescriptors().count == 3)
            call.answer(.success(.ended(EndedCommand(exited: UInt8(command.arguments.count)))))
        }

        #expect(try end(at: server.path) == .success(EndedCommand(exited: 1)))
    }

    @Test func sendsNoticesToItsCommand() throws {
        let server = try ServedMachine { call in
            var size: UInt16 = 0
            call.onNotice = { notice in
                switch notice {
                case .resize(let rows, let columns): size = rows + columns
                case .signal(let number):
                    call.answer(.success(.ended(EndedCommand(exited: UInt8(size), signaled: number))))
                }
            }
        }

        let result = try end(at: server.path) { client in
            client.resize(rows: 2, columns: 5)
            client.signal(9)
        }

        #expect(result == .success(EndedCommand(exited: 7, signaled: 9)))
    }

    @Test func tellsWhyItIsRefused() throws {
        let server = try ServedMachine { $0.answer(.failure(ControlFailure(.unavailable, "not yet"))) }

        #expect(try end(at: server.path) == .failure(.refused(ControlFailure(.unavailable, "not yet"))))
    }

    @Test func tellsThatTheMachineHasGone() throws {
        var server: ServedMachine? = try ServedMachine { _ in }
        let path = try #require(server?.path)

        #expect(try end(at: path) { _ in server = nil } == .failure(.disconnected))
    }

    @Test func refusesACommandThatIsTooLong() throws {
        let server = try ServedMachine { _ in }
        let long = CommandExecution(arguments: [String(repeating: "x", count: ControlServer.longestLine)])

        let error = #expect(throws: ControlClientError.self) { try end(of: long, at: server.path) }

        #expect(error?.description.contains("script") == true)
    }

    @Test func hasTheStatusThatAShellWouldGive() {
        #expect(EndedCommand(exited: 3).exitStatus == 3)
        #expect(EndedCommand(signaled: 9).exitStatus == 137)
        #expect(EndedCommand(failed: "", errno: "ENOENT", isNotFound: true).exitStatus == 127)
        #expect(EndedCommand(failed: "", errno: "EACCES").exitStatus == 126)
    }
}
