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
    private var lines = LineBuffer()
    /// What came along with the bytes of a line that is not whole yet.
    private var descriptors: [SharedDescriptor] = []
    private var isRefused = false
    /// Whether the client sends no more requests.
    private var hasEnded = false
    /// The requests that the handler has not answered yet.
    private var calls: [Int: (id: RequestID, call: ControlCall)] = [:]
    private var lastCall = 0
    private var end: EventSource?

    init(
        owning connection: consuming Descriptor, on loop: EventLoop, handler: @escaping ControlServer.Handler
    ) throws(Errno) {
        self.loop = loop
        self.handler = handler
        stream = try ByteStream(owning: connection, on: loop)
        stream.acceptsDescriptors = true
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
        descriptors = []
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
        descriptors = []
        for (_, call) in abandoned.sorted(by: { $0.key < $1.key }) { call.call.abandon() }
    }

    private func take(_ input: ByteStream.Input) {
        guard !isRefused else { return }
        if input == .failed(.tooManyOpenFiles) { return refuseForWantOfDescriptors() }
        guard case .bytes(let bytes) = input else {
            // A client that ends its writing as soon as it has asked, as a pipe into a socket does, still reads its answers.
            guard input == .end else { return finish() }
            hasEnded = true
            stream.onHangup = { [weak self] in self?.finish() }
            return finishWhenAnswered()
        }
        lines.append(bytes)
        // The kernel ends a read with the bytes that descriptors came along with, so these belong to its last request, or to
        // one that has only begun.
        descriptors += stream.takeDescriptors()
        guard descriptors.count <= ControlServer.descriptorLimit else { return refuseDescriptors() }
        while let line = lines.next() {
            guard line.count <= ControlServer.longestLine else { return refuseLength() }
            takeLine(line)
            if isRefused || stream.isClosed { return }
        }
        if lines.count > ControlServer.longestLine { return refuseLength() }
        // Requests that take none have come with these.
        if lines.count == 0 { descriptors = [] }
    }

    private func refuseDescriptors() {
        refuse(
            ControlFailure(
                .invalidRequest, "a request comes with at most \(ControlServer.descriptorLimit) descriptors"))
    }

    private func refuseForWantOfDescriptors() {
        refuse(
            ControlFailure(
                .host, "the launcher has reached its limit of open files: the descriptors of a request were lost",
                errno: "EMFILE"))
    }

    private func refuseLength() {
        lines = LineBuffer()
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
        if case .notify(let notice) = request.request { return send(ResponseLine(id: id, answer: pass(notice))) }
        lastCall += 1
        let number = lastCall
        let call = ControlCall(request.request, descriptors: takeDescriptors(for: request.request)) {
            [weak self] answer in
            guard let self else { return }
            calls[number] = nil
            send(ResponseLine(id: id, answer: answer))
            if hasEnded { finishWhenAnswered() }
        }
        calls[number] = (id, call)
        handler(call)
    }

    private func takeDescriptors(for request: ControlRequest) -> [SharedDescriptor] {
        guard case .execute = request else { return [] }
        defer { descriptors = [] }
        return descriptors
    }

    /// Passes a notice on to the command that it is for.
    private func pass(_ notice: CommandNotice) -> Result<ControlResult, ControlFailure> {
        for (id, call) in calls.values where id == notice.exec && id != .none {
            guard case .execute = call.request else { continue }
            call.onNotice(notice.content)
            return .success(.done)
        }
        return .failure(ControlFailure(.invalidRequest, "no command of this connection runs under that id"))
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
