internal import EventLoop
internal import FileService
internal import GuestLink
internal import Linux
internal import ShareHost
internal import SystemPackage

internal import enum ShareHost.Bucket

extension LiveShares {
    /// Seconds that the host and the guest have for one request, where it does not say.
    public static let patience = 10.0
    /// How long the guest may take to tell what it has mounted; then it is as it was known last.
    public static let glance = Duration.milliseconds(500)

    /// Shares one more host directory or file, and has the guest mount it. One that is shared already with the same access and name
    /// gets a target more; one that is at its target already is simply told of.
    ///
    /// - Parameters:
    ///   - request: The directory or file, and where the guest is to have it.
    ///   - limit: Seconds that host and guest may take together.
    ///   - completion: Called once, when the guest has it or it has failed.
    public func add(
        _ request: ShareRequest, within limit: Double? = nil,
        completion: @escaping (Result<Addition, Failure>) -> Void
    ) {
        let operation = ShareOperation(within: .clamped(seconds: limit ?? Self.patience), completion: completion)
        guard !isClosed else { return operation.finish(.failure(Self.isEnding)) }
        guard request.source.isAbsolute else {
            return operation.finish(.failure(Failure(.invalid, "the source '\(request.source)' is not absolute")))
        }
        guard request.name == nil || !permanent.contains(request.name ?? "") else {
            return operation.finish(
                .failure(Failure(.invalid, "the guest's root has the name '\(request.name ?? "")'; give another")))
        }
        let access = shareHost.onlyBucket?.access ?? (request.isReadOnly ? .readOnly : .readWrite)
        if request.isReadOnly, access == .readWrite {
            return operation.finish(
                .failure(Failure(.invalid, "\(request.source) cannot be ro here: this device lets the guest write")))
        }
        if let onlyBucket = shareHost.onlyBucket, (onlyBucket == .writeback) != request.options.buffersWrites {
            let has = onlyBucket == .writeback ? "all shares of this device have" : "no share of this device has"
            return operation.finish(
                .failure(Failure(.invalid, "\(request.source) cannot be added as it is: \(has) writeback")))
        }
        operation.fail(on: loop, after: Self.hostIsSilent(request.source))
        workers.run {
            Result { () throws(ShareError) in try ShareHost.resolve(request.source) }
        } completion: { [self] in
            switch $0 {
            case .failure(let error): operation.finish(.failure(Failure(error)))
            case .success(let path): claim(request, path, access, operation)
            }
        }
    }

    /// Waits for others that work on the same share or target.
    private func claim(
        _ request: ShareRequest, _ path: FilePath, _ access: Access, _ operation: ShareOperation<Addition>
    ) {
        var target: String?
        if guest != nil {
            let place = (request.target.map { FilePath($0) } ?? path).lexicallyNormalized()
            do throws(LaunchError) {
                try ShareTarget.check(place, for: path)
            } catch {
                return operation.finish(.failure(Failure(.invalid, error.description)))
            }
            target = place.string
        }
        let subname = request.name ?? Share.subname(hostPath: path, access: access)
        var keys: Set<Claims.Key> = [.share("\(shareHost.bucket(access, request.options).rawValue)/\(subname)")]
        if let target { keys.insert(.target(target)) }
        operation.fail(on: loop, after: Self.othersAreAtWork(path))
        claims.take(keys) { [self] in
            let step = AdditionStep(
                source: path, access: access, name: request.name, target: target,
                options: request.options, keys: keys, operation: operation)
            guard !operation.isOver, !isClosed else { return end(step, .failure(Self.isEnding)) }
            serve(step)
        }
    }

    /// What is decided of an addition once it may begin.
    private struct AdditionStep {
        var source: FilePath
        var access: Access
        var name: String?
        var target: String?
        var options: ChildOptions
        var keys: Set<Claims.Key>
        var operation: ShareOperation<Addition>
        /// Whether the share was at the target before, seen or not by the guest.
        var hadTarget = false
        var isHotPlugged = false
        var hostMilliseconds = 0.0
    }

    /// Has the host serve it.
    private func serve(_ step: AdditionStep) {
        var step = step
        step.operation.fail(on: loop, after: Self.hostIsSilent(step.source))
        if let target = step.target {
            if let other = targets(below: target).first {
                return end(
                    step,
                    .failure(
                        Failure(
                            .invalid,
                            "cannot mount \(step.source) at \(target) in the guest: it would hide the share at \(other)",
                            .resourceBusy)))
            }
            step.hadTarget = placements[target] != nil
        }
        addOnHost(step.source, step.access, step.name, step.options, at: step.target) { [self, step] result in
            switch result {
            case .failure(let failure): end(step, .failure(failure))
            case .success(let addition): served(addition, step)
            }
        }
    }

    /// Has the host serve a directory or file, unless the guest would make one on the host for its target.
    func addOnHost(
        _ source: FilePath, _ access: Access, _ name: String?, _ options: ChildOptions, at target: String?,
        completion: @escaping (Result<ShareHost.Addition, Failure>) -> Void
    ) {
        let shareHost = self.shareHost
        let sources = target.map { self.sources(above: $0) } ?? [:]
        workers.run {
            do {
                if let target { try ShareTarget.checkMountPoint(FilePath(target), for: source, among: sources) }
                return .success(try shareHost.add(source, access: access, name: name, target: target, options: options))
            } catch let error as ShareError {
                return .failure(Failure(error))
            } catch {
                return .failure(Failure(.invalid, "\(error)"))
            }
        } completion: {
            completion($0)
        }
    }

    private func served(_ addition: ShareHost.Addition, _ step: AdditionStep) {
        var step = step
        step.hostMilliseconds = step.operation.milliseconds
        guard !step.operation.isOver, !isClosed else { return withdraw(addition, step, Self.isEnding) }
        step.operation.relax()
        guard let target = step.target else { return finish(addition, step) }
        guard placements[target]?.state == .mounted else { return plug(addition, step) }
        // Somebody in the guest may have unmounted it.
        refresh(within: min(step.operation.left, Self.glance)) { [self] in
            if placements[target]?.state == .mounted { finish(addition, step) } else { plug(addition, step) }
        }
    }

    /// Makes sure that there is a device for it.
    private func plug(_ addition: ShareHost.Addition, _ step: AdditionStep) {
        guard let devices else { return mount(addition, step) }
        ensure(addition.share.bucket, of: devices, for: step.source, step.operation) { [self] result in
            switch result {
            case .failure(let failure): withdraw(addition, step, failure)
            case .success(let isHotPlugged):
                var step = step
                step.isHotPlugged = isHotPlugged
                mount(addition, step)
            }
        }
    }

    /// Makes sure that there is a bucket's device, within the time of an operation. What is plugged in after that stays, for
    /// the next share.
    func ensure<Value>(
        _ bucket: Bucket, of devices: BucketDevices, for source: FilePath, _ operation: ShareOperation<Value>,
        completion: @escaping (Result<Bool, Failure>) -> Void
    ) {
        var isOver = false
        func end(_ result: Result<Bool, Failure>) {
            guard !isOver else { return }
            isOver = true
            operation.relax()
            completion(result)
        }
        operation.expire(on: loop) { end(.failure(Self.guestIsSilent(source))) }
        devices.ensure(bucket) { result in
            end(
                result.mapError {
                    Failure(.host, "cannot plug in the device for \(source): \($0.text)", $0.errno)
                })
        }
    }

    /// Has the guest mount it.
    private func mount(_ addition: ShareHost.Addition, _ step: AdditionStep) {
        guard let guest, let target = step.target else { return finish(addition, step) }
        guard !isClosed else { return withdraw(addition, step, Self.isEnding) }
        let share = addition.share
        placements[target] = Placement(bucket: share.bucket, subname: share.subname, state: .mounting)
        guest.mount(share.setting(at: target), within: step.operation.left) { [self] result in
            switch result {
            case .success:
                placements[target]?.state = .mounted
                finish(addition, step)
            case .failure(let failure):
                // Where it was before, somebody in the guest had unmounted it.
                if step.hadTarget { placements[target]?.state = .gone }
                withdraw(addition, step, Failure(failure, step.source))
            }
        }
    }

    private func finish(_ addition: ShareHost.Addition, _ step: AdditionStep) {
        let share = shareHost.share(named: addition.share.subname, in: addition.share.bucket) ?? addition.share
        end(
            step,
            .success(
                Addition(
                    share: described(share), target: step.target, isNew: addition.isNew,
                    isHotPlugged: step.isHotPlugged, hostMilliseconds: step.hostMilliseconds,
                    milliseconds: step.operation.milliseconds)))
    }

    /// Takes back on the host what could not be had in the guest.
    private func withdraw(_ addition: ShareHost.Addition, _ step: AdditionStep, _ failure: Failure) {
        let targets = step.hadTarget ? [] : step.target.map { [$0] } ?? []
        drop(targets, of: addition.share, revoke: true, evenIfUntargeted: addition.isNew) { [self] _ in
            end(step, .failure(failure))
        }
    }

    private func end(_ step: AdditionStep, _ result: Result<Addition, Failure>) {
        end(step.operation, step.keys, result)
    }

    /// Answers, and lets others at what was taken.
    func end<Value>(_ operation: ShareOperation<Value>, _ keys: Set<Claims.Key>, _ result: Result<Value, Failure>) {
        operation.finish(result)
        claims.release(keys)
    }

    /// Takes targets from a share, and with the last of them the share itself.
    ///
    /// - Parameters:
    ///   - targets: Not in the guest any more.
    ///   - share: Whose they are.
    ///   - revoke: Whether what the guest has open of a share that goes fails from now on.
    ///   - evenIfUntargeted: Whether a share goes that never had a target.
    ///   - completion: Called with whether the share is gone.
    func drop(
        _ targets: [String], of share: Share, revoke: Bool, evenIfUntargeted: Bool = true,
        completion: @escaping (Bool) -> Void
    ) {
        for target in targets {
            _ = try? shareHost.removeTarget(target)
            placements[target] = nil
        }
        let left = shareHost.share(named: share.subname, in: share.bucket)?.targets ?? []
        guard left.isEmpty, evenIfUntargeted || !targets.isEmpty else { return completion(false) }
        let shareHost = self.shareHost
        // Closing what the guest had open may take the host as long as opening it.
        workers.run {
            let removed = try? shareHost.remove(
                named: share.subname, from: share.bucket, revoke: revoke, onlyWithoutTargets: true)
            return removed != nil
        } completion: {
            completion($0)
        }
    }

    /// The host directories that are in the guest at a target or above it, by target; the root too, where the guest writes it
    /// through.
    func sources(above target: String) -> [FilePath: FilePath] {
        var sources: [FilePath: FilePath] = [:]
        var place = FilePath(target)
        repeat {
            guard place == "/" || placements[place.string] != nil, let share = shareHost.share(at: place.string),
                place != "/" || share.access == .readWrite
            else { continue }
            sources[place] = share.hostPath
        } while place.removeLastComponent()
        return sources
    }
}

extension LiveShares {
    static var isEnding: Failure { Failure(.unavailable, "the VM is about to end") }

    static func hostIsSilent(_ source: FilePath) -> Failure {
        Failure(.host, "cannot share \(source): the host's file system does not answer (ETIMEDOUT)", .timedOut)
    }

    static func othersAreAtWork(_ source: FilePath) -> Failure {
        Failure(
            .unavailable,
            "what else is under way for \(source) or its target has not come to an end in time",
            .timedOut)
    }

    static func guestIsSilent(_ source: FilePath) -> Failure {
        Failure(
            .guestSilent,
            "cannot mount \(source) in the guest: the guest does not answer; nothing of it is left on the host",
            .timedOut)
    }
}

extension LiveShares.Failure {
    init(_ error: ShareError) {
        self.init(error.errno == .invalidArgument ? .invalid : .host, error.description, error.errno)
    }

    /// What the guest has said of a mount.
    init(_ failure: GuestMounts.Failure, _ source: FilePath) {
        switch failure {
        case .refused(let errno, let attempt):
            self.init(.guest, "the guest cannot \(attempt): \(errno.explained)\(Self.advice(errno))", errno)
        case .silent: self = LiveShares.guestIsSilent(source)
        case .gone: self.init(.unavailable, "cannot mount \(source) in the guest: the guest has gone", nil)
        }
    }

    private static func advice(_ errno: Errno) -> String {
        switch errno {
        case .readOnlyFileSystem, .permissionDenied:
            "; the guest cannot make anything there: make it first, or give another target"
        case .notDirectory: "; there is a file: give another target"
        case .isDirectory: "; there is a directory, and a file is mounted on a file: give another target"
        default: ""
        }
    }
}
