import EventLoop
import Glibc
import Linux

@testable import QEMU

/// What QEMU, or what a guest has made of it, writes on its monitor.
final class QMPTarget: FuzzTarget {
    private let loop = EventLoop()

    func run(_ input: FuzzInput) {
        var input = input
        guard let pair = try? SocketPair(), let client = try? QMPClient(owning: pair.near, on: loop) else { return }
        var endings = 0
        var answers: [Int: Int] = [:]
        client.onClosed = { _ in endings += 1 }
        for (number, command) in ["query-status", "device_add", "getfd"].enumerated() {
            client.execute(command) { _ in answers[number, default: 0] += 1 }
        }
        for piece in input.pieces() {
            send(piece, to: pair.far.number)
            turn(loop)
        }
        _ = shutdown(pair.far.number, CInt(SHUT_WR))
        for _ in 0..<20 where endings == 0 { turn(loop) }
        require(endings == 1, "\(endings) ends of a connection")
        require(answers.count == 3 && answers.values.allSatisfy { $0 == 1 }, "answers to commands: \(answers)")
    }
}

/// Lets a loop do what there is to do now.
func turn(_ loop: EventLoop) {
    let source = loop.soon { loop.stop() }
    loop.run()
    withExtendedLifetime(source) {}
}

/// Writes to a socket what it takes.
func send(_ bytes: [UInt8], to socket: CInt) {
    _ = bytes.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT)) }
}
