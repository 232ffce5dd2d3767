import CLinux
import Foundation
import Linux
import SystemPackage

/// A raw client of a control socket, that sends any number of requests before it reads an answer.
final class ControlSocket {
    private let socket: Descriptor
    private var unread: [UInt8] = []
    private var searched = 0

    init(_ path: String) throws {
        socket = try Descriptor(result: cl_connect_unix(path))
        _ = try line()
    }

    /// Sends one request.
    func send(_ id: Int, _ method: String, _ params: [String: Any] = [:]) throws {
        let request: [String: Any] = ["id": id, "method": method, "params": params]
        let bytes = Array(try JSONSerialization.data(withJSONObject: request)) + [0x0a]
        var sent = 0
        while sent < bytes.count {
            let rest = bytes[sent...]
            sent += try rest.withUnsafeBytes { buffer in
                try buffer.baseAddress.map { try checked(cl_send(socket.number, $0, buffer.count, nil, 0)) } ?? 0
            }
        }
    }

    /// The next answer: its id, and its result or error.
    func answer(within seconds: Double = 60) throws -> (id: Int, result: [String: Any]?, error: [String: Any]?) {
        let object = try JSONSerialization.jsonObject(with: Data(try line(within: seconds))) as? [String: Any] ?? [:]
        return (object["id"] as? Int ?? -1, object["result"] as? [String: Any], object["error"] as? [String: Any])
    }

    /// Asks and waits.
    ///
    /// - Throws: What came in place of a result.
    func ask(_ method: String, _ params: [String: Any] = [:], within seconds: Double = 60) throws -> [String: Any] {
        try send(1, method, params)
        let answer = try answer(within: seconds)
        guard let result = answer.result else { throw Refused(text: "\(method): \(answer.error ?? [:])") }
        return result
    }

    struct Refused: Error {
        let text: String
    }

    private func line(within seconds: Double = 60) throws -> [UInt8] {
        while true {
            if let newline = unread[searched...].firstIndex(of: 0x0a) {
                defer {
                    unread.removeFirst(newline + 1)
                    searched = 0
                }
                return Array(unread[..<newline])
            }
            searched = unread.count
            var entry = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
            guard cl_poll(&entry, 1, Int32(seconds * 1000)) == 1 else { throw Errno.timedOut }
            var chunk = [UInt8](repeating: 0, count: 64 * 1024)
            let count = try chunk.withUnsafeMutableBytes { buffer in
                try buffer.baseAddress.map { try checked(cl_receive(socket.number, $0, buffer.count, nil, nil)) } ?? 0
            }
            guard count > 0 else { throw Errno.connectionReset }
            unread += chunk.prefix(count)
        }
    }
}
