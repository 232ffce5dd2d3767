internal import EventLoop
internal import GuestLink
internal import SystemPackage

/// The guest's mounts of shares, as the launcher asks the agent for them: each request with a limit of time, and with a
/// thought for the answer that comes after it.
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

    /// The most bytes of mountinfo that are taken.
    private static let largestTable = 32 << 20

    private enum Task: Equatable {
        case mount(target: String)
        case unmount(target: String)
        case list
    }

    private struct Request {
        var task: Task
        /// Nil once the request was given up.
        var completion: ((Result<[GuestMount], Failure>) -> Void)?
        var limit: EventSource?
        /// What has come of mountinfo, and no more than is sensible.
        var table: [UInt8] = []
    }

    private let loop: EventLoop
    private let send: (FrameKind, [UInt8]) -> Void
    private var requests: [UInt32: Request] = [:]
    private var lastRequest: UInt32 = 0
    /// What waits for the guest to be ready.
    private var unsent: [(FrameKind, [UInt8])] = []
    private(set) var isOpen = false

    /// Requests that leave by `send`.
    init(on loop: EventLoop, send: @escaping (FrameKind, [UInt8]) -> Void) {
        self.loop = loop
        self.send = send
    }

    /// How many answers are waited for, those of requests that were given up among them.
    var pending: Int { requests.count }

    // MARK: - Requests

    /// Mounts a share at a target. A request that is given up and then succeeds is undone.
    func mount(_ share: ShareSetting, within limit: Duration, completion: @escaping Completion) {
        let target = String(decoding: share.target, as: UTF8.self)
        let id = begin(.mount(target: target), within: limit) { completion($0.map { _ in () }) }
        post(.mount, MountRequest(id: id, share: share).payload)
    }

    /// Unmounts a target; lazily where it may be in use.
    func unmount(_ target: String, lazily: Bool, within limit: Duration, completion: @escaping Completion) {
        let id = begin(.unmount(target: target), within: limit) { completion($0.map { _ in () }) }
        post(.unmount, UnmountRequest(id: id, isLazy: lazily, target: Array(target.utf8)).payload)
    }

    /// Asks for all mounts of aggregates; a guest that has not answered the last time is not asked again until it has.
    func list(within limit: Duration, completion: @escaping (Result<[GuestMount], Failure>) -> Void) {
        guard isOpen, !requests.values.contains(where: { $0.task == .list && $0.completion == nil }) else {
            return completion(.failure(.silent))
        }
        let id = begin(.list, within: limit, completion)
        var payload = PayloadWriter()
        payload.append(id)
        post(.listMounts, payload.bytes)
    }

    private func begin(
        _ task: Task, within limit: Duration, _ completion: @escaping (Result<[GuestMount], Failure>) -> Void
    ) -> UInt32 {
        repeat { lastRequest &+= 1 } while requests[lastRequest] != nil
        let id = lastRequest
        requests[id] = Request(
            task: task, completion: completion, limit: loop.after(limit) { [weak self] in self?.giveUp(id) })
        return id
    }

    private func post(_ kind: FrameKind, _ payload: [UInt8]) {
        if isOpen { send(kind, payload) } else { unsent.append((kind, payload)) }
    }

    private func giveUp(_ id: UInt32) {
        guard let completion = requests[id]?.completion else { return }
        requests[id]?.completion = nil
        requests[id]?.limit = nil
        completion(.failure(.silent))
    }

    // MARK: - The guest's life

    /// The guest takes requests from now on.
    func open() {
        isOpen = true
        let waiting = unsent
        unsent = []
        for (kind, payload) in waiting { send(kind, payload) }
    }

    /// The guest is gone, or begins anew: nothing that it was asked for will be answered.
    func close() {
        isOpen = false
        unsent = []
        let lost = requests
        requests = [:]
        for (_, request) in lost.sorted(by: { $0.key < $1.key }) { request.completion?(.failure(.gone)) }
    }

    // MARK: - Answers

    /// Takes the answer to a request.
    func receive(result id: UInt32, _ error: UInt32, _ attempt: String) {
        guard let request = requests.removeValue(forKey: id) else { return }
        let failure = error == 0 ? nil : Errno(rawValue: CInt(truncatingIfNeeded: error))
        if let completion = request.completion {
            if let failure { return completion(.failure(.refused(failure, attempt: attempt))) }
            return completion(.success(request.table.split(separator: 0x0a).compactMap(GuestMount.init)))
        }
        guard failure == nil else { return }
        switch request.task {
        case .mount(let target): unmount(target, lazily: true, within: .seconds(30)) { _ in }
        case .unmount(let target): onLateUnmount(target)
        case .list: break
        }
    }

    /// Takes the next part of the answer to a ``list(within:completion:)``.
    func receive(mounts id: UInt32, _ bytes: [UInt8]) {
        guard let size = requests[id]?.table.count, size + bytes.count <= Self.largestTable else { return }
        requests[id]?.table += bytes
    }
}
