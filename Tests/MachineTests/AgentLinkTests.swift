import GuestLink
import Machine
import Testing

/// What the launcher sent, read back as the agent reads it.
private final class Wire {
    var reader = FrameReader()
    lazy var link = AgentLink { [unowned self] bytes in bytes.withUnsafeBytes { reader.append($0) } }

    func sent() -> [(kind: UInt8, session: UInt16, payload: [UInt8])] {
        var frames: [(UInt8, UInt16, [UInt8])] = []
        while let (header, payload) = reader.next() { frames.append((header.kind, header.session, payload)) }
        return frames
    }

    func receive(_ kind: FrameKind, session: UInt16 = 0, _ payload: [UInt8] = []) {
        var bytes: [UInt8] = []
        FrameHeader(kind: kind, session: session, length: payload.count).append(to: &bytes)
        bytes.append(contentsOf: payload)
        bytes.withUnsafeBytes { link.receive($0) }
    }
}

@Suite struct AgentLinkTests {
    private let request = ExecRequest(
        hasTerminal: false, rows: 0, columns: 0, arguments: [Array("true".utf8)], environment: [], directory: [])

    @Test func tellsOfTheAgentAndItsKernel() {
        let wire = Wire()
        var release: String?
        wire.link.events.hello = { release = $0 }

        wire.receive(.hello, [linkVersion] + Array("6.12.1".utf8))

        #expect(release == "6.12.1")
    }

    @Test func doesNotTalkToAnAgentOfAnotherVersion() {
        let wire = Wire()
        var reason: String?
        wire.link.events.broken = { reason = $0 }

        wire.receive(.hello, [linkVersion + 1])

        #expect(reason?.contains("version") == true)
        wire.link.begin()
        #expect(wire.sent().isEmpty)
    }

    @Test func endsWhereAHeaderIsNone() {
        let wire = Wire()
        var isBroken = false
        wire.link.events.broken = { _ in isBroken = true }

        [UInt8](repeating: 0xff, count: 64).withUnsafeBytes { wire.link.receive($0) }

        #expect(isBroken)
    }

    @Test func sendsNoMoreInputThanTheGuestHasRoomFor() throws {
        let wire = Wire()
        let session = try wire.link.execute(request)
        let input = [UInt8](repeating: 1, count: streamWindow + 1000)

        let first = input.withUnsafeBytes { session.send(input: $0) }
        let second = input.withUnsafeBytes { session.send(input: $0) }

        #expect(first == streamWindow)
        #expect(second == 0)
        let inputs = wire.sent().filter { $0.kind == FrameKind.input.rawValue }
        #expect(inputs.reduce(0) { $0 + $1.payload.count } == streamWindow)
        #expect(inputs.allSatisfy { $0.payload.count <= frameMaximumPayload })

        wire.receive(.credit, session: session.number, [0, 0xe8, 0x03, 0, 0])
        #expect(session.inputRoom == 1000)
        wire.receive(.credit, session: session.number, [0, 0xff, 0xff, 0xff, 0xff])
        #expect(session.inputRoom == streamWindow)
    }

    @Test(arguments: [(GuestSession.Stream.output, UInt8(1)), (.errorOutput, 2)])
    func tellsTheGuestThatAnOutputHasNoReader(stream: GuestSession.Stream, number: UInt8) throws {
        let wire = Wire()
        let session = try wire.link.execute(request)

        session.endOutput(stream)

        let ends = wire.sent().filter { $0.kind == FrameKind.outputEnd.rawValue }
        #expect(ends.map(\.session) == [session.number])
        #expect(ends.map(\.payload) == [[number]])
    }

    @Test func keepsSessionsApartAndForgetsThemAtTheirEnd() throws {
        let wire = Wire()
        let first = try wire.link.execute(request)
        let second = try wire.link.execute(request)
        var ends: [String] = []
        var written: [UInt8] = []
        first.events.ended = { ends.append("first \($0)") }
        second.events.ended = { ends.append("second \($0)") }
        second.events.written = { stream, bytes in if stream == .errorOutput { written += bytes } }

        wire.receive(.errorOutput, session: second.number, [1, 2])
        wire.receive(.ended, session: first.number, [0, 7])
        wire.receive(.ended, session: first.number, [0, 8])
        wire.receive(.ended, session: second.number, [1, 9])

        #expect(written == [1, 2])
        #expect(ends == ["first exited(code: 7)", "second signaled(number: 9)"])
    }

    @Test func breaksWithAGuestThatSendsMoreThanItMay() throws {
        let wire = Wire()
        let session = try wire.link.execute(request)
        var taken = 0
        var reason: String?
        session.events.written = { taken += $1.count }
        wire.link.events.broken = { reason = $0 }
        let chunk = [UInt8](repeating: 0, count: frameMaximumPayload)

        for _ in 0..<(streamWindow / frameMaximumPayload) {
            wire.receive(.output, session: session.number, chunk)
            wire.receive(.errorOutput, session: session.number, chunk)
        }
        #expect(taken == 2 * streamWindow && reason == nil)
        session.grant(streamWindow / 2, of: .output)
        for _ in 0..<(streamWindow / 2 / frameMaximumPayload) {
            wire.receive(.output, session: session.number, chunk)
        }
        #expect(taken == 2 * streamWindow + streamWindow / 2 && reason == nil)

        wire.receive(.output, session: session.number, [1])
        #expect(taken == 2 * streamWindow + streamWindow / 2)
        #expect(reason != nil)
    }

    @Test func tellsAGuestOfItsRoomOnceItIsHalfAWindow() throws {
        let wire = Wire()
        let session = try wire.link.execute(request)
        var taken = 0
        session.events.written = { stream, bytes in
            taken += bytes.count
            session.grant(bytes.count, of: stream)
        }
        _ = wire.sent()

        for _ in 0..<(streamWindow * 2) { wire.receive(.output, session: session.number, [1]) }

        let credits = wire.sent()
        #expect(taken == streamWindow * 2)
        #expect(credits.count == 4)
        #expect(credits.allSatisfy { $0.payload == [1, 0, 0, 2, 0] })
    }

    @Test func saysNothingOfOutputThatIsEmpty() throws {
        let wire = Wire()
        let session = try wire.link.execute(request)
        session.events.written = { _, _ in Issue.record("nothing was written") }

        wire.receive(.output, session: session.number, [])
        wire.receive(.errorOutput, session: session.number, [])
    }

    @Test func breaksWithAGuestThatTakesNothingOfWhatItIsSent() {
        var sent = 0
        let link = AgentLink(waiting: { sent }) { sent += $0.count }
        var reason: String?
        link.events.broken = { reason = $0 }
        let setting = [UInt8](repeating: 0x61, count: frameMaximumPayload)

        for _ in 0..<2000 { link.send(setting: setting) }

        #expect(reason == "the guest does not take what it is sent")
        #expect(((16 << 20)...(17 << 20)).contains(sent))
    }

    @Test func leavesAGuestThatIsSlowTheInputOfAllItsCommands() throws {
        var sent = 0
        let link = AgentLink(waiting: { sent }) { sent += $0.count }
        link.events.broken = { _ in Issue.record("no guest is to blame for what it has room for") }
        let input = [UInt8](repeating: 0x61, count: streamWindow)

        for _ in 0..<200 {
            let session = try link.execute(request)
            #expect(input.withUnsafeBytes { session.send(input: $0) } == streamWindow)
        }
    }

    @Test func saysThatThereAreTooManyCommands() throws {
        var link = AgentLink { _ in }
        for _ in 0..<Int(UInt16.max) { _ = try link.execute(request) }

        #expect(throws: AgentLink.NoSessionLeft.self) { try link.execute(request) }
        link = AgentLink { _ in }
        _ = try link.execute(request)
    }

    @Test(arguments: [[FrameKind.hello, .hello], [.ready], [.hello, .ready, .ready]])
    func breaksWithAnAgentThatSpeaksOutOfTurn(kinds: [FrameKind]) {
        let wire = Wire()
        var isBroken = false
        wire.link.events.broken = { _ in isBroken = true }

        for kind in kinds {
            #expect(!isBroken)
            wire.receive(kind, kind == .hello ? [linkVersion] : [])
        }

        #expect(isBroken)
    }

    @Test func survivesFramesThatAreCutShort() throws {
        let wire = Wire()
        let session = try wire.link.execute(request)
        for kind in [FrameKind.credit, .started, .output, .result, .log, .failed, .ended] {
            wire.receive(kind, session: session.number, [])
        }
        wire.receive(.failed, [1])
    }

    @Test func passesOnWhatTheGuestSaysOfItsMounts() {
        let wire = Wire()
        var said: [String] = []
        wire.link.events.result = { said.append("result \($0) \($1) \($2)") }
        wire.link.events.mounts = { said.append("mounts \($0) \(String(decoding: $1, as: UTF8.self))") }

        wire.receive(.mounts, [7, 0, 0, 0] + Array("a line\n".utf8))
        wire.receive(.mounts, [7, 0, 0, 0])
        wire.receive(.result, [7, 0, 0, 0, 0, 0, 0, 0])
        wire.receive(.result, [8, 1, 0, 0, 16, 0, 0, 0] + Array("unmount\u{1b}[2J".utf8))

        #expect(said == ["mounts 7 a line\n", "mounts 7 ", "result 7 0 ", "result 264 16 unmount?[2J"])
    }

    @Test(arguments: [(FrameKind.result, 7), (.result, 3), (.mounts, 3)])
    func breaksWithAnAnswerThatIsCutShort(kind: FrameKind, length: Int) {
        let wire = Wire()
        var isBroken = false
        wire.link.events.broken = { _ in isBroken = true }

        wire.receive(kind, [UInt8](repeating: 0, count: length))

        #expect(isBroken)
    }

    // MARK: - A guest that begins anew

    @Test func losesItsCommandsWhenTheGuestBeginsAnew() throws {
        let wire = Wire()
        var ends: [String] = []
        let first = try wire.link.execute(request)
        let second = try wire.link.execute(request)
        first.events.ended = { ends.append("first \($0)") }
        second.events.ended = { ends.append("second \($0)") }

        wire.link.restart()

        #expect(ends == ["first lost", "second lost"])
        wire.receive(.ended, session: first.number, [0, 0])
        #expect(ends.count == 2)
    }

    @Test func saysNothingToAGuestThatHasNotSaidHelloAgain() {
        let wire = Wire()
        wire.receive(.hello, [linkVersion])
        wire.receive(.ready)
        wire.link.restart()
        _ = wire.sent()

        wire.link.begin()
        #expect(wire.sent().isEmpty)
        var hellos = 0
        var readies = 0
        wire.link.events.hello = { _ in hellos += 1 }
        wire.link.events.ready = { readies += 1 }
        wire.receive(.hello, [linkVersion])
        wire.link.begin()
        wire.receive(.ready)

        #expect((hellos, readies) == (1, 1))
        #expect(wire.sent().map(\.kind) == [FrameKind.begin.rawValue])
    }

    @Test func forgetsHalfAFrameOfTheGuestBefore() {
        let wire = Wire()
        var isBroken = false
        var release: String?
        wire.link.events.broken = { _ in isBroken = true }
        wire.link.events.hello = { release = $0 }
        wire.receive(.hello, [linkVersion])
        [UInt8]([200, 0, 0, 0, 1]).withUnsafeBytes { wire.link.receive($0) }

        wire.link.restart()
        wire.receive(.hello, [linkVersion] + Array("6.1".utf8))

        #expect(release == "6.1")
        #expect(!isBroken)
    }
}
