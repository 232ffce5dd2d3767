import EventLoop

@testable import GuestLink
@testable import Machine

/// What a guest's agent tells the launcher, what the launcher tells an agent, and a guest's console.
final class LinkTarget: FuzzTarget {
    private let loop = EventLoop()

    func run(_ input: FuzzInput) {
        var input = input
        switch input.byte() & 3 {
        case 0: tellAgent(input.pieces())
        case 1: watchConsole(input.pieces())
        default: tellLauncher(input.pieces())
        }
    }

    private func tellLauncher(_ pieces: [[UInt8]]) {
        let link = AgentLink { _ in }
        let mounts = GuestMounts(on: loop) { kind, payload in link.send(kind, session: 0, payload) }
        mounts.open()
        var breaks = 0
        link.events.broken = { _ in breaks += 1 }
        link.events.mounts = { mounts.receive(mounts: $0, $1) }
        link.events.result = { mounts.receive(result: $0, $1, $2) }
        var output = 0
        for hasTerminal in [false, true] {
            let request = ExecRequest(
                hasTerminal: hasTerminal, rows: 1, columns: 1, arguments: [], environment: [], directory: [])
            guard let session = try? link.execute(request) else { fatalError("the first sessions of a link") }
            session.events.written = { _, bytes in output += bytes.count }
            session.events.ended = { [unowned session] _ in
                require(session.inputRoom <= streamWindow, "a window of \(session.inputRoom) bytes")
            }
        }
        mounts.mount(
            ShareSetting(bucket: .readWrite, subname: [0x61], target: [0x2f, 0x61]), within: .seconds(60)
        ) { _ in }
        mounts.list(within: .seconds(60)) { _ in }
        for piece in pieces { piece.withUnsafeBytes { link.receive($0) } }
        require(breaks <= 1, "a link that breaks \(breaks) times")
        require(output <= 4 * streamWindow, "\(output) bytes of output that nobody has made room for")
        mounts.close()
        // They know each other.
        link.events = AgentLink.Events()
    }

    private func tellAgent(_ pieces: [[UInt8]]) {
        var reader = FrameReader()
        for piece in pieces {
            piece.withUnsafeBytes { reader.append($0) }
            while let (header, payload) = reader.next() {
                require(header.length == payload.count, "\(payload.count) bytes in a frame of \(header.length)")
                parse(header.kind, payload)
            }
        }
    }

    private func parse(_ kind: UInt8, _ payload: [UInt8]) {
        switch FrameKind(rawValue: kind) {
        case .exec:
            guard let request = ExecRequest(payload: payload) else { return }
            require(ExecRequest(payload: request.payload)?.arguments == request.arguments, "another command")
        case .mount:
            guard let request = MountRequest(payload: payload) else { return }
            require(isPathComponent(request.share.subname) && request.share.target.first == 0x2f, "no share")
            require(MountRequest(payload: request.payload)?.share.target == request.share.target, "another target")
        case .unmount:
            guard let request = UnmountRequest(payload: payload) else { return }
            require(UnmountRequest(payload: request.payload)?.target == request.target, "another target")
        case .setting:
            let halves = payload.split(separator: 0x3d, maxSplits: 1, omittingEmptySubsequences: false)
            let value = Array(halves.last ?? [])
            if let share = ShareSetting(value: value) {
                require(ShareSetting(value: share.value)?.target == share.target, "another share")
            }
            if let root = RootSetting(value: value) { require(RootSetting(value: root.value) != nil, "no root") }
            require(PercentEncoding.decode(PercentEncoding.encode(value)) == value, "other bytes")
        default: break
        }
    }

    private func watchConsole(_ pieces: [[UInt8]]) {
        var watch = ConsoleWatch()
        for piece in pieces { piece.withUnsafeBytes { _ = watch.append($0) } }
        watch.finish()
        require(watch.tail.count <= ConsoleWatch.tailLimit, "a tail of \(watch.tail.count) lines")
        require(
            watch.tail.allSatisfy {
                $0.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) }
            },
            "a control character of the guest's")
    }
}
