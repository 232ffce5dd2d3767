public import EventLoop
public import Linux
public import SystemPackage

/// A connection to a VM's control socket for one command: on a loop, so that whoever runs the command can attend to its
/// streams meanwhile.
public final class CommandClient {
    /// Called once: how the command ended, or why that is not known. All it wrote is in its streams by then.
    public var onEnd: (Result<EndedCommand, ControlClientError>) -> Void = { _ in }

    /// How long a VM may take to greet.
    private static let patience = Duration.seconds(5)
    private static let exec = RequestID.integer(1)

    private let loop: EventLoop
    private let stream: ByteStream
    private var lines = LineBuffer()
    private var request: (line: [UInt8], descriptors: [SharedDescriptor])?
    private var lastID: Int64 = 1
    private var isGreeted = false
    private var hasEnded = false
    private var impatience: EventSource?

    /// Connects to a VM. The connection itself is waited for.
    ///
    /// - Parameters:
    ///   - path: Its control socket.
    ///   - loop: Where all else happens.
    /// - Throws: `.cannotConnect` or `.timedOut`.
    public convenience init(path: FilePath, on loop: EventLoop) throws(ControlClientError) {
        try self.init(owning: try ControlClient.connect(to: path, within: Self.patience), on: loop)
    }

    /// Speaks to the server at the other end of a connected stream socket.
    ///
    /// - Throws: `.failed` where it cannot be used.
    public init(owning connection: consuming Descriptor, on loop: EventLoop) throws(ControlClientError) {
        self.loop = loop
        do throws(Errno) {
            stream = try ByteStream(owning: connection, on: loop)
        } catch {
            throw .failed(error)
        }
    }

    /// Runs the command; to be called once.
    ///
    /// - Parameters:
    ///   - command: What to run.
    ///   - input: Where it reads: the end of a pipe, or a socket, that the VM has to itself from now on.
    ///   - output: Where it writes.
    ///   - errorOutput: Where it writes errors.
    /// - Throws: `.refused` where the command is too long to be sent.
    public func execute(
        _ command: CommandExecution, input: consuming Descriptor, output: consuming Descriptor,
        errorOutput: consuming Descriptor
    ) throws(ControlClientError) {
        let bytes = line(RequestLine(id: Self.exec, request: .execute(command)))
        guard bytes.count <= ControlServer.longestLine else {
            let text =
                "the command and its environment take \(bytes.count) bytes, and a VM takes at most "
                + "\(ControlServer.longestLine); put them into a script in a share"
            throw .refused(ControlFailure(.lineTooLong, text))
        }
        request = (bytes, [SharedDescriptor(input), SharedDescriptor(output), SharedDescriptor(errorOutput)])
        impatience = loop.after(Self.patience) { [weak self] in self?.end(.failure(.timedOut)) }
        stream.onWriteFailure = { [weak self] _ in self?.end(.failure(.disconnected)) }
        stream.read { [weak self] in self?.take($0) }
    }

    /// Tells the command's terminal its new size.
    public func resize(rows: UInt16, columns: UInt16) {
        notify(.resize(rows: rows, columns: columns))
    }

    /// Sends a signal to the command's process group.
    public func signal(_ number: UInt8) {
        notify(.signal(number))
    }

    /// Leaves: a command that still runs is hung up. Nothing more is told.
    public func close() {
        hasEnded = true
        impatience = nil
        request = nil
        stream.close()
    }

    private func notify(_ content: CommandNotice.Content) {
        guard isGreeted, !hasEnded else { return }
        lastID += 1
        let notice = CommandNotice(exec: Self.exec, content)
        stream.write(line(RequestLine(id: .integer(lastID), request: .notify(notice))))
    }

    private func take(_ input: ByteStream.Input) {
        switch input {
        case .end, .failed(.connectionReset): return end(.failure(.disconnected))
        case .failed(let error): return end(.failure(.failed(error)))
        case .bytes(let bytes): lines.append(bytes)
        }
        do throws(ControlClientError) {
            while !hasEnded, let line = lines.next() { try take(line) }
            if lines.count > ControlClient.longestLine { throw .malformed("a line without end") }
        } catch {
            end(.failure(error))
        }
    }

    private func take(_ line: [UInt8]) throws(ControlClientError) {
        guard isGreeted else {
            _ = try Greeting(parsing: line)
            impatience = nil
            isGreeted = true
            if let request { stream.write(request.line, passing: request.descriptors) }
            request = nil
            return
        }
        let answer = try parse(Reply<Members>.self, line)
        if let failure = answer.error, answer.id == Self.exec || answer.id == .none { throw .refused(failure) }
        // Notices are answered too.
        guard answer.id == Self.exec else { return }
        guard let ended = try parse(Reply<EndedCommand>.self, line).result else {
            throw .malformed("a response without result and error")
        }
        end(.success(ended))
    }

    private func end(_ result: Result<EndedCommand, ControlClientError>) {
        guard !hasEnded else { return }
        close()
        onEnd(result)
    }

    /// An object, whatever is in it.
    private struct Members: Decodable {}
}
