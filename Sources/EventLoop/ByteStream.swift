internal import CLinux
public import Linux
public import SystemPackage

/// A byte stream on a loop: reads when there is something, queues what cannot be written yet, and never blocks the thread.
///
/// Takes sockets, pipes, terminals, regular files and /dev/null alike. A descriptor that other processes hold as well, as the
/// three standard ones, is never made non-blocking: that flag belongs to the open file, so the shell that lent it would feel
/// it long after we are gone.
///
/// Handlers run on the loop's thread, never inside a call to the stream's own methods, and may close the stream.
public final class ByteStream {
    /// What reading brings.
    public enum Input: Equatable {
        /// At least one byte.
        case bytes([UInt8])
        /// The peer has finished. Nothing follows.
        case end
        /// Reading failed. Nothing follows.
        case failed(Errno)
    }

    /// How much a single read takes at most.
    public static let chunkSize = 64 * 1024

    private let loop: EventLoop
    /// How the wrappers are to read and write it: a `Kind`.
    private let kind: CInt
    private let isTerminal: Bool
    private var descriptor: Descriptor?

    private var inputHandler: ((Input) -> Void)?
    private var reading: EventSource?
    private var inputEnded = false
    private var received: [SharedDescriptor] = []

    private var queue = WriteQueue()
    private var writing: EventSource?
    private var hangup: EventSource?
    private var reports: [EventSource] = []
    /// Why the peer takes no more bytes, from when that is known; `EPIPE` when it has gone.
    public private(set) var writeFailure: Errno?
    /// Bytes written so far, and what is to go along with the byte after so many.
    private var written = 0
    private var passing: [(after: Int, descriptors: [SharedDescriptor])] = []
    private var endsAfterQueue = false

    /// Whether descriptors that come along with bytes are taken, and not closed. For a socket alone.
    public var acceptsDescriptors = false
    /// Called when everything that had to wait has been written.
    public var onDrained: (() -> Void)?
    /// Called once when the peer takes no more bytes (`EPIPE` when it has gone); what was queued is dropped.
    public var onWriteFailure: ((Errno) -> Void)?
    /// Called once when a socket's peer has gone, and not only ended its writing: what it sent before may be unread still.
    public var onHangup: (() -> Void)? {
        didSet { watchHangup() }
    }

    /// Takes over a descriptor that this process alone uses.
    ///
    /// - Throws: `EBADF` if it is not open.
    public init(owning descriptor: consuming Descriptor, on loop: EventLoop) throws(Errno) {
        var kind = try checked(cl_stream_kind(descriptor.number))
        try checked(cl_set_nonblocking(descriptor.number, true))
        // With its own open file non-blocking, plain calls do; sockets keep theirs, which raise no SIGPIPE.
        if kind != Kind.socket { kind = Kind.file }
        isTerminal = kind != Kind.socket && cl_is_terminal(descriptor.number)
        self.kind = kind
        self.descriptor = consume descriptor
        self.loop = loop
    }

    /// Uses a descriptor that others hold too, such as standard input. It stays open when the stream closes.
    ///
    /// - Throws: `EBADF` if it is not open.
    public init(sharing number: CInt, on loop: EventLoop) throws(Errno) {
        var kind = try checked(cl_stream_kind(number))
        isTerminal = kind == Kind.terminal
        let reopened = isTerminal ? cl_reopen_terminal(number) : -1
        if reopened >= 0 {
            // An open file of our own, so plain non-blocking calls do.
            kind = Kind.file
            descriptor = Descriptor(owning: reopened)
        } else {
            descriptor = try Descriptor(result: cl_duplicate(number))
        }
        self.kind = kind
        self.loop = loop
    }

    /// Whether ``close()`` has been called.
    public var isClosed: Bool { descriptor == nil }

    /// Closes the stream at once. Nothing more is read, written or called; what was queued is lost.
    public func close() {
        reading = nil
        writing = nil
        hangup = nil
        reports = []
        inputHandler = nil
        onHangup = nil
        onDrained = nil
        onWriteFailure = nil
        queue.removeAll()
        passing = []
        received = []
        descriptor = nil
    }
}

/// The C enum's cases, as the numbers the wrappers take.
private enum Kind {
    static let file = CInt(CL_STREAM_FILE.rawValue)
    static let terminal = CInt(CL_STREAM_TERMINAL.rawValue)
    static let socket = CInt(CL_STREAM_SOCKET.rawValue)
}

// MARK: - Reading

extension ByteStream {
    /// Begins to read; `handler` gets every chunk, then the end or the failure.
    public func read(_ handler: @escaping (Input) -> Void) {
        inputHandler = handler
        resumeReading()
    }

    /// Leaves what comes where it is, so that the peer has to wait, until ``resumeReading()``.
    public func pauseReading() {
        reading = nil
    }

    /// Reads on. Does nothing before ``read(_:)`` and after the end.
    public func resumeReading() {
        guard reading == nil, inputHandler != nil, !inputEnded, let number = descriptor?.number else { return }
        reading = loop.onReadable(number) { [weak self] in self?.readChunk() }
    }

    private func watchHangup() {
        guard let number = descriptor?.number, onHangup != nil else { return hangup = nil }
        hangup = loop.onHangup(number) { [weak self] in
            self?.hangup = nil
            self?.onHangup?()
        }
    }

    private func readChunk() {
        guard let number = descriptor?.number, let handler = inputHandler else { return }
        var result = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Self.chunkSize) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            result =
                acceptsDescriptors
                ? receive(number, base, buffer.count) : cl_read_available(number, kind, base, buffer.count)
            count = max(result, 0)
        }
        if result > 0 {
            // Kept by its receiver perhaps, so without the room of a whole chunk behind a few bytes.
            handler(.bytes(result < Self.chunkSize / 4 ? Array(bytes[...]) : bytes))
            return
        }
        let failure = Errno(rawValue: CInt(truncatingIfNeeded: 0 &- result))
        if result < 0, failure == .wouldBlock { return }
        inputEnded = true
        reading = nil
        inputHandler = nil
        // A terminal whose other side is gone says EIO, where a pipe says end of file.
        handler(result == 0 || (isTerminal && failure == .ioError) ? .end : .failed(failure))
    }
}

// MARK: - Descriptors that come along

extension ByteStream {
    /// The descriptors that came along with what has been read so far and were not taken yet, in their order. See unix(7),
    /// SCM_RIGHTS.
    public func takeDescriptors() -> [SharedDescriptor] {
        defer { received = [] }
        return received
    }

    private func receive(_ number: CInt, _ base: UnsafeMutableRawPointer, _ length: Int) -> Int {
        withUnsafeTemporaryAllocation(of: CInt.self, capacity: Int(CL_MAX_PASSED_FDS)) { room in
            var count = UInt32(room.count)
            let result = cl_receive(number, base, length, room.baseAddress, &count)
            for passed in room.prefix(Int(count)) { received.append(SharedDescriptor(Descriptor(owning: passed))) }
            return result
        }
    }

    /// Writes `bytes` to a socket as ``write(_:)`` does, and lets the peer have descriptors along with the first of them.
    ///
    /// - Parameters:
    ///   - bytes: At least one.
    ///   - descriptors: At most 32; kept until they are sent.
    public func write(_ bytes: some Collection<UInt8>, passing descriptors: [SharedDescriptor]) {
        guard descriptor != nil, writeFailure == nil, !endsAfterQueue, !bytes.isEmpty else { return }
        passing.append((written + queue.count, descriptors))
        write(bytes)
    }

    /// Writes what is next, and no further than to where descriptors are to go along.
    private func writeNext(_ number: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        guard let next = passing.first else { return cl_write_available(number, kind, base, bytes.count) }
        guard next.after == written else {
            return cl_write_available(number, kind, base, min(bytes.count, next.after - written))
        }
        let end = passing.count > 1 ? passing[1].after - written : bytes.count
        let result = cl_send(
            number, base, min(bytes.count, end), next.descriptors.map(\.number), UInt32(next.descriptors.count))
        if result > 0 { passing.removeFirst() }
        return result
    }
}

// MARK: - Writing

extension ByteStream {
    /// How many bytes wait for the peer. Who produces for this stream should pause when it is more than they like.
    public var pendingBytes: Int { queue.count }

    /// Writes `bytes`, now as far as there is room, the rest when there is. Bytes for a stream that failed or was closed are
    /// dropped.
    public func write(_ bytes: some Collection<UInt8>) {
        guard descriptor != nil, writeFailure == nil, !endsAfterQueue else { return }
        queue.append(bytes)
        if writing == nil { flush() }
    }

    /// Ends the writing direction when the queue is empty: the peer reads an end of file. A socket can still be read; a
    /// pipe or a file is closed.
    public func endWriting() {
        guard descriptor != nil, !endsAfterQueue else { return }
        endsAfterQueue = true
        if queue.isEmpty { finishWriting() }
    }

    private func flush() {
        guard let number = descriptor?.number else { return }
        while !queue.isEmpty {
            let result = queue.withNextBytes { writeNext(number, $0) }
            if result >= 0 {
                written &+= result
                queue.removeFirst(result)
                continue
            }
            let failure = Errno(rawValue: CInt(truncatingIfNeeded: 0 &- result))
            if failure == .wouldBlock {
                if writing == nil { writing = loop.onWritable(number) { [weak self] in self?.flush() } }
                return
            }
            writing = nil
            queue.removeAll()
            passing = []
            writeFailure = failure
            reports.append(
                loop.soon { [weak self] in
                    self?.reports = []
                    self?.onWriteFailure?(failure)
                })
            return
        }
        guard writing != nil else { return }
        writing = nil
        if endsAfterQueue { finishWriting() }
        onDrained?()
    }

    private func finishWriting() {
        guard let number = descriptor?.number else { return }
        if kind == Kind.socket {
            // A peer that has already gone needs no end of file.
            _ = cl_shutdown_writing(number)
        } else {
            reading = nil
            descriptor = nil
        }
    }
}
