public import EventLoop
public import Linux
public import SystemPackage

/// QEMU's monitor protocol on the event loop: one JSON object a line, commands answered by id, events in between.
///
/// Commands may be given at once: they wait for the greeting and the negotiation. Handlers run on the loop's thread.
/// QEMU QMP Specification, docs/interop/qmp-spec.
public final class QMPClient {
    /// What a command's completion gets: QEMU's `return` value, or why there is none.
    public typealias Answer = Result<JSONValue, QMPError>

    /// No line of QMP comes near this; whoever sends one is not QEMU.
    private static let longestLine = 16 * 1024 * 1024

    private enum State: Equatable {
        case greeting
        case negotiating
        case ready
        case closed(QMPError)
    }

    private let stream: ByteStream
    private let loop: EventLoop
    private var state = State.greeting
    private var unfinishedLine: [UInt8] = []
    private var unsent: [(line: [UInt8], descriptors: [SharedDescriptor])] = []
    private var pending: [Int64: (command: String, completion: (Answer) -> Void)] = [:]
    private var nextID: Int64 = 1
    private var failures: [Int64: EventSource] = [:]

    /// QEMU's version, from its greeting.
    public private(set) var version: QEMUVersion?
    /// Called when negotiation is done, with QEMU's version.
    public var onReady: ((QEMUVersion) -> Void)?
    /// Called for every event.
    public var onEvent: ((QMPEvent) -> Void)?
    /// Called once when the connection is over; `disconnected` is what every end of QEMU looks like.
    public var onClosed: ((QMPError) -> Void)?

    /// Speaks QMP over `socket`, a connected stream socket whose other end is QEMU's.
    ///
    /// - Throws: `EBADF` if it is not open.
    public init(owning socket: consuming Descriptor, on loop: EventLoop) throws(Errno) {
        self.loop = loop
        stream = try ByteStream(owning: socket, on: loop)
        stream.read { [weak self] input in self?.take(input) }
        stream.onWriteFailure = { [weak self] errno in
            self?.end(errno == .brokenPipe ? .disconnected : .failed(errno))
        }
    }

    /// Sends a command.
    ///
    /// - Parameters:
    ///   - command: Such as `cont`, `quit`, `system_powerdown`, `query-status`, `chardev-add`, `device_add`.
    ///   - arguments: As the reference manual says.
    ///   - descriptors: What QEMU gets along with it, as `getfd` wants one.
    ///   - completion: Called once, never before this returns.
    public func execute(
        _ command: String, _ arguments: [String: JSONValue] = [:], passing descriptors: [SharedDescriptor] = [],
        completion: @escaping (Answer) -> Void = { _ in }
    ) {
        let id = nextID
        nextID += 1
        var message: [String: JSONValue] = ["execute": .string(command), "id": .integer(id)]
        if !arguments.isEmpty { message["arguments"] = .object(arguments) }
        if case .closed(let error) = state {
            failures[id] = loop.soon { [weak self] in
                self?.failures[id] = nil
                completion(.failure(error))
            }
            return
        }
        guard let line = JSONValue.object(message).line else {
            preconditionFailure("no command has an infinite argument")
        }
        pending[id] = (command, completion)
        if state == .ready {
            send(line, descriptors)
        } else {
            unsent.append((line, descriptors))
        }
    }

    private func send(_ line: [UInt8], _ descriptors: [SharedDescriptor]) {
        let bytes = line + [UInt8(ascii: "\n")]
        if descriptors.isEmpty { stream.write(bytes) } else { stream.write(bytes, passing: descriptors) }
    }

    /// Closes the connection. Commands without an answer fail with `disconnected`, before this returns.
    public func close() {
        end(.disconnected)
    }

    private func take(_ input: ByteStream.Input) {
        switch input {
        case .end: end(.disconnected)
        case .failed(let errno): end(errno == .connectionReset ? .disconnected : .failed(errno))
        case .bytes(let bytes):
            var rest = bytes[...]
            while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = unfinishedLine + rest[..<newline]
                unfinishedLine = []
                rest = rest[(newline + 1)...]
                takeLine(line)
                if stream.isClosed { return }
            }
            unfinishedLine += rest
            if unfinishedLine.count > Self.longestLine { end(.malformed("a line without end")) }
        }
    }

    private func takeLine(_ line: [UInt8]) {
        if line.allSatisfy({ $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: " ") }) { return }
        guard let message = JSONValue(parsing: line) else {
            return end(.malformed(printable(String(decoding: line.prefix(120), as: UTF8.self))))
        }
        if let name = message["event"]?.text {
            onEvent?(QMPEvent(name: name, data: message["data"] ?? .null))
        } else if state == .greeting, let greeting = message["QMP"] {
            negotiate(QEMUVersion(greeting: greeting))
        } else if let id = message["id"]?.integer {
            answer(id, message)
        }
        // What remains is an error about no command of ours: it cannot be told to anybody.
    }

    private func negotiate(_ version: QEMUVersion) {
        self.version = version
        state = .negotiating
        pending[0] = (
            "qmp_capabilities",
            { [weak self] answer in
                guard let self else { return }
                if case .failure(let error) = answer { return end(error) }
                state = .ready
                for (line, descriptors) in unsent { send(line, descriptors) }
                unsent = []
                onReady?(version)
            }
        )
        stream.write(Array(#"{"execute":"qmp_capabilities","id":0}"#.utf8) + [UInt8(ascii: "\n")])
    }

    private func answer(_ id: Int64, _ message: JSONValue) {
        guard let (command, completion) = pending.removeValue(forKey: id) else { return }
        if let error = message["error"] {
            let refusal = QMPError.refused(
                command: command, errorClass: printable(error["class"]?.text ?? "GenericError"),
                description: printable(error["desc"]?.text ?? "no reason given"))
            completion(.failure(refusal))
        } else {
            completion(.success(message["return"] ?? .null))
        }
    }

    private func end(_ error: QMPError) {
        if case .closed = state { return }
        state = .closed(error)
        stream.close()
        unsent = []
        let unanswered = pending.sorted { $0.key < $1.key }
        pending = [:]
        let closed = onClosed
        for (id, command) in unanswered where id != 0 { command.completion(.failure(error)) }
        closed?(error)
    }
}
