internal import EventLoop
internal import FileService
internal import Glibc
internal import GuestLink
internal import Linux
internal import ShareHost
public import SystemPackage

internal import enum ShareHost.Bucket

/// The shares of a running guest: which there are and where the guest has them, and how they come, change and go while it
/// runs. On the loop's thread, which never waits: the host's directories are opened by a ``WorkerPool``, the guest answers
/// when it does.
public final class LiveShares {
    /// Why nothing has come of a request. What had been done for it is undone, on the host and in the guest.
    public struct Failure: Error, Equatable, Sendable {
        /// What kind of trouble.
        public enum Kind: Sendable {
            /// The request makes no sense.
            case invalid
            /// The host refuses.
            case host
            /// The guest refuses.
            case guest
            /// The guest does not answer.
            case guestSilent
            /// There is no such share.
            case noSuchShare
            /// Something in the guest uses it.
            case busy
            /// The VM is not up, or about to end.
            case unavailable
        }

        /// What kind of trouble.
        public var kind: Kind
        /// What was tried, on what, what failed and what to do: for a person.
        public var message: String
        /// The errno behind it.
        public var errno: Errno?

        init(_ kind: Kind, _ message: String, _ errno: Errno? = nil) {
            self.kind = kind
            self.message = message
            self.errno = errno
        }
    }

    /// What an addition or a change has come to.
    public struct Addition {
        /// The share as it is now.
        public var share: VMStatus.Share
        /// Where the guest has it; nil without an agent.
        public var target: String?
        /// Whether it was not there before.
        public var isNew: Bool
        /// Whether its aggregate's device was plugged in for it.
        public var isHotPlugged: Bool
        /// Milliseconds until the host served it.
        public var hostMilliseconds: Double
        /// Milliseconds until the guest had it.
        public var milliseconds: Double
    }

    /// What a removal has come to.
    public struct Removal {
        /// The host directory.
        public var source: FilePath
        /// The targets that the guest does not have any more.
        public var targets: [String]
        /// Whether the share is gone, and not only some of its targets.
        public var isGone: Bool
        /// Milliseconds that it took.
        public var milliseconds: Double
    }

    /// A share at one of its targets.
    struct Placement {
        var bucket: Bucket
        var subname: String
        var state: VMStatus.TargetState
    }

    /// Where the guest has shares, by target.
    var placements: [String: Placement] = [:]
    /// What nobody may take away: the guest's root.
    var permanent: Set<String> = []

    let loop: EventLoop
    let shareHost: ShareHost
    let claims = Claims()
    let workers: WorkerPool
    /// Nil where the guest mounts the aggregates by itself.
    let guest: GuestMounts?
    /// Nil where the devices are not ours.
    let devices: BucketDevices?
    /// Whether the guest has answered when it was asked last.
    private var guestAnswers = true
    /// What the guest mounts while it boots: nobody works on these targets before it is ready.
    private var bootClaims: Set<Claims.Key> = []
    /// How often the guest has begun anew.
    private var restarts = 0
    /// No more shares are taken, and no answers awaited.
    private(set) var isClosed = false

    /// The shares of a guest.
    ///
    /// - Parameters:
    ///   - shareHost: Has the shares that are there from the start, without their targets' placements.
    ///   - loop: Where everything happens.
    ///   - guest: Mounts shares; nil where nobody does.
    ///   - devices: Plugs devices in; nil where there are all there will be.
    init(of shareHost: ShareHost, on loop: EventLoop, guest: GuestMounts?, devices: BucketDevices?) {
        self.shareHost = shareHost
        self.loop = loop
        self.guest = guest
        self.devices = devices
        workers = WorkerPool(on: loop)
        guest?.onLateUnmount = { [weak self] target in self?.wasUnmountedLate(target) }
    }

    // MARK: - The guest's life

    /// Notes the shares that the guest mounts while it boots.
    func note(atBoot shares: [ServedShare]) {
        for share in shares {
            if share.subname == RootSelection.subname {
                permanent.insert(share.subname)
            } else {
                placements[share.target] = Placement(bucket: share.bucket, subname: share.subname, state: .mounting)
            }
        }
        bootClaims = Set(placements.keys.map { .target($0) })
        claims.take(bootClaims) {}
    }

    /// The guest has mounted what it was told of at its boot.
    func guestIsReady() {
        for target in placements.keys where placements[target]?.state == .mounting {
            placements[target]?.state = .mounted
        }
        guest?.open()
        let boot = bootClaims
        bootClaims = []
        claims.release(boot)
    }

    /// The guest has begun anew: what is under way fails, and nothing is mounted any more.
    func guestRestarts() {
        restarts += 1
        guest?.close()
        for target in placements.keys { placements[target]?.state = .mounting }
    }

    /// Mounts all the shares in a guest that has begun anew, those above others first. One that cannot be mounted any more is
    /// `gone`, and keeps nothing else from coming back.
    ///
    /// - Parameter completion: Called once, unless the guest begins anew again before that.
    func mountAll(completion: @escaping () -> Void) {
        guest?.beginRestoring()
        let depths = Set(placements.keys.map { FilePath($0).components.count })
        mountAll(at: depths.sorted()) { [self] in
            guest?.open()
            completion()
        }
    }

    private func mountAll(at depths: [Int], _ completion: @escaping () -> Void) {
        guard let depth = depths.first else { return completion() }
        let life = restarts
        // One of its own, so that nothing is done before all are asked for.
        var left = 1
        let one = { [self] in
            left -= 1
            if left == 0, restarts == life { mountAll(at: Array(depths.dropFirst()), completion) }
        }
        for target in placements.keys.sorted() where FilePath(target).components.count == depth {
            // Whoever works on the target already may wait for the guest, which waits for this.
            let isFree = claims.isFree([.target(target)])
            if isFree { left += 1 }
            claims.take([.target(target)]) { [self] in restore(target) { if isFree { one() } } }
        }
        one()
    }

    /// Mounts what is to be at a target again, if it still is. The target is taken, and given back.
    private func restore(_ target: String, _ completion: @escaping () -> Void) {
        func end(_ state: VMStatus.TargetState?) {
            if let state { placements[target]?.state = state }
            claims.release([.target(target)])
            completion()
        }
        guard let guest, let placement = placements[target], placement.state == .mounting,
            let share = shareHost.share(named: placement.subname, in: placement.bucket)
        else { return end(nil) }
        let sources = self.sources(above: target)
        workers.run {
            // Also now nothing is made on the host because a share lies in another.
            (try? ShareTarget.checkMountPoint(FilePath(target), for: share.hostPath, among: sources)) != nil
        } completion: { fits in
            guard fits else { return end(.gone) }
            guest.mount(share.setting(at: target), within: .seconds(Self.patience), restores: true) { result in
                if case .success = result { end(.mounted) } else { end(.gone) }
            }
        }
    }

    /// The guest has unmounted a target after that was given up, and so what was not removed goes back.
    private func wasUnmountedLate(_ target: String) {
        guard let placement = placements[target], placement.state == .mounted else { return }
        placements[target]?.state = .mounting
        claims.take([.target(target)]) { [self] in restore(target) {} }
    }

    /// The VM ends: what is under way fails.
    func close() {
        isClosed = true
        guest?.close()
    }

    // MARK: - Looking

    /// The shares as they are now, in the order in which they were added.
    public var list: [VMStatus.Share] {
        var activities: [Bucket: [String: ChildActivity]] = [:]
        for bucket in Bucket.allCases { activities[bucket] = shareHost.activities(in: bucket) }
        return shareHost.shares.map { described($0, activities[$0.bucket]?[$0.subname]) }
    }

    /// The virtio-fs devices as they are now.
    public var aggregates: [VMStatus.Aggregate] {
        shareHost.deviceSummaries.map { device in
            VMStatus.Aggregate(
                bucket: device.bucket.rawValue, tag: device.tag,
                isHotPlugged: devices?.present[device.bucket] == .hotPlugged, isConnected: device.isServing,
                requestQueues: device.requestQueues, children: device.childCount)
        }
    }

    func described(_ share: Share, _ activity: ChildActivity? = nil) -> VMStatus.Share {
        VMStatus.Share(
            bucket: share.bucket.rawValue, subname: share.subname, source: share.hostPath.string, isFile: share.isFile,
            access: share.access.rawValue, options: share.options,
            targets: share.targets.map { target in
                // Before the guest is asked for a share there is no placement, and of what it cannot do without never.
                let state = placements[target]?.state ?? (permanent.contains(share.subname) ? .mounted : .mounting)
                return VMStatus.Target(path: target, state: state == .mounted && !guestAnswers ? .unknown : state)
            }, activity: activity ?? ChildActivity())
    }

    /// Asks the guest where it really has the shares, and notes what it says. `completion` is called once: at once where there
    /// is no guest to ask, and after `limit` at the latest.
    public func refresh(within limit: Duration, completion: @escaping () -> Void) {
        guard let guest, guest.isOpen, !isClosed else { return completion() }
        guest.list(within: limit) { [weak self] answer in
            if case .success(let mounts) = answer {
                self?.guestAnswers = true
                self?.compare(with: mounts)
            } else {
                self?.guestAnswers = false
            }
            completion()
        }
    }

    private func compare(with mounts: [GuestMount]) {
        let seen = Set(mounts.filter(\.isWhole).map { "\($0.bucket.rawValue)/\($0.subname) \($0.target)" })
        for (target, placement) in placements {
            let isThere = seen.contains("\(placement.bucket.rawValue)/\(placement.subname) \(target)")
            switch placement.state {
            case .mounted where !isThere: placements[target]?.state = .gone
            case .gone where isThere: placements[target]?.state = .mounted
            default: break
            }
        }
    }

    /// The shares that a word means: a target, a host directory or a subname, in this order; with a target, that one alone.
    ///
    /// - Throws: That there is none, or that it may mean several.
    func find(_ word: String) throws(Failure) -> (share: Share, targets: [String]) {
        let shares = shareHost.shares
        let path = FilePath(word).lexicallyNormalized().string
        let found: (share: Share, targets: [String])
        if let share = shares.first(where: { $0.targets.contains(path) }) {
            found = (share, [path])
        } else {
            let matching = shares.filter { $0.hostPath.string == path || $0.subname == word }
            guard let share = matching.first else {
                throw Failure(
                    .noSuchShare, "no share is at '\(word)', comes from it or has that name (see sheaf share ls)")
            }
            guard matching.count == 1 else {
                let names = matching.map { "\($0.targets.first ?? $0.subname) (\($0.access.rawValue))" }
                throw Failure(
                    .invalid, "'\(word)' is shared more than once; name one: \(names.joined(separator: ", "))")
            }
            found = (share, share.targets)
        }
        if permanent.contains(found.share.subname) {
            throw Failure(.invalid, "'\(word)' is the guest's root, which stays as long as the guest does")
        }
        return found
    }

    /// The targets of other shares that lie below a path, which is normalized as they are.
    func targets(below path: String) -> [String] {
        // By their bytes: there may be a thousand, and every request asks.
        let prefix = path == "/" ? path : path + "/"
        return placements.keys.filter { $0 != path && $0.utf8.starts(with: prefix.utf8) }.sorted()
    }

    static func key(_ share: Share) -> Claims.Key { .share("\(share.bucket.rawValue)/\(share.subname)") }
}
