import CLinux
import Foundation
import GuestLink
import Linux
import SystemPackage

/// A launcher's end of the agent's link, no more of it than a test needs.
struct AgentSocket: ~Copyable {
    private let socket: Descriptor

    /// Connects as soon as QEMU listens.
    init(_ path: String) async throws {
        var result = cl_connect_unix(path)
        for _ in 0..<500 where result < 0 {
            try await Task.sleep(for: .milliseconds(20))
            result = cl_connect_unix(path)
        }
        socket = try Descriptor(result: result)
    }

    /// The kind of the next frame.
    func next() throws -> FrameKind? { try nextFrame().kind }

    func send(_ kind: FrameKind, session: UInt16 = 0, _ payload: [UInt8] = []) {
        var bytes: [UInt8] = []
        FrameHeader(kind: kind, session: session, length: payload.count).append(to: &bytes)
        bytes += payload
        _ = cl_write(socket.number, bytes, bytes.count)
    }

    /// Runs a script that prints no more than a window, one at a time.
    ///
    /// - Returns: All that it has printed.
    func run(_ script: String) throws -> String {
        let request = ExecRequest(
            hasTerminal: false, rows: 0, columns: 0, arguments: ["sh", "-c", script].map { Array($0.utf8) },
            environment: [], directory: [])
        send(.exec, session: 1, request.payload)
        var output: [UInt8] = []
        while true {
            let (kind, payload) = try nextFrame()
            switch kind {
            case .output, .errorOutput: output += payload
            case .ended, .failed: return String(decoding: output, as: UTF8.self)
            default: break
            }
        }
    }

    private func nextFrame() throws -> (kind: FrameKind?, payload: [UInt8]) {
        let bytes = try read(frameHeaderSize)
        guard let header = bytes.withUnsafeBytes({ FrameHeader($0) }) else { return (nil, []) }
        return (FrameKind(rawValue: header.kind), try read(header.length))
    }

    /// Waits for bytes for a minute at most.
    private func read(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            var poll = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
            guard cl_poll(&poll, 1, 60_000) == 1 else { throw Errno.timedOut }
            var chunk = [UInt8](repeating: 0, count: count - bytes.count)
            let taken = try checked(cl_read(socket.number, &chunk, chunk.count))
            guard taken > 0 else { throw Errno.connectionReset }
            bytes += chunk.prefix(taken)
        }
        return bytes
    }
}
