import CLinux
import EventLoop
import Linux
import Testing

@testable import QEMU

@Suite struct QMPClientTests {
    /// A client and, at the other end of its socket, a QEMU played by the test.
    private final class Scene {
        let loop = EventLoop()
        let client: QMPClient
        let peer: ByteStream
        var received: [JSONValue] = []
        var events: [QMPEvent] = []
        var closed: [QMPError] = []
        private var buffer: [UInt8] = []

        init(respond: @escaping (Scene, JSONValue) -> Void) throws {
            let pair = try SocketPair()
            client = try QMPClient(owning: pair.near, on: loop)
            peer = try ByteStream(owning: pair.far, on: loop)
            client.onEvent = { [unowned self] in events.append($0) }
            client.onClosed = { [unowned self] in closed.append($0) }
            peer.read { [unowned self] input in
                guard case .bytes(let bytes) = input else { return loop.stop() }
                buffer += bytes
                while let newline = buffer.firstIndex(of: 10) {
                    let line = buffer[..<newline]
                    buffer = Array(buffer[(newline + 1)...])
                    guard let message = JSONValue(parsing: line) else { continue }
                    received.append(message)
                    if message["execute"] == "qmp_capabilities" {
                        say(#"{"return": {}, "id": 0}"#)
                    } else {
                        respond(self, message)
                    }
                }
            }
        }

        func greet() {
            say(
                #"{"QMP": {"version": {"qemu": {"micro": 3, "minor": 2, "major": 8}, "package": ""}, "capabilities": ["oob"]}}"#
            )
        }

        func say(_ line: String) { peer.write(Array("\(line)\r\n".utf8)) }

        func run() {
            let limit = loop.after(.seconds(20)) { [unowned self] in
                Issue.record("nothing stopped the loop")
                loop.stop()
            }
            loop.run()
            limit.cancel()
        }
    }

    @Test func commandsWaitForTheNegotiationAndAreAnsweredById() throws {
        let scene = try Scene { scene, message in
            // Answers in the wrong order, with an event in between.
            guard message["execute"] == "second", let first = scene.received.first(where: { $0["execute"] == "first" })
            else { return }
            scene.say(#"{"return": {"n": 2}, "id": \#(message["id"]?.integer ?? -1)}"#)
            scene.say(#"{"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 2}}"#)
            scene.say(
                #"{"error": {"class": "DeviceNotFound", "desc": "no such device"}, "id": \#(first["id"]?.integer ?? -1)}"#
            )
        }
        var answers: [QMPClient.Answer] = []
        scene.client.execute("first", ["a": [1, true, "x"]]) {
            answers.append($0)
            scene.loop.stop()
        }
        scene.client.execute("second") { answers.append($0) }
        scene.greet()
        scene.run()
        #expect(scene.client.version == QEMUVersion(8, 2, 3))
        #expect(scene.received.map { $0["execute"]?.text } == ["qmp_capabilities", "first", "second"])
        #expect(scene.received[1]["arguments"] == ["a": [1, true, "x"]])
        #expect(scene.received[2]["arguments"] == nil)
        #expect(
            answers == [
                .success(["n": 2]),
                .failure(.refused(command: "first", errorClass: "DeviceNotFound", description: "no such device")),
            ])
        #expect(scene.events == [.stopped])
    }

    @Test func whatQEMUSaysIsNothingButText() throws {
        let scene = try Scene { scene, message in
            guard message["execute"] == "first" else { return }
            let error = #"{"class": "A\u001bc", "desc": "\u001b]0;title\u0007\u009b2J ü"}"#
            scene.say(#"{"error": \#(error), "id": \#(message["id"]?.integer ?? -1)}"#)
        }
        var answers: [QMPClient.Answer] = []
        scene.client.execute("first") {
            answers.append($0)
            scene.loop.stop()
        }
        scene.greet()
        scene.run()

        #expect(
            answers == [.failure(.refused(command: "first", errorClass: "A?c", description: "?]0;title??2J ü"))])
    }

    @Test func linesMayComeInPiecesAndTogether() throws {
        let scene = try Scene { _, _ in }
        let text =
            #"{"event": "RESET", "data": {"guest": true, "reason": "guest-reset"}}"# + "\r\n\n"
            + #"{"event": "SHUTDOWN", "data": {"guest": false, "reason": "host-qmp-quit"}}"# + "\n"
            + #"{"event": "GUEST_PANICKED", "data": {"action": "pause"}}"# + "\n"
            + #"{"event": "DEVICE_DELETED", "data": {"path": "/machine/x"}}"# + "\n"
            + #"{"event": "NEW_ONE", "data": {"x": 1.5}}"# + "\n"
        var rest = Array(text.utf8)[...]
        // One piece in each turn of the loop, cut where it hurts.
        let pump = scene.loop.every(.milliseconds(1)) {
            if scene.events.count == 5 { return scene.loop.stop() }
            scene.peer.write(rest.prefix(37))
            rest = rest.dropFirst(37)
        }
        scene.run()
        pump.cancel()
        #expect(
            scene.events == [
                .reset(byGuest: true, reason: "guest-reset"), .shutdown(byGuest: false, reason: "host-qmp-quit"),
                .guestPanicked(action: "pause"), .deviceDeleted(id: nil),
                .other(name: "NEW_ONE", data: ["x": .number(1.5)]),
            ])
    }

    @Test func endOfQemuFailsWhatHasNoAnswerAndWhatComesAfter() throws {
        let scene = try Scene { scene, _ in scene.peer.close() }
        var answers: [QMPClient.Answer] = []
        scene.client.execute("quit") { answers.append($0) }
        scene.client.onClosed = { error in
            scene.closed.append(error)
            scene.client.execute("late") {
                answers.append($0)
                scene.loop.stop()
            }
            #expect(answers.count == 1)
        }
        scene.greet()
        scene.run()
        #expect(scene.closed == [.disconnected])
        #expect(answers == [.failure(.disconnected), .failure(.disconnected)])
    }

    @Test func nonsenseEndsTheConnection() throws {
        let scene = try Scene { _, _ in }
        scene.client.onClosed = { error in
            scene.closed.append(error)
            scene.loop.stop()
        }
        scene.say("HTTP/1.1 200 OK")
        scene.run()
        #expect(scene.closed == [.malformed("HTTP/1.1 200 OK?")])
    }

    @Test func passesADescriptorWithItsCommandAlsoBeforeTheGreeting() throws {
        let taken = Taken()
        let scene = try Scene { scene, message in
            taken.descriptors += scene.peer.takeDescriptors()
            taken.commands.append(message["execute"]?.text ?? "")
            scene.say(#"{"return": {}, "id": \#(message["id"]?.integer ?? -1)}"#)
        }
        scene.peer.acceptsDescriptors = true
        let early = SharedDescriptor(try Descriptor(result: cl_eventfd(5, false)))
        let late = SharedDescriptor(try Descriptor(result: cl_eventfd(7, false)))
        var answers: [QMPClient.Answer] = []

        scene.client.execute("getfd", ["fdname": "early"], passing: [early]) { answers.append($0) }
        scene.greet()
        scene.client.execute("query-status") { answer in
            answers.append(answer)
            scene.client.execute("getfd", ["fdname": "late"], passing: [late]) {
                answers.append($0)
                scene.loop.stop()
            }
        }
        scene.run()

        #expect(answers == [.success([:]), .success([:]), .success([:])])
        #expect(taken.commands == ["getfd", "query-status", "getfd"])
        // Reading an eventfd gives its value: these are the very ones.
        #expect(taken.descriptors.map(\.value) == [5, 7])
    }
}

/// What a played QEMU was given.
private final class Taken {
    var descriptors: [SharedDescriptor] = []
    var commands: [String] = []
}

extension SharedDescriptor {
    /// What an eventfd has counted.
    fileprivate var value: UInt64 {
        var value: UInt64 = 0
        _ = withUnsafeMutablePointer(to: &value) { cl_read(number, $0, 8) }
        return value
    }
}
