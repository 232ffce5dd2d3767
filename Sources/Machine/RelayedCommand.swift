public import EventLoop
internal import Glibc
internal import GuestLink
internal import Linux
internal import SystemPackage

/// A command in the guest for somebody else's process: its session, joined to streams that have come from there.
///
/// It lives until ``onEnd`` is called or it is hung up, whoever holds it.
public final class RelayedCommand {
    /// What is run.
    public struct Request: Sendable {
        /// The command and its arguments; empty for a login shell.
        public var arguments: [String]
        /// `NAME=value` strings for its environment.
        public var environment: [String]
        /// Where it starts; nil for the default.
        public var directory: String?
        /// The size of its terminal; nil where it gets none.
        public var terminal: Terminal.Size?

        /// A request with these fields.
        public init(arguments: [String], environment: [String], directory: String?, terminal: Terminal.Size?) {
            self.arguments = arguments
            self.environment = environment
            self.directory = directory
            self.terminal = terminal
        }
    }

    /// Called once, when the command has ended and all that it wrote is in its streams, which are closed.
    public var onEnd: (GuestSession.Status) -> Void = { _ in }

    /// How long a command that was hung up may write without a reader: what it says as it ends must not end it sooner.
    private static let patience = Duration.seconds(3)

    private let loop: EventLoop
    private let session: GuestSession
    private let streams: SessionStreams
    private let hasTerminal: Bool
    private var isHungUp = false
    private var deadline: EventSource?

    /// Runs a command with these streams.
    init(
        _ request: ExecRequest, over link: AgentLink, _ streams: SessionStreams, on loop: EventLoop
    ) throws(AgentLink.NoSessionLeft) {
        self.loop = loop
        self.streams = streams
        hasTerminal = request.hasTerminal
        session = try link.execute(request)
        streams.join(session)
        // The session holds this object until it ends.
        session.events.started = { _ in self.streams.beginInput() }
        session.events.ended = { self.ended($0) }
    }

    /// Sends a signal to the command's process group.
    public func signal(_ number: UInt8) {
        session.signal(number)
    }

    /// Tells the command's terminal its new size.
    public func resize(_ size: Terminal.Size) {
        session.resize(rows: size.rows, columns: size.columns)
    }

    /// Treats the command as a terminal that goes away does, and lets it go: SIGHUP, the end of its input, and soon nobody who
    /// reads its output. Nothing more is told.
    public func hangUp() {
        guard !isHungUp else { return }
        isHungUp = true
        streams.close()
        // With its last reader the terminal itself goes, and that is the hangup.
        if hasTerminal { return endOutputs() }
        session.signal(UInt8(SIGHUP))
        session.endInput()
        session.events.inputRoomGrew = {}
        session.events.written = { [session] stream, bytes in session.grant(bytes.count, of: stream) }
        deadline = loop.after(Self.patience) { self.endOutputs() }
    }

    private func endOutputs() {
        deadline = nil
        session.events = GuestSession.Events()
        session.endOutput(.output)
        session.endOutput(.errorOutput)
    }

    private func ended(_ status: GuestSession.Status) {
        deadline = nil
        session.events = GuestSession.Events()
        guard !isHungUp else { return }
        streams.endInput()
        streams.flush { [self] in
            streams.close()
            guard !isHungUp else { return }
            onEnd(status)
        }
    }
}
