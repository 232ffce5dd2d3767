public import FileService
internal import Glibc
internal import Linux
public import Logging
internal import Synchronization
public import SystemPackage

/// A machine's shares: which there are, which aggregate each is in, and the device of each aggregate.
///
/// Called from the control plane. Shares come and go while devices serve guests.
public final class ShareHost: Sendable {
    private let log: Logger
    private let state = Mutex(State())

    private struct State {
        var shares: [Share] = []
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
    public init(log: Logger) {
        self.log = log
    }

    // MARK: Shares

    /// The shares, in the order in which they were added.
    public var shares: [Share] { state.withLock { $0.shares } }

    /// The shares of one bucket, in the order in which they were added.
    public func shares(in bucket: Bucket) -> [Share] {
        state.withLock { $0.shares.filter { $0.bucket == bucket } }
    }

    /// The share of this name in a bucket.
    public func share(named subname: String, in bucket: Bucket) -> Share? {
        state.withLock { $0.shares.first { $0.subname == subname && $0.bucket == bucket } }
    }

    /// The share that the guest binds at a path.
    public func share(at target: String) -> Share? {
        state.withLock { $0.shares.first { $0.targets.contains(target) } }
    }

    /// Shares a host directory. One that is shared already with the same access and name is not shared again: the target
    /// is added to it.
    ///
    /// - Parameters:
    ///   - source: The directory, relative to the working directory if not absolute. Nothing is created on the host.
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
        // Outside the lock: the host may be slow to answer.
        let hostPath = try Self.resolve(source)
        let subname = name ?? Share.subname(hostPath: hostPath, access: access)
        if let target, !target.hasPrefix("/") { throw .relativeTarget(target, of: hostPath) }
        return try state.withLock { state throws(ShareError) in
            let index = state.shares.firstIndex {
                $0.hostPath == hostPath && $0.access == access && $0.subname == subname
            }
            if let target,
                let other = state.shares.indices.first(where: { state.shares[$0].targets.contains(target) }),
                other != index
            {
                throw .targetInUse(target: target, by: state.shares[other].hostPath)
            }
            if let index {
                guard state.shares[index].options == options else { throw .otherOptions(hostPath) }
                if let target, !state.shares[index].targets.contains(target) {
                    state.shares[index].targets.append(target)
                }
                return Addition(share: state.shares[index], isNew: false)
            }
            let aggregate = try Self.aggregate(for: Bucket(access), &state)
            do throws(AddChildError) {
                try aggregate.addChild(name: subname, hostPath: hostPath, access: access, options: options)
            } catch {
                if error.reason == .hostPath { throw .source(hostPath, error.errno) }
                throw .child(error)
            }
            let share = Share(
                hostPath: hostPath, access: access, subname: subname, options: options,
                targets: target.map { [$0] } ?? [])
            state.shares.append(share)
            return Addition(share: share, isNew: true)
        }
    }

    /// Takes a share away from the guest; its name may be used again.
    ///
    /// - Parameters:
    ///   - subname: The share's name.
    ///   - bucket: Where it is.
    ///   - revoke: Whether what the guest has open of it fails from now on, with ESTALE.
    /// - Returns: The share that was taken away.
    /// - Throws: ENOENT when there is no such share.
    @discardableResult
    public func remove(named subname: String, from bucket: Bucket, revoke: Bool = false) throws(Errno) -> Share {
        try state.withLock { state throws(Errno) in
            guard let index = state.shares.firstIndex(where: { $0.subname == subname && $0.bucket == bucket }),
                let aggregate = state.aggregates[bucket]
            else { throw .noSuchFileOrDirectory }
            try aggregate.removeChild(named: subname, revoke: revoke)
            return state.shares.remove(at: index)
        }
    }

    /// Takes a target from the share that has it; the share stays, perhaps with none.
    ///
    /// - Returns: The share as it is now; nil when none has the target.
    @discardableResult
    public func removeTarget(_ target: String) -> Share? {
        state.withLock { state in
            guard let index = state.shares.firstIndex(where: { $0.targets.contains(target) }) else { return nil }
            state.shares[index].targets.removeAll { $0 == target }
            return state.shares[index]
        }
    }

    /// Adds a target to a share.
    ///
    /// - Returns: The share as it is now.
    /// - Throws: `.targetInUse`, or `.source` with ENOENT when the share is not there.
    @discardableResult
    public func addTarget(_ target: String, to share: Share) throws(ShareError) -> Share {
        try state.withLock { state throws(ShareError) in
            if let other = state.shares.first(where: { $0.targets.contains(target) }), other.subname != share.subname {
                throw .targetInUse(target: target, by: other.hostPath)
            }
            guard
                let index = state.shares.firstIndex(where: {
                    $0.subname == share.subname && $0.bucket == share.bucket
                })
            else { throw .source(share.hostPath, .noSuchFileOrDirectory) }
            if !state.shares[index].targets.contains(target) { state.shares[index].targets.append(target) }
            return state.shares[index]
        }
    }

    // MARK: Activity

    /// What guests do with each share of a bucket, by the share's name.
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
            let aggregate = try Self.aggregate(for: bucket, &state)
            var log = log
            log[metadataKey: "device"] = "\(bucket.tag)"
            let device = FileSystemDevice(aggregate: aggregate, requestQueues: requestQueues, log: log)
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

    private static func aggregate(for bucket: Bucket, _ state: inout State) throws(ShareError) -> Aggregate {
        if let aggregate = state.aggregates[bucket] { return aggregate }
        do throws(Errno) {
            let aggregate = try Aggregate(access: bucket.access)
            state.aggregates[bucket] = aggregate
            return aggregate
        } catch {
            throw .aggregate(bucket, error)
        }
    }

    /// The path made absolute and freed of symbolic links, `.` and `..`. Corresponds to realpath(3).
    ///
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
