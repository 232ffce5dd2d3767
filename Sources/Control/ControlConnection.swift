internal import EventLoop
internal import Linux
internal import SystemPackage

/// One client of a ``ControlServer``.
final class ControlConnection {
    /// Called when the connection is over; not by ``close()`` of the server's own.
    var onClosed: () -> Void = {}

    private let stream: ByteStream
    private let loop: EventLoop
    private let handler: ControlServer.Handler
    private var unfinishedLine: [UInt8] = []
    private var isRefused = false
    /// Whether the client sends no more requests.
    private var hasEnded = false
    /// The requests that the handler has not answered yet.
    private var calls: [Int: ControlCall] = [:]
    private var lastCall = 0
    private var end: EventSource?

    init(
        owning connection: consuming Descriptor, on loop: EventLoop, handler: @escaping ControlServer.Handler
    ) throws(Errno) {
        self.loop = loop
        self.handler = handler
        stream = try ByteStream(owning: connection, on: loop)
    }

    /// Greets the client and takes its requests.
    func begin(_ greeting: Greeting) {
        stream.onWriteFailure = { [weak self] _ in self?.finish() }
        stream.read { [weak self] in self?.take($0) }
        stream.write(line(greeting))
    }

    /// Tells the client why it is let go, and lets it go when it has read that.
    func refuse(_ failure: ControlFailure) {
        guard !isRefused else { return }
        isRefused = true
        send(ResponseLine(id: .none, answer: .failure(failure)))
        stream.pauseReading()
        stream.endWriting()
        guard stream.pendingBytes > 0 else { return finishSoon() }
        stream.onDrained = { [weak self] in self?.finishSoon() }
    }

    func close() {
        end = nil
        stream.close()
        let abandoned = calls
        calls = [:]
        for (_, call) in abandoned.sorted(by: { $0.key < $1.key }) { call.abandon() }
    }

    private func take(_ input: ByteStream.Input) {
        guard !isRefused else { return }
        guard case .bytes(let bytes) = input else {
            // A client that ends its writing as soon as it has asked, as a pipe into a socket does, still reads its answers.
            hasEnded = input == .end
            return hasEnded ? finishWhenAnswered() : finish()
        }
        var rest = bytes[...]
        while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = unfinishedLine + rest[..<newline]
            unfinishedLine = []
            rest = rest[(newline + 1)...]
            guard line.count <= ControlServer.longestLine else { return refuseLength() }
            takeLine(line)
            if isRefused || stream.isClosed { return }
        }
        unfinishedLine += rest
        if unfinishedLine.count > ControlServer.longestLine { refuseLength() }
    }

    private func refuseLength() {
        unfinishedLine = []
        refuse(ControlFailure(.lineTooLong, "a request has at most \(ControlServer.longestLine) bytes"))
    }

    private func takeLine(_ line: [UInt8]) {
        let request: RequestLine
        do {
            request = try RequestLine(parsing: line)
        } catch {
            guard error.failure.code != .malformed else { return refuse(error.failure) }
            return send(ResponseLine(id: error.id, answer: .failure(error.failure)))
        }
        let id = request.id
        lastCall += 1
        let number = lastCall
        let call = ControlCall(request.request) { [weak self] answer in
            guard let self else { return }
            calls[number] = nil
            send(ResponseLine(id: id, answer: answer))
            if hasEnded { finishWhenAnswered() }
        }
        calls[number] = call
        handler(call)
    }

    private func finishWhenAnswered() {
        guard calls.isEmpty else { return }
        guard stream.pendingBytes > 0 else { return finishSoon() }
        stream.onDrained = { [weak self] in self?.finishWhenAnswered() }
    }

    private func send(_ response: ResponseLine) {
        guard !stream.isClosed else { return }
        stream.write(line(response))
        if stream.pendingBytes > ControlServer.unreadLimit { finish() }
    }

    /// Ends the connection when the handler that runs now has returned.
    private func finishSoon() {
        end = loop.soon { [weak self] in self?.finish() }
    }

    private func finish() {
        guard !stream.isClosed else { return }
        close()
        onClosed()
    }
}
