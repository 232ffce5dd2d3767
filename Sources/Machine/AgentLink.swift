internal import Glibc
public import GuestLink
internal import Linux

/// The launcher's side of the link: turns frames into calls and calls into frames, whatever carries the bytes.
public final class AgentLink {
    /// What the link reports; each is called on the thread that feeds `receive`.
    public struct Events {
        /// The agent is there; the guest kernel's release.
        public var hello: (_ kernelRelease: String) -> Void = { _ in }
        /// The guest is set up and takes commands.
        public var ready: () -> Void = {}
        /// The guest could not be set up: an errno, 0 where there is none, and what was tried.
        public var failed: (_ error: UInt32, _ text: String) -> Void = { _, _ in }
        /// The answer to a request about mounts: its id, an errno, 0 for success, and what was tried.
        public var result: (_ request: UInt32, _ error: UInt32, _ text: String) -> Void = { _, _, _ in }
        /// Some of the mounts that a request has asked for: its id, and the next bytes of mountinfo.
        public var mounts: (_ request: UInt32, _ bytes: [UInt8]) -> Void = { _, _ in }
        /// A word for a person.
        public var log: (_ text: String) -> Void = { _ in }
        /// The link carries no frames any more; why.
        public var broken: (_ reason: String) -> Void = { _ in }

        /// Events that nobody hears.
        public init() {}
    }

    /// Who hears of what.
    public var events = Events()

    /// Why a command cannot be run: every session's number is in use, as where the guest never says that one has ended.
    public struct NoSessionLeft: Error {}

    private let send: ([UInt8]) -> Void
    private let waiting: () -> Int
    private var reader = FrameReader()
    private var sessions: [UInt16: GuestSession] = [:]
    private var lastSession: UInt16 = 0
    private var isBroken = false
    /// The guest has begun anew and its agent has not spoken yet: what is sent would be half of what it hears first.
    private var isRestarting = false
    /// What the agent may say next of the guest as a whole.
    private var expected = Expected.hello

    private enum Expected {
        case hello, ready, nothing
    }

    /// A link whose frames leave by `send`.
    ///
    /// - Parameters:
    ///   - waiting: How many bytes wait for the guest to take them.
    ///   - send: Queues bytes; it must keep their order and not call back into the link.
    public init(waiting: @escaping () -> Int = { 0 }, send: @escaping ([UInt8]) -> Void) {
        self.waiting = waiting
        self.send = send
    }

    /// The most that may wait for a guest: every session's command and all the input that it has room for, and much more of
    /// everything else than comes together in a guest that reads at all.
    private var mostWaiting: Int { (16 << 20) + sessions.count * (streamWindow + frameMaximumPayload) }

    /// Takes the next bytes that came from the agent.
    public func receive(_ bytes: UnsafeRawBufferPointer) {
        guard !isBroken else { return }
        reader.append(bytes)
        while !isBroken, let (header, payload) = reader.next() { handle(header, payload) }
        if reader.isBroken { breakLink("a frame's header is none") }
    }

    /// Sends one setting, `key=value`, that the kernel command line had no room for.
    public func send(setting: [UInt8]) {
        send(.setting, session: 0, setting)
    }

    /// Says that all settings are sent.
    public func begin() {
        send(.begin, session: 0, [])
    }

    /// Begins anew, as the guest has: its commands are lost, and its agent will say hello once more.
    public func restart() {
        reader = FrameReader()
        expected = .hello
        isRestarting = true
        let lost = sessions
        sessions = [:]
        for (_, session) in lost.sorted(by: { $0.key < $1.key }) { session.events.ended(.lost) }
    }

    /// Asks the guest to power off.
    ///
    /// - Parameter patience: Milliseconds that its programs get to end by themselves; a short while when nil.
    public func powerOff(patience: UInt32? = nil) {
        var payload = PayloadWriter()
        if let patience {
            payload.append(patience)
            // What ends by that, as an interactive shell does not end by SIGTERM: nobody waits for the person there.
            for session in sessions.values where session.hasTerminal { session.signal(UInt8(SIGHUP)) }
        }
        send(.powerOff, session: 0, payload.bytes)
    }

    /// Runs a command in the guest.
    ///
    /// - Returns: Its session; set the session's events before the loop runs again.
    /// - Throws: That there are as many as there can be.
    public func execute(_ request: ExecRequest) throws(NoSessionLeft) -> GuestSession {
        guard sessions.count < Int(UInt16.max) else { throw NoSessionLeft() }
        repeat { lastSession = lastSession == .max ? 1 : lastSession + 1 } while sessions[lastSession] != nil
        let session = GuestSession(number: lastSession, hasTerminal: request.hasTerminal, link: self)
        sessions[lastSession] = session
        send(.exec, session: lastSession, request.payload)
        return session
    }

    func send(_ kind: FrameKind, session: UInt16, _ payload: [UInt8]) {
        guard !isBroken, !isRestarting else { return }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(frameHeaderSize + payload.count)
        FrameHeader(kind: kind, session: session, length: payload.count).append(to: &bytes)
        bytes.append(contentsOf: payload)
        send(bytes)
        if waiting() > mostWaiting { breakLink("the guest does not take what it is sent") }
    }

    func breakLink(_ reason: String) {
        guard !isBroken else { return }
        isBroken = true
        events.broken(reason)
    }

    private func handle(_ header: FrameHeader, _ payload: [UInt8]) {
        // A kind that is not known is a later version's, and not for us.
        guard let kind = FrameKind(rawValue: header.kind) else { return }
        guard header.session == 0 else {
            // A frame for a session that has ended may still have been under way.
            guard let session = sessions[header.session] else { return }
            if !session.handle(kind, payload) { sessions[header.session] = nil }
            return
        }
        var payload = PayloadReader(payload)
        switch kind {
        case .hello:
            guard expected == .hello else { return breakLink("the agent says hello twice") }
            expected = .ready
            isRestarting = false
            guard let version = payload.byte() else { return breakLink("the agent's hello is empty") }
            guard version == linkVersion else {
                return breakLink("the agent speaks version \(version) of the link, the launcher version \(linkVersion)")
            }
            events.hello(text(payload.remainder()))
        case .ready:
            guard expected == .ready else { return breakLink("the agent is ready out of turn") }
            expected = .nothing
            events.ready()
        case .failed:
            guard let error = payload.word() else { return breakLink("the agent's failure is cut short") }
            events.failed(error, text(payload.remainder()))
        case .result:
            guard let request = payload.word(), let error = payload.word() else {
                return breakLink("the agent's answer is cut short")
            }
            events.result(request, error, text(payload.remainder()))
        case .mounts:
            guard let request = payload.word() else { return breakLink("the agent's mounts are cut short") }
            events.mounts(request, payload.remainder())
        case .log:
            events.log(text(payload.remainder()))
        default:
            break
        }
    }
}

/// The guest's bytes as text that a terminal takes for nothing but text.
func text(_ bytes: [UInt8]) -> String { printable(String(decoding: bytes, as: UTF8.self)) }
