import CLinux
import Glibc
import Linux
import SystemPackage

/// A client that says what it likes. Blocking, and bounded by the server's answers.
final class RawClient {
    private let socket: Descriptor
    private var unread: [UInt8] = []

    init(_ path: FilePath) throws {
        socket = try Descriptor(result: cl_connect_unix(path.string))
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket.number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket.number, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Sends lines.
    func send(_ lines: String...) {
        for line in lines { sendBytes(Array((line + "\n").utf8)) }
    }

    /// Sends bytes.
    ///
    /// - Returns: Whether the server took them all.
    @discardableResult
    func sendBytes(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { buffer in
                buffer.baseAddress.map { cl_send(socket.number, $0, buffer.count, nil, 0) } ?? 0
            }
            guard sent > 0 else { return false }
            rest = rest.dropFirst(sent)
        }
        return true
    }

    /// Sends bytes, with descriptors along with the first of them, which stay the caller's.
    func sendBytes(_ text: String, passing descriptors: [CInt]) {
        let bytes = Array(text.utf8)
        _ = cl_send(socket.number, bytes, bytes.count, descriptors, UInt32(descriptors.count))
    }

    func endWriting() {
        _ = cl_shutdown_writing(socket.number)
    }

    /// The next line without its end; empty when there is none any more.
    func line() -> String {
        while true {
            if let newline = unread.firstIndex(of: 0x0a) {
                let line = String(decoding: unread[..<newline], as: UTF8.self)
                unread.removeFirst(newline + 1)
                return line
            }
            var chunk = [UInt8](repeating: 0, count: 4096)
            let count = chunk.withUnsafeMutableBytes { buffer in
                buffer.baseAddress.map { cl_receive(socket.number, $0, buffer.count, nil, nil) } ?? 0
            }
            guard count > 0 else { return "" }
            unread += chunk.prefix(count)
        }
    }
}
