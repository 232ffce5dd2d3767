import CLinux
import FileService
import Frontend
import Glibc
import Linux
import Logging
import Sandbox
import Synchronization
import SystemPackage
import TestSupport
import Testing
import VhostUser

@testable import ShareHost

/// A device in this process, the ends of its sessions, and frontends for it.
final class Bench {
    let device: FileSystemDevice
    private let ends = Ends()

    private final class Ends: Sendable {
        let list = Mutex<[SessionEnd]>([])
        let signal: Linux.Descriptor

        init() {
            signal = Linux.Descriptor(owning: cl_eventfd(0, false))
        }
    }

    init(
        requestQueues: Int, load: ProcessorLoad? = ProcessorLoad(),
        _ handler: @escaping @Sendable ([UInt8]) -> [UInt8]
    ) {
        device = FileSystemDevice(
            requestQueues: requestQueues,
            confinement: WorkerConfinement(seccomp: isUnderThreadSanitizer ? .off : .kill), load: load,
            log: Logger(label: "device-test")
        ) { _ in
            let serve: (RequestHandler.Buffers, RequestHandler.Buffers) -> UInt32 = { readable, writable in
                let request = readable.flatMap {
                    Array(UnsafeRawBufferPointer(start: $0.iov_base, count: $0.iov_len))
                }
                let reply = handler(request)
                var written = 0
                for piece in writable {
                    let part = reply.dropFirst(written).prefix(piece.iov_len)
                    UnsafeMutableRawBufferPointer(start: piece.iov_base, count: piece.iov_len).copyBytes(from: part)
                    written += part.count
                }
                return UInt32(written)
            }
            return RequestHandler(
                serve: serve, pace: { $0.first?.iov_base?.load(as: UInt8.self) == slowRequest ? .slow : .quick },
                serveOrWait: { (serve($0, $1), nil) },
                ticket: { SessionTicket() }, serveLater: { readable, writable, _ in serve(readable, writable) })
        }
    }

    func connect(queues: Int = 1) throws -> Frontend {
        var configuration = Frontend.Configuration()
        configuration.requestQueues = queues
        return try connect(configuration)
    }

    func connect(_ configuration: Frontend.Configuration) throws -> Frontend {
        var near: CInt = -1
        var far: CInt = -1
        try checked(cl_socketpair(&near, &far))
        let socket = VhostUserSocket(Linux.Descriptor(owning: near))
        let ends = ends
        try device.serve(Linux.Descriptor(owning: far)) { end in
            ends.list.withLock { $0.append(end) }
            _ = cl_eventfd_signal(ends.signal.number)
        }
        let frontend = try Frontend(socket, configuration: configuration)
        try frontend.greet()
        try frontend.start()
        return frontend
    }

    /// How the last session ended; waits for its end.
    func awaitEnd() -> SessionEnd? {
        _ = cl_eventfd_wait(ends.signal.number)
        return ends.list.withLock { $0.last }
    }
}

func withDevice(
    requestQueues: Int = 1, _ handler: @escaping @Sendable ([UInt8]) -> [UInt8], _ body: (Bench) throws -> Void
) throws {
    let bench = Bench(requestQueues: requestQueues, handler)
    defer { bench.device.stop() }
    try body(bench)
}

/// The first byte of a request that the device is told may take long.
let slowRequest: UInt8 = 0xee

/// Sends bytes through a queue and returns what comes back.
func exchange(
    _ frontend: Frontend, _ queue: DriverQueue, _ bytes: [UInt8], in buffer: GuestBuffer? = nil
) throws -> [UInt8] {
    let buffer = try buffer ?? frontend.memory.allocate(64)
    buffer.store(bytes)
    let reply = buffer.part(32, bytes.count)
    queue.add([.request(buffer.part(0, bytes.count)), .reply(reply)])
    queue.publish()
    try queue.wait()
    let used = try #require(try queue.pop())
    return reply.bytes(Int(used.length))
}
