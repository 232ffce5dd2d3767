internal import EventLoop
internal import GuestLink
internal import SystemPackage

/// The guest's mounts of shares, as the launcher asks the agent for them: each request with a limit of time, and with a
/// thought for the answer that comes after it.
///
/// The agent does what it is asked for side by side. So what is asked of one target is sent one after the other, also after
/// requests that were given up: the guest may still carry those out.
final class GuestMounts {
    /// Why the guest has not done what it was asked for.
    enum Failure: Error, Equatable {
        /// It tried and could not: what it tried, as words that follow "cannot".
        case refused(Errno, attempt: String)
        /// It has not answered in time.
        case silent
        /// It is gone, or has begun anew.
        case gone
    }

    typealias Completion = (Result<Void, Failure>) -> Void

    /// Called when a target is unmounted after its request was given up.
    var onLateUnmount: (_ target: String) -> Void = { _ in }

    /// Which requests the guest takes.
    private enum Phase {
        case none
        /// Those that bring back what it had before it began anew.
        case restoring
        case all
    }

    private enum Task: Equatable {
        case mount(target: String)
        case unmount(target: String)
        case list

        var target: String? {
            switch self {
            case .mount(let target), .unmount(let target): target
            case .list: nil
            }
        }
    }

    private struct Request {
        let task: Task
        let frame: (kind: FrameKind, payload: [UInt8])
        let restores: Bool
        var isSent = false
        /// Nil once the request was given up.
        var completion: ((Result<[GuestMount], Failure>) -> Void)?
        var limit: EventSource?
        /// What has come of mountinfo.
        var table = MountTable()
    }

    private let loop: EventLoop
    private let send: (FrameKind, [UInt8]) -> Void
    private var requests: [UInt32: Request] = [:]
    /// The requests about each target, the one that is the guest's turn first.
    private var lines: [String: [UInt32]] = [:]
    private var lastRequest: UInt32 = 0
    private var phase = Phase.none

    /// Requests that leave by `send`.
    init(on loop: EventLoop, send: @escaping (FrameKind, [UInt8]) -> Void) {
        self.loop = loop
        self.send = send
    }

    /// Whether the guest takes all requests.
    var isOpen: Bool { phase == .all }

    /// How many answers are waited for, those of requests that were given up among them.
    var pending: Int { requests.count }

    // MARK: - Requests

    /// Mounts a share at a target. A request that is given up and then succeeds is undone. One that `restores` what a guest
    /// had before it began anew does not wait for ``open()``.
    func mount(
        _ share: ShareSetting, within limit: Duration, restores: Bool = false, completion: @escaping Completion
    ) {
        let task = Task.mount(target: String(decoding: share.target, as: UTF8.self))
        begin(task, .mount, within: limit, restores: restores, { completion($0.map { _ in () }) }) { id in
            MountRequest(id: id, share: share).payload
        }
    }

    /// Unmounts a target; lazily where it may be in use.
    func unmount(_ target: String, lazily: Bool, within limit: Duration, completion: @escaping Completion) {
        unmount(target, lazily: lazily, within: limit, isNext: false, completion: completion)
    }

    private func unmount(
        _ target: String, lazily: Bool, within limit: Duration, isNext: Bool, completion: @escaping Completion
    ) {
        let task = Task.unmount(target: target)
        begin(task, .unmount, within: limit, isNext: isNext, { completion($0.map { _ in () }) }) { id in
            UnmountRequest(id: id, isLazy: lazily, target: Array(target.utf8)).payload
        }
    }

    /// Asks for all mounts of aggregates; a guest that has not answered the last time is not asked again until it has.
    func list(within limit: Duration, completion: @escaping (Result<[GuestMount], Failure>) -> Void) {
        guard isOpen, !requests.values.contains(where: { $0.task == .list && $0.completion == nil }) else {
            return completion(.failure(.silent))
        }
        begin(.list, .listMounts, within: limit, completion) { id in
            var payload = PayloadWriter()
            payload.append(id)
            return payload.bytes
        }
    }

    private func begin(
        _ task: Task, _ kind: FrameKind, within limit: Duration, restores: Bool = false, isNext: Bool = false,
        _ completion: @escaping (Result<[GuestMount], Failure>) -> Void, payload: (UInt32) -> [UInt8]
    ) {
        repeat { lastRequest &+= 1 } while requests[lastRequest] != nil
        let id = lastRequest
        requests[id] = Request(
            task: task, frame: (kind, payload(id)), restores: restores, completion: completion,
            limit: loop.after(limit) { [weak self] in self?.giveUp(id) })
        if let target = task.target {
            let place = isNext ? 0 : lines[target]?.count ?? 0
            lines[target, default: []].insert(id, at: place)
        }
        post(id)
    }

    /// Sends a request whose turn it is.
    private func post(_ id: UInt32) {
        guard let request = requests[id], !request.isSent else { return }
        guard phase == .all || phase == .restoring && request.restores else { return }
        if let target = request.task.target, lines[target]?.first != id { return }
        requests[id]?.isSent = true
        send(request.frame.kind, request.frame.payload)
    }

    private func giveUp(_ id: UInt32) {
        guard let request = requests[id], let completion = request.completion else { return }
        requests[id]?.completion = nil
        requests[id]?.limit = nil
        // What the guest has not heard of will not be answered.
        if !request.isSent { remove(id) }
        completion(.failure(.silent))
    }

    private func remove(_ id: UInt32) {
        guard let target = requests.removeValue(forKey: id)?.task.target else { return }
        lines[target]?.removeAll { $0 == id }
        if lines[target]?.isEmpty == true { lines[target] = nil }
    }

    // MARK: - The guest's life

    /// The guest takes requests from now on.
    func open() {
        phase = .all
        for id in requests.keys.sorted() { post(id) }
    }

    /// The guest has begun anew and takes what it had before; all other requests wait for ``open()``.
    func beginRestoring() { phase = .restoring }

    /// The guest is gone, or begins anew: nothing that it was asked for will be answered.
    func close() {
        phase = .none
        let lost = requests
        requests = [:]
        lines = [:]
        for (_, request) in lost.sorted(by: { $0.key < $1.key }) { request.completion?(.failure(.gone)) }
    }

    // MARK: - Answers

    /// Takes the answer to a request.
    func receive(result id: UInt32, _ error: UInt32, _ attempt: String) {
        guard let request = requests[id], request.isSent else { return }
        remove(id)
        let failure = error == 0 ? nil : Errno(rawValue: CInt(truncatingIfNeeded: error))
        if request.completion == nil, failure == nil { answeredLate(request.task) }
        if let target = request.task.target, let next = lines[target]?.first { post(next) }
        guard let completion = request.completion else { return }
        if let failure {
            completion(.failure(.refused(failure, attempt: attempt)))
        } else {
            var table = request.table
            table.finish()
            completion(.success(table.mounts))
        }
    }

    /// The guest has done what nobody waits for any more.
    private func answeredLate(_ task: Task) {
        switch task {
        case .mount(let target):
            // Before anything else happens there.
            unmount(target, lazily: true, within: .seconds(30), isNext: true) { _ in }
        case .unmount(let target): onLateUnmount(target)
        case .list: break
        }
    }

    /// Takes the next part of the answer to a ``list(within:completion:)``.
    func receive(mounts id: UInt32, _ bytes: [UInt8]) {
        guard requests[id].map({ $0.task == .list && $0.completion != nil }) == true else { return }
        requests[id]?.table.append(bytes)
    }
}
