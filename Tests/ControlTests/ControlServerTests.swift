import CLinux
import Control
import EventLoop
import Glibc
import Linux
import SystemPackage
import TestSupport
import Testing

@Suite struct ControlServerTests {
    @Test func greetsAClientAndAnswersIt() throws {
        let server = try ServedMachine()

        let client = try server.connect()

        #expect(client.greeting == Greeting(sheaf: "1.2.3"))
        #expect(try client.status() == ServedMachine.status)
        #expect(try client.status() == ServedMachine.status)
    }

    @Test func givesIDsBackAsTheyCame() throws {
        let server = try ServedMachine()
        let client = try RawClient(server.path)

        client.send(
            #"{"id":7,"method":"status","later":[1]}"#, #"{"id":"x y","method":"status"}"#, #"{"method":"status"}"#)

        #expect(client.line().hasPrefix(#"{"protocol":1"#))
        #expect(client.line().hasPrefix(#"{"id":7,"result":{"#))
        #expect(client.line().hasPrefix(#"{"id":"x y","result":{"#))
        #expect(client.line().hasPrefix(#"{"id":null,"result":{"#))
    }

    @Test func refusesWhatItDoesNotKnowAndGoesOn() throws {
        let server = try ServedMachine()
        let client = try RawClient(server.path)

        client.send(
            #"{"id":1,"method":"fly"}"#, #"{"id":{},"method":"status"}"#, #"{"id":3}"#, #"{"id":4,"method":"status"}"#)

        _ = client.line()
        #expect(client.line().hasPrefix(#"{"error":{"code":"unknown-method","#))
        #expect(client.line().hasPrefix(#"{"error":{"code":"invalid-request","#))
        #expect(client.line().hasPrefix(#"{"error":{"code":"invalid-request","#))
        #expect(client.line().hasPrefix(#"{"id":4,"result":{"#))
    }

    @Test(arguments: ["no json", "[1]", "3", "\"status\"", "{\"id\":1", "\u{0}", ""])
    func refusesWhatIsNoJSONObjectAndCloses(text: String) throws {
        let server = try ServedMachine()
        let client = try RawClient(server.path)

        client.send(text)

        _ = client.line()
        #expect(client.line().hasPrefix(#"{"error":{"code":"malformed","#))
        #expect(client.line() == "")
    }

    @Test(arguments: [true, false])
    func refusesALineThatIsTooLongAndCloses(isEnded: Bool) throws {
        let server = try ServedMachine()
        let client = try RawClient(server.path)

        client.sendBytes([UInt8](repeating: 0x20, count: ControlServer.longestLine + 1) + (isEnded ? [0x0a] : []))

        _ = client.line()
        #expect(client.line().hasPrefix(#"{"error":{"code":"line-too-long","#))
        #expect(client.line() == "")
    }

    @Test func takesTheLongestLine() throws {
        let server = try ServedMachine()
        let client = try RawClient(server.path)
        let request = #"{"id":1,"method":"status"}"#

        client.send(String(repeating: " ", count: ControlServer.longestLine - request.utf8.count) + request)

        _ = client.line()
        #expect(client.line().hasPrefix(#"{"id":1,"result":{"#))
    }

    @Test func answersAClientThatHasEndedItsWriting() throws {
        let server = try ServedMachine()
        let client = try RawClient(server.path)

        client.send(#"{"id":1,"method":"status"}"#)
        client.endWriting()

        _ = client.line()
        #expect(client.line().hasPrefix(#"{"id":1,"result":{"#))
        #expect(client.line() == "")
    }

    @Test func dropsAClientThatDoesNotReadAndServesTheOthers() throws {
        let server = try ServedMachine()
        let greedy = try RawClient(server.path)
        let request = Array((#"{"id":1,"method":"status"}"# + "\n").utf8)

        // Until the server is gone: nothing else ends this.
        while greedy.sendBytes((0..<1000).flatMap { _ in request }) {}

        #expect(try server.connect().status() == ServedMachine.status)
    }

    @Test func servesManyClientsAtOnce() throws {
        let server = try ServedMachine()

        let clients = try (0..<100).map { _ in try server.connect() }

        for client in clients + clients.reversed() { #expect(try client.status() == ServedMachine.status) }
    }

    @Test func refusesAnotherUser() throws {
        let server = try ServedMachine(isAllowed: { _ in false })
        let client = try RawClient(server.path)

        _ = client.line()
        #expect(client.line().hasPrefix(#"{"error":{"code":"not-allowed","#))
        #expect(client.line() == "")
        #expect(throws: ControlClientError.self) { try server.connect().status() }
    }

    @Test func letsOnlyItsUserConnect() throws {
        let server = try ServedMachine()
        var status = stat()

        #expect(lstat(server.path.string, &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o600)
    }

    @Test func tellsOfAPathThatIsTooLong() throws {
        let server = ControlServer(version: "1", on: EventLoop()) { _ in }
        let path = FilePath("/tmp/" + String(repeating: "a", count: 103))

        #expect(throws: Errno.fileNameTooLong) { try server.listen(at: path) }
    }
}
