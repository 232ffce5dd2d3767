public import FileService
internal import Glibc
internal import Linux
public import Logging
public import Sandbox
internal import Synchronization
public import SystemPackage

/// A machine's shares: which there are, which aggregate each is in, and the device of each aggregate.
///
/// May be called from any thread. Shares come and go while devices serve guests. No lock is held while the host is asked
/// for something: a directory whose server does not answer holds up nobody but who wants to share it.
public final class ShareHost: Sendable {
    /// Where all shares are, if there is one aggregate only.
    public let onlyBucket: Bucket?
    private let mayPoll: Bool
    private let log: Logger
    private let confinement: WorkerConfinement
    private let state = Mutex(State())

    private struct State {
        var shares = ShareRegister()
        var aggregates: [Bucket: Aggregate] = [:]
        var devices: [Bucket: FileSystemDevice] = [:]
    }

    /// A share, and whether it was there before.
    public struct Addition: Equatable, Sendable {
        /// The share as it is now.
        public let share: Share
        /// Whether the guest has not seen it before. Another target of a share that was there is one more bind of it.
        public let isNew: Bool
    }

    /// Makes a host without shares.
    ///
    /// - Parameters:
    ///   - log: Takes a line when a frontend or a driver misbehaves.
    ///   - seccomp: What becomes of a worker thread that makes a system call which is not on the list.
    ///   - onlyBucket: Where all shares are to be, where there is one device only; each has its own without.
    ///   - mayPoll: Whether devices may watch a queue whose requests come soon after each other, where a core is free for it.
    public init(log: Logger, seccomp: SeccompMode = .kill, onlyBucket: Bucket? = nil, mayPoll: Bool = true) {
        self.mayPoll = mayPoll
        self.log = log
        confinement = WorkerConfinement(seccomp: seccomp)
        self.onlyBucket = onlyBucket
    }

    // MARK: Shares

    /// The shares, in the order in which they were added.
    public var shares: [Share] { state.withLock { $0.shares.shares } }

    /// The shares of one bucket, in the order in which they were added.
    public func shares(in bucket: Bucket) -> [Share] {
        shares.filter { $0.bucket == bucket }
    }

    /// The share of this name in a bucket.
    public func share(named subname: String, in bucket: Bucket) -> Share? {
        state.withLock { $0.shares.share(named: subname, in: bucket) }
    }

    /// The share that the guest binds at a path.
    public func share(at target: String) -> Share? {
        state.withLock { $0.shares.share(at: target) }
    }

    /// Shares a host directory or regular file. One that is shared already with the same access and name is not shared again: the target
    /// is added to it.
    ///
    /// - Parameters:
    ///   - source: The directory or file, relative to the working directory if not absolute. Nothing is created on the host.
    ///   - access: What guests may do with it.
    ///   - name: Its name below the synthetic root; made of path and access if nil.
    ///   - target: Where the guest binds it, an absolute path; nil for nowhere but the aggregate's mount.
    ///   - options: How it is served.
    /// - Returns: The share, and whether it is new.
    /// - Throws: What is wrong with the source, the name or the target. Nothing has changed then.
    @discardableResult
    public func add(
        _ source: FilePath, access: Access, name: String? = nil, target: String? = nil,
        options: ChildOptions = ChildOptions()
    ) throws(ShareError) -> Addition {
        let hostPath = try Self.resolve(source)
        if let conflict = options.conflict(with: access) { throw .conflict(hostPath, conflict) }
        let subname = name ?? Share.subname(hostPath: hostPath, access: access)
        if let target { try Self.check(target, of: hostPath) }
        let wanted = Share(
            hostPath: hostPath, access: access, bucket: bucket(access, options), subname: subname, options: options,
            targets: target.map { [$0] } ?? [])
        while true {
            let attempt = ShareAttempt()
            // The attempt is under way before anybody else can find it.
            switch try attempt.perform({ () throws(ShareError) in try add(wanted, attempt) }) {
            case .over(let addition): return addition
            // Should it fail, it is for this caller to try.
            case .busy(let other): other.wait()
            }
        }
    }

    /// Where a share with this access and these options is.
    public func bucket(_ access: Access, _ options: ChildOptions) -> Bucket { onlyBucket ?? Bucket(access, options) }

    private enum Step {
        case over(Addition)
        /// Somebody else is adding the share.
        case busy(ShareAttempt)
    }

    private func add(_ wanted: Share, _ attempt: ShareAttempt) throws(ShareError) -> Step {
        let (aggregate, reservation) = try state.withLock { state throws(ShareError) in
            (try self.aggregate(for: wanted.bucket, &state), try state.shares.reserve(wanted, attempt))
        }
        switch reservation {
        case .present(let share): return .over(Addition(share: share, isNew: false))
        case .pending(let other): return .busy(other)
        case .reserved: break
        }
        var wanted = wanted
        do throws(AddChildError) {
            // Resolved by now: what is a link on the path has been put there since, to lead elsewhere.
            wanted.isFile = try aggregate.addChild(
                name: wanted.subname, hostPath: wanted.hostPath, access: wanted.access, options: wanted.options,
                followsLinks: false
            ).isFile
        } catch {
            state.withLock { $0.shares.withdraw(wanted) }
            if error.reason == .hostPath { throw .source(wanted.hostPath, error.errno) }
            throw .child(error)
        }
        state.withLock { $0.shares.commit(wanted) }
        return .over(Addition(share: wanted, isNew: true))
    }

    /// Takes a share away from the guest; its name and its targets may be used again.
    ///
    /// - Parameters:
    ///   - subname: The share's name.
    ///   - bucket: Where it is.
    ///   - revoke: Whether what the guest has open of it fails from now on, with ESTALE.
    ///   - onlyWithoutTargets: Whether it stays when it has a target, such as one that was added meanwhile.
    /// - Returns: The share that was taken away.
    /// - Throws: ENOENT when there is no such share, one that is just being added among them; EBUSY when it has a target.
    @discardableResult
    public func remove(
        named subname: String, from bucket: Bucket, revoke: Bool = false, onlyWithoutTargets: Bool = false
    ) throws(Errno) -> Share {
        let (share, departure) = try state.withLock { state throws(Errno) in
            guard let share = state.shares.share(named: subname, in: bucket), let aggregate = state.aggregates[bucket]
            else { throw .noSuchFileOrDirectory }
            if onlyWithoutTargets, !share.targets.isEmpty { throw .resourceBusy }
            let departure = try aggregate.detachChild(named: subname, revoke: revoke)
            state.shares.remove(share)
            return (share, departure)
        }
        departure.finish()
        return share
    }

    // MARK: Targets

    /// Gives a share one more target. One that it has already is no error.
    ///
    /// - Parameters:
    ///   - target: An absolute path in the guest.
    ///   - subname: The share's name.
    ///   - bucket: Where it is.
    /// - Returns: The share as it is now.
    /// - Throws: What is wrong with the target; ``ShareError/noShare(named:_:)``.
    @discardableResult
    public func addTarget(
        _ target: String, toShareNamed subname: String, in bucket: Bucket
    ) throws(ShareError) -> Share {
        try state.withLock { state throws(ShareError) in
            guard let share = state.shares.share(named: subname, in: bucket) else {
                throw .noShare(named: subname, bucket)
            }
            try Self.check(target, of: share.hostPath)
            return try state.shares.addTarget(target, toShareNamed: subname, in: bucket)
        }
    }

    /// Takes a target from the share that has it. The share stays, if need be without any: see
    /// ``remove(named:from:revoke:onlyWithoutTargets:)``.
    ///
    /// - Parameter target: Where the guest had bound it.
    /// - Returns: The share as it is now.
    /// - Throws: ENOENT when no share has the target.
    @discardableResult
    public func removeTarget(_ target: String) throws(Errno) -> Share {
        guard let share = state.withLock({ $0.shares.removeTarget(target) }) else { throw .noSuchFileOrDirectory }
        return share
    }

    private static func check(_ target: String, of hostPath: FilePath) throws(ShareError) {
        guard target.utf8.first == UInt8(ascii: "/") else { throw .relativeTarget(target, of: hostPath) }
    }

    // MARK: Activity

    /// What guests do with each share of a bucket, by the share's name. Of two names that Swift takes for one, such as
    /// both spellings of "é", it is what they do with the later share.
    public func activities(in bucket: Bucket) -> [String: ChildActivity] {
        let aggregate = state.withLock { $0.aggregates[bucket] }
        var activities: [String: ChildActivity] = [:]
        for (name, activity) in aggregate?.activities ?? [] { activities[name] = activity }
        return activities
    }

    /// What guests do with all the shares that a bucket has now.
    public func activity(of bucket: Bucket) -> ChildActivity {
        state.withLock { $0.aggregates[bucket] }?.activity ?? ChildActivity()
    }

    // MARK: Devices

    /// The devices that were made, the writable one first.
    public var deviceSummaries: [DeviceSummary] {
        let (devices, aggregates) = state.withLock { ($0.devices, $0.aggregates) }
        return Bucket.allCases.compactMap { bucket in
            guard let device = devices[bucket] else { return nil }
            return DeviceSummary(
                bucket: bucket, requestQueues: device.requestQueues, isServing: device.isServing,
                childCount: aggregates[bucket]?.childCount ?? 0)
        }
    }

    /// The device of a bucket, made when it is first asked for. The bucket may be empty: shares can be added later.
    ///
    /// - Parameters:
    ///   - bucket: Which aggregate it serves.
    ///   - requestQueues: How many queues beside hiprio a new device has, from 1 to 8; others are cut to that.
    /// - Returns: The one device there is of the bucket.
    /// - Throws: ``ShareError/aggregate(_:_:)``.
    public func makeDevice(for bucket: Bucket, requestQueues: Int) throws(ShareError) -> FileSystemDevice {
        try state.withLock { state throws(ShareError) in
            if let device = state.devices[bucket] { return device }
            let aggregate = try self.aggregate(for: bucket, &state)
            var log = log
            log[metadataKey: "device"] = "\(bucket.tag)"
            let device = FileSystemDevice(
                aggregate: aggregate, requestQueues: requestQueues, confinement: confinement, mayPoll: mayPoll, log: log
            )
            state.devices[bucket] = device
            return device
        }
    }

    /// The device of a bucket, if it was made.
    public func device(for bucket: Bucket) -> FileSystemDevice? {
        state.withLock { $0.devices[bucket] }
    }

    /// Takes no more shares and ends every device's connection; returns when all of their threads have ended.
    public func stop() {
        let (aggregates, devices) = state.withLock { (Array($0.aggregates.values), Array($0.devices.values)) }
        for aggregate in aggregates { aggregate.beginTeardown() }
        for device in devices { device.stop() }
    }

    /// The aggregate of a bucket, made when there is none. Of the host it asks for a descriptor of /proc only.
    private func aggregate(for bucket: Bucket, _ state: inout State) throws(ShareError) -> Aggregate {
        if let aggregate = state.aggregates[bucket] { return aggregate }
        do throws(Errno) {
            let aggregate = try Aggregate(
                access: bucket.access, caching: bucket.caching,
                descriptorEighths: onlyBucket == nil ? bucket.descriptorEighths : 8, confinement: confinement)
            state.aggregates[bucket] = aggregate
            return aggregate
        } catch {
            throw .aggregate(bucket, error)
        }
    }

    /// The path made absolute and freed of symbolic links, `.` and `..`. Corresponds to realpath(3).
    ///
    /// - Parameter source: Relative to the working directory if not absolute.
    /// - Returns: The path under which it is shared.
    /// - Throws: `.source` with what the host says of the path, or `.emptySource`.
    public static func resolve(_ source: FilePath) throws(ShareError) -> FilePath {
        guard !source.isEmpty else { throw .emptySource }
        var absolute = source
        if source.isRelative {
            guard let directory = getcwd(nil, 0) else { throw .source(source, Errno(rawValue: errno)) }
            defer { free(directory) }
            absolute = FilePath(platformString: directory).pushing(source)
        }
        let (resolved, error) = absolute.withPlatformString { (realpath($0, nil), errno) }
        guard let resolved else { throw .source(absolute, Errno(rawValue: error)) }
        defer { free(resolved) }
        return FilePath(platformString: resolved)
    }
}
