internal import EventLoop
internal import FileService
internal import Linux
internal import ShareHost
internal import SystemPackage

internal import enum ShareHost.Bucket

extension LiveShares {
    /// Moves a share to another target, or gives it another access, which moves it to the other aggregate.
    ///
    /// - Parameters:
    ///   - word: A target, a host directory or a subname; of a share with several targets, a target.
    ///   - target: Where it is to be; as it is when nil.
    ///   - isReadOnly: Whether the guest may only read from now on; as it is when nil.
    ///   - force: Whether a target that is in use is unmounted all the same. Who uses it keeps the access that they have.
    ///   - limit: Seconds that host and guest may take together.
    ///   - completion: Called once, when the guest has it so or it has failed.
    public func change(
        _ word: String, target: String?, isReadOnly: Bool?, force: Bool = false, within limit: Double? = nil,
        completion: @escaping (Result<Addition, Failure>) -> Void
    ) {
        let operation = ShareOperation(within: .clamped(seconds: limit ?? Self.patience), completion: completion)
        guard !isClosed else { return operation.finish(.failure(Self.isEnding)) }
        let step: ChangeStep
        do throws(Failure) {
            step = try plan(word, target, isReadOnly, force)
        } catch {
            return operation.finish(.failure(error))
        }
        operation.fail(on: loop, after: Self.othersAreAtWork(step.share.hostPath))
        claims.take(step.keys) { [self] in
            operation.relax()
            guard !operation.isOver, !isClosed, shareHost.share(at: step.old)?.subname == step.share.subname else {
                let gone = Failure(.noSuchShare, "the share at '\(word)' has just been removed")
                return end(step, operation, .failure(isClosed ? Self.isEnding : gone))
            }
            if step.access == step.share.access, step.new == step.old {
                return finish(step, step.share, isHotPlugged: false, operation)
            }
            serve(step, operation)
        }
    }

    /// What is decided of a change before it begins.
    private struct ChangeStep {
        var share: Share
        var access: Access
        var old: String
        var new: String
        var isForced: Bool
        var keys: Set<Claims.Key>
        var hostMilliseconds = 0.0

        /// The name that the user gave, which it keeps.
        var name: String? {
            share.subname == Share.subname(hostPath: share.hostPath, access: share.access) ? nil : share.subname
        }
    }

    private func plan(
        _ word: String, _ target: String?, _ isReadOnly: Bool?, _ force: Bool
    ) throws(Failure) -> ChangeStep {
        guard guest != nil else {
            throw Failure(.invalid, "there is no agent in this guest that could mount anything elsewhere")
        }
        let (share, targets) = try find(word)
        guard targets.count == 1, let old = targets.first else {
            throw Failure(.invalid, "'\(word)' is at several targets; name one: \(targets.joined(separator: ", "))")
        }
        var new = old
        if let target {
            let path = FilePath(target).lexicallyNormalized()
            do throws(LaunchError) {
                guard path.isAbsolute else { throw LaunchError("the target '\(target)' is not absolute") }
                try ShareTarget.check(path, for: share.hostPath)
            } catch {
                throw Failure(.invalid, error.description)
            }
            new = path.string
        }
        let access: Access = isReadOnly.map { $0 ? .readOnly : .readWrite } ?? share.access
        var step = ChangeStep(share: share, access: access, old: old, new: new, isForced: force, keys: [])
        let subname = step.name ?? Share.subname(hostPath: share.hostPath, access: access)
        step.keys = [
            Self.key(share), .share("\(shareHost.bucket(access, share.options).rawValue)/\(subname)"), .target(old),
            .target(new),
        ]
        if let inner = self.targets(below: new).first(where: { $0 != old }) {
            throw Failure(.invalid, "cannot mount \(share.hostPath) at \(new): it would hide the share at \(inner)")
        }
        if !force, let inner = self.targets(below: old).first {
            throw Failure(.busy, "cannot unmount \(old): the share at \(inner) is inside", .resourceBusy)
        }
        return step
    }

    /// Has the host serve the share as it is to be, beside what there is.
    private func serve(_ step: ChangeStep, _ operation: ShareOperation<Addition>) {
        operation.fail(on: loop, after: Self.hostIsSilent(step.share.hostPath))
        let target = step.new == step.old ? nil : step.new
        addOnHost(step.share.hostPath, step.access, step.name, step.share.options, at: target) { [self] result in
            operation.relax()
            switch result {
            case .failure(let failure): end(step, operation, .failure(failure))
            case .success(let addition):
                var step = step
                step.hostMilliseconds = operation.milliseconds
                guard !operation.isOver, !isClosed else { return withdraw(addition, step, operation, Self.isEnding) }
                plug(addition, step, operation)
            }
        }
    }

    private func plug(_ addition: ShareHost.Addition, _ step: ChangeStep, _ operation: ShareOperation<Addition>) {
        guard let devices else { return replace(addition, step, isHotPlugged: false, operation) }
        ensure(addition.share.bucket, of: devices, for: step.share.hostPath, operation) { [self] result in
            switch result {
            case .failure(let failure): withdraw(addition, step, operation, failure)
            case .success(let isHotPlugged): replace(addition, step, isHotPlugged: isHotPlugged, operation)
            }
        }
    }

    /// Unmounts the old and mounts the new: in this order, for they may be at the same place.
    private func replace(
        _ addition: ShareHost.Addition, _ step: ChangeStep, isHotPlugged: Bool, _ operation: ShareOperation<Addition>
    ) {
        unmount(step.old, lazily: step.isForced, within: operation.left) { [self] failure in
            if let failure { return withdraw(addition, step, operation, failure) }
            let state = Placement(bucket: addition.share.bucket, subname: addition.share.subname, state: .mounting)
            // With the same target the old one is still noted there, for the way back.
            guard let guest else { return }
            if step.new != step.old { placements[step.new] = state }
            guest.mount(addition.share.setting(at: step.new), within: operation.left) { [self] result in
                if case .failure(let failure) = result {
                    if step.new != step.old { placements[step.new] = nil }
                    return remount([step.old], of: step.share) { [self] in
                        withdraw(addition, step, operation, Failure(failure, step.share.hostPath))
                    }
                }
                settle(addition, step, isHotPlugged: isHotPlugged, operation)
            }
        }
    }

    /// The guest has the new: the old goes on the host.
    private func settle(
        _ addition: ShareHost.Addition, _ step: ChangeStep, isHotPlugged: Bool, _ operation: ShareOperation<Addition>
    ) {
        drop([step.old], of: step.share, revoke: false) { [self] _ in
            var share = addition.share
            // Only now is the old share's place free for it.
            if step.new == step.old,
                let moved = try? shareHost.addTarget(step.new, toShareNamed: share.subname, in: share.bucket)
            {
                share = moved
            }
            placements[step.new] = Placement(bucket: share.bucket, subname: share.subname, state: .mounted)
            finish(step, share, isHotPlugged: isHotPlugged, operation)
        }
    }

    private func finish(
        _ step: ChangeStep, _ share: Share, isHotPlugged: Bool, _ operation: ShareOperation<Addition>
    ) {
        let now = shareHost.share(named: share.subname, in: share.bucket) ?? share
        end(
            step, operation,
            .success(
                Addition(
                    share: described(now), target: step.new, isNew: false, isHotPlugged: isHotPlugged,
                    hostMilliseconds: step.hostMilliseconds, milliseconds: operation.milliseconds)))
    }

    private func withdraw(
        _ addition: ShareHost.Addition, _ step: ChangeStep, _ operation: ShareOperation<Addition>, _ failure: Failure
    ) {
        let targets = step.new == step.old ? [] : [step.new]
        drop(targets, of: addition.share, revoke: true, evenIfUntargeted: addition.isNew) { [self] _ in
            end(step, operation, .failure(failure))
        }
    }

    private func end(
        _ step: ChangeStep, _ operation: ShareOperation<Addition>, _ result: Result<Addition, Failure>
    ) {
        end(operation, step.keys, result)
    }
}
