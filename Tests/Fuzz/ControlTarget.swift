import EventLoop
import Glibc
import Linux

@testable import Control

/// Lines of a client to the control socket, or of a server to a client.
final class ControlTarget: FuzzTarget {
    private let loop = EventLoop()

    func run(_ input: FuzzInput) {
        var input = input
        if input.byte() & 1 == 0 { serve(input.pieces()) } else { ask(input.bytes(.max)) }
    }

    private func serve(_ pieces: [[UInt8]]) {
        var executions: [ControlCall] = []
        let server = ControlServer(version: "0", on: loop) { call in
            switch call.request {
            case .execute:
                executions.append(call)
                call.onNotice = { _ in }
            case .notify: fatalError("a notice is no call")
            default: call.answer(.failure(ControlFailure(.invalidRequest, "not here")))
            }
        }
        guard let pair = try? SocketPair() else { return }
        server.serve(pair.near)
        for piece in pieces {
            send(piece, to: pair.far.number)
            turn(loop)
        }
        _ = shutdown(pair.far.number, CInt(SHUT_WR))
        turn(loop)
        for call in executions { call.answer(.success(.done)) }
        for _ in 0..<20 where server.clientCount > 0 { turn(loop) }
        require(server.clientCount == 0, "a client that has said all is not let go")
        server.close()
    }

    private func ask(_ bytes: [UInt8]) {
        guard let pair = try? SocketPair() else { return }
        // A greeting that is none lets nothing else be seen.
        send(Array(#"{"protocol":1,"sheaf":"0"}"#.utf8) + [10] + bytes, to: pair.far.number)
        _ = shutdown(pair.far.number, CInt(SHUT_WR))
        guard let client = try? ControlClient(owning: pair.near, timeout: .milliseconds(200)) else { return }
        _ = try? client.status()
        _ = try? client.add(ShareAddition(source: "/a"))
        _ = try? client.remove(ShareRemoval(share: "a"))
    }
}
