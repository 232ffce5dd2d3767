import EventLoop
import GuestLink
import SystemPackage

@testable import Machine

/// A guest played by the test, at the other end of a launcher's link: it mounts and unmounts in a table of its own.
final class ScriptedGuest {
    /// The launcher's side.
    let link: AgentLink
    /// The requests that the launcher makes of it.
    let mounts: GuestMounts

    /// What is mounted, the topmost last: `rw/NAME` by target.
    private(set) var table: [String: [String]] = [:]
    /// What it was asked for, in order: `mount /a`, `unmount /a`, `detach /a`, `list`.
    private(set) var asked: [String] = []
    /// Targets that something uses.
    var busy: Set<String> = []
    /// Targets where nothing can be mounted, and why.
    var refusals: [String: Errno] = [:]
    /// While set it answers nothing; what it was asked for is done, in order, when it is unset.
    var isSilent = false {
        didSet { if !isSilent { schedule() } }
    }
    /// Targets about which it answers only when the target is taken out again.
    var slow: Set<String> = [] {
        didSet { schedule() }
    }
    /// How many lines of its mounts it puts into one frame.
    var linesInFrame = 2

    private let loop: EventLoop
    private var reader = FrameReader()
    private var undone: [(kind: FrameKind, payload: [UInt8])] = []
    private var turn: EventSource?

    init(on loop: EventLoop) {
        self.loop = loop
        var deliver: ([UInt8]) -> Void = { _ in }
        let link = AgentLink { deliver($0) }
        self.link = link
        mounts = GuestMounts(on: loop) { [unowned link] kind, payload in link.send(kind, session: 0, payload) }
        deliver = { [unowned self] in take($0) }
        link.events.result = { [unowned self] in mounts.receive(result: $0, $1, $2) }
        link.events.mounts = { [unowned self] in mounts.receive(mounts: $0, $1) }
    }

    /// What is seen at each target.
    var seen: [String: String] { table.compactMapValues(\.last) }

    /// It mounts a share while it boots.
    func mountByItself(_ share: String, at target: String) { table[target] = [share] }

    /// Somebody in the guest unmounts a target.
    func unmountByHand(_ target: String) { table[target] = nil }

    /// It begins anew: with nothing mounted, and nothing asked of it.
    func reset() {
        table = [:]
        undone = []
    }

    private func take(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { reader.append($0) }
        while let (header, payload) = reader.next() {
            guard let kind = FrameKind(rawValue: header.kind) else { continue }
            asked.append(Self.text(kind, payload))
            undone.append((kind, payload))
        }
        schedule()
    }

    private func schedule() {
        turn = loop.soon { [unowned self] in work() }
    }

    private func work() {
        guard !isSilent else { return }
        let all = undone
        undone = []
        for (kind, payload) in all {
            if let target = Self.target(kind, payload), slow.contains(target) {
                undone.append((kind, payload))
            } else {
                answer(kind, payload)
            }
        }
    }

    private func answer(_ kind: FrameKind, _ payload: [UInt8]) {
        var reader = PayloadReader(payload)
        let id = reader.word() ?? 0
        if let request = MountRequest(payload: payload), kind == .mount {
            let target = String(decoding: request.share.target, as: UTF8.self)
            if let errno = refusals[target] { return result(id, errno, "mount the share on \(target)") }
            table[target, default: []].append(
                "\(request.share.bucket.name)/\(String(decoding: request.share.subname, as: UTF8.self))")
            result(id, nil, "mount the share on \(target)")
        } else if let request = UnmountRequest(payload: payload), kind == .unmount {
            let target = String(decoding: request.target, as: UTF8.self)
            guard table[target]?.isEmpty == false else { return result(id, .invalidArgument, "unmount \(target)") }
            if busy.contains(target), !request.isLazy { return result(id, .resourceBusy, "unmount \(target)") }
            table[target]?.removeLast()
            if table[target]?.isEmpty == true { table[target] = nil }
            result(id, nil, "unmount \(target)")
        } else if kind == .listMounts {
            tellMounts(id)
        }
    }

    private func tellMounts(_ id: UInt32) {
        let lines = table.flatMap { target, shares in
            shares.map { share in
                let (bucket, name) = (share.prefix(2), share.dropFirst(3))
                return "41 26 0:33 /\(name) \(target) rw,relatime - virtiofs sheaf-\(bucket) rw\n"
            }
        }
        for start in stride(from: 0, through: lines.count, by: linesInFrame) {
            var payload = PayloadWriter()
            payload.append(id)
            payload.appendRemainder(Array(lines[start..<min(lines.count, start + linesInFrame)].joined().utf8))
            send(.mounts, payload.bytes)
        }
        result(id, nil, "")
    }

    private func result(_ id: UInt32, _ errno: Errno?, _ attempt: String) {
        var payload = PayloadWriter()
        payload.append(id)
        payload.append(UInt32(errno?.rawValue ?? 0))
        payload.appendRemainder(Array(attempt.utf8))
        send(.result, payload.bytes)
    }

    private func send(_ kind: FrameKind, _ payload: [UInt8]) {
        var bytes: [UInt8] = []
        FrameHeader(kind: kind, session: 0, length: payload.count).append(to: &bytes)
        bytes += payload
        bytes.withUnsafeBytes { link.receive($0) }
    }

    private static func target(_ kind: FrameKind, _ payload: [UInt8]) -> String? {
        if kind == .mount {
            return MountRequest(payload: payload).map { String(decoding: $0.share.target, as: UTF8.self) }
        }
        if kind == .unmount {
            return UnmountRequest(payload: payload).map { String(decoding: $0.target, as: UTF8.self) }
        }
        return nil
    }

    private static func text(_ kind: FrameKind, _ payload: [UInt8]) -> String {
        let target = target(kind, payload) ?? ""
        switch kind {
        case .mount: return "mount \(target)"
        case .unmount:
            return UnmountRequest(payload: payload)?.isLazy == true ? "detach \(target)" : "unmount \(target)"
        case .listMounts: return "list"
        default: return "\(kind)"
        }
    }
}
