import Testing

@testable import Control

@Suite struct RequestLineTests {
    private static let requests: [ControlRequest] = [
        .status,
        .addShare(ShareAddition(source: "/a b", target: "/c", access: "ro", name: "n", timeout: 1.5)),
        .addShare(ShareAddition(source: "/\"ü\n", options: ["acl"])),
        .removeShare(ShareRemoval(share: "/c", force: true, revoke: false, timeout: 2)),
        .removeShare(ShareRemoval(share: "n")),
        .changeShare(ShareChange(share: "/c", target: "/d", access: "rw", force: true, timeout: 3)),
        .changeShare(ShareChange(share: "/c")),
        .execute(
            CommandExecution(
                arguments: ["sh", "-c", "echo"], environment: ["A=b"], directory: "/", hasTerminal: true, rows: 24,
                columns: 80)),
        .notify(CommandNotice(exec: .integer(7), .resize(rows: 50, columns: 200))),
        .notify(CommandNotice(exec: .text("x"), .signal(15))),
        .stop(MachineStop(timeout: 4)),
        .stop(MachineStop()),
    ]

    private func read(_ text: String) -> Result<ControlRequest, ControlFailure> {
        do throws(RequestLine.Refusal) {
            return .success(try RequestLine(parsing: Array(text.utf8)).request)
        } catch {
            return .failure(error.failure)
        }
    }

    @Test(arguments: requests, [RequestID.integer(7), .text("a b"), .none])
    func comesBackAsItWasSent(request: ControlRequest, id: RequestID) throws {
        let bytes = line(RequestLine(id: id, request: request))
        #expect(bytes.last == UInt8(ascii: "\n") && bytes.dropLast().allSatisfy { $0 != UInt8(ascii: "\n") })

        let read = try RequestLine(parsing: bytes)

        #expect(read.id == id)
        #expect(read.request == request)
    }

    @Test func isOfAMethodThatIsNamed() {
        #expect(Set(Self.requests.map(\.method)) == Set(ControlRequest.methods))
    }

    @Test(arguments: [
        ("share.add", "{}", "'source'"), ("share.remove", "{}", "'share'"),
        ("share.set", #"{"target":"/a"}"#, "'share'"),
        ("exec", "{}", "'arguments'"), ("exec.resize", #"{"exec":1,"rows":2}"#, "'columns'"),
        ("exec.signal", #"{"signal":2}"#, "'exec'"),
        ("share.add", #"{"source":1}"#, "'source' is of another type"),
        ("share.add", #"{"source":"/a","timeout":"soon"}"#, "'timeout' is of another type"),
        ("share.remove", #"{"share":"/a","force":1}"#, "'force' is of another type"),
        ("stop", #"{"timeout":[]}"#, "'timeout' is of another type"),
    ])
    func namesTheParameterThatIsWrong(method: String, params: String, word: String) {
        guard case .failure(let failure) = read(#"{"id":1,"method":"\#(method)","params":\#(params)}"#) else {
            Issue.record("it was taken")
            return
        }

        #expect(failure.code == .invalidRequest)
        #expect(failure.message.contains(method))
        #expect(failure.message.contains(word), "\(failure.message)")
    }

    @Test(arguments: ["share.add", "share.remove", "share.set", "exec", "exec.resize", "exec.signal"])
    func refusesAMethodWithoutItsParameters(method: String) {
        guard case .failure(let failure) = read(#"{"id":1,"method":"\#(method)"}"#) else {
            Issue.record("it was taken")
            return
        }

        #expect(failure.code == .invalidRequest)
        #expect(failure.message.contains("'params' is missing"))
    }

    @Test(arguments: [0, 65, 300, -1])
    func refusesWhatIsNoSignal(number: Int) {
        guard case .failure(let failure) = read(#"{"method":"exec.signal","params":{"exec":1,"signal":\#(number)}}"#)
        else {
            Issue.record("it was taken")
            return
        }

        #expect(failure.code == .invalidRequest)
    }

    @Test func takesNoNoticeOfMembersThatItDoesNotKnow() throws {
        let result = read(#"{"later":1,"id":1,"method":"share.add","params":{"source":"/a","later":{"x":[]}}}"#)

        #expect(try result.get() == .addShare(ShareAddition(source: "/a")))
    }

    @Test func needsNoParametersToStop() throws {
        #expect(try read(#"{"method":"stop"}"#).get() == .stop(MachineStop()))
        #expect(try read(#"{"method":"status","params":{}}"#).get() == .status)
    }
}
