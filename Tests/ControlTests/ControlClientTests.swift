import CLinux
import Control
import Linux
import SystemPackage
import TestSupport
import Testing

@Suite struct ControlClientTests {
    private let greeting = #"{"sheaf":"1","protocol":1}"# + "\n"

    @Test func tellsThatNobodyIsThere() throws {
        let place = try TemporaryDirectory()
        let path = FilePath("\(place.path)/control.sock")

        #expect(throws: ControlClientError.cannotConnect(path: path, .noSuchFileOrDirectory)) {
            try ControlClient(path: path)
        }
    }

    @Test func givesUpOnAServerThatSaysNothing() throws {
        let server = try CannedServer(saying: "")

        #expect(throws: ControlClientError.timedOut) { try server.connect() }
    }

    @Test func givesUpOnAServerThatDoesNotAnswer() throws {
        let server = try CannedServer(saying: greeting)
        let client = try server.connect()

        #expect(throws: ControlClientError.timedOut) { try client.status() }
    }

    @Test func tellsWhatItIsRefused() throws {
        let server = try CannedServer(
            saying: greeting + #"{"id":1,"error":{"code":"later-than-us","message":"not now"}}"# + "\n")
        let client = try server.connect()

        let error = #expect(throws: ControlClientError.self) { try client.status() }

        #expect(error?.description == "not now")
    }

    @Test func refusesAnotherProtocol() throws {
        let server = try CannedServer(saying: #"{"sheaf":"9","protocol":2}"# + "\n")

        #expect(throws: ControlClientError.otherProtocol(2)) { try server.connect() }
    }

    @Test func refusesWhoDoesNotSpeakTheProtocol() throws {
        let server = try CannedServer(saying: "HTTP/1.1 400\n")

        #expect(throws: ControlClientError.malformed("HTTP/1.1 400")) { try server.connect() }
    }
}

/// A server that has said all it ever says, and stays.
private final class CannedServer {
    private let far: Descriptor
    private let near: CInt

    init(saying text: String) throws {
        var (near, far): (CInt, CInt) = (-1, -1)
        try checked(cl_socketpair(&near, &far))
        self.near = near
        self.far = Descriptor(owning: far)
        let bytes = Array(text.utf8)
        #expect(bytes.isEmpty || cl_send(far, bytes, bytes.count, nil, 0) == bytes.count)
    }

    /// The one client; to be called once.
    func connect() throws(ControlClientError) -> ControlClient {
        try ControlClient(owning: Descriptor(owning: near), timeout: .milliseconds(100))
    }
}
