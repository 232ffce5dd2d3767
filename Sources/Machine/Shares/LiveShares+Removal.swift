internal import EventLoop
internal import Linux
internal import ShareHost
internal import SystemPackage

extension LiveShares {
    /// Takes a share from the guest, or one of its targets where the share has others.
    ///
    /// - Parameters:
    ///   - word: A target, a host directory or a subname.
    ///   - force: Whether a target that is in use is unmounted all the same. Who uses it keeps what they have open. A guest that
    ///     does not answer loses the share as well.
    ///   - revoke: Whether what the guest has open of it fails from now on; implies `force`.
    ///   - limit: Seconds that the guest may take.
    ///   - completion: Called once.
    public func remove(
        _ word: String, force: Bool = false, revoke: Bool = false, within limit: Double? = nil,
        completion: @escaping (Result<Removal, Failure>) -> Void
    ) {
        let operation = ShareOperation(within: .clamped(seconds: limit ?? Self.patience), completion: completion)
        guard !isClosed else { return operation.finish(.failure(Self.isEnding)) }
        let named: (share: Share, targets: [String])
        do throws(Failure) {
            named = try find(word)
        } catch {
            return operation.finish(.failure(error))
        }
        let keys = Set([Self.key(named.share)] + named.targets.map { Claims.Key.target($0) })
        operation.fail(on: loop, after: Self.othersAreAtWork(named.share.hostPath))
        claims.take(keys) { [self] in
            operation.relax()
            // Somebody else may have been at it meanwhile.
            guard !operation.isOver, !isClosed, let now = try? find(word), now.share.subname == named.share.subname
            else {
                let gone = Failure(.noSuchShare, "the share at '\(word)' has just been removed")
                return end(operation, keys, .failure(isClosed ? Self.isEnding : gone))
            }
            let step = RemovalStep(share: now.share, isForced: force || revoke, isRevoked: revoke, keys: keys)
            unmount(now.targets.reversed(), step, operation)
        }
    }

    /// What is decided of a removal once it may begin.
    private struct RemovalStep {
        var share: Share
        var isForced: Bool
        var isRevoked: Bool
        var keys: Set<Claims.Key>
        var unmounted: [String] = []
    }

    /// Has the guest unmount targets, the last first, and goes on when none is left.
    private func unmount(
        _ targets: some Collection<String>, _ step: RemovalStep, _ operation: ShareOperation<Removal>
    ) {
        guard let target = targets.first else { return finish(step, operation) }
        if !step.isForced, let inner = self.targets(below: target).first {
            let text = "cannot unmount \(target) in the guest: the share at \(inner) is inside; remove that one first"
            return undo(step, operation, Failure(.busy, text, .resourceBusy))
        }
        unmount(target, lazily: step.isForced, within: operation.left) { [self] failure in
            if let failure, !(step.isForced && failure.kind == .guestSilent) { return undo(step, operation, failure) }
            var step = step
            step.unmounted.append(target)
            unmount(targets.dropFirst(), step, operation)
        }
    }

    /// Has the guest unmount one target; nil for success. One that is not mounted any more is as good as unmounted.
    func unmount(
        _ target: String, lazily: Bool, within limit: Duration, completion: @escaping (Failure?) -> Void
    ) {
        guard let guest, let state = placements[target]?.state, state != .gone else { return completion(nil) }
        placements[target]?.state = .unmounting
        guest.unmount(target, lazily: lazily, within: limit) { [self] result in
            switch result {
            case .success, .failure(.refused(.invalidArgument, _)), .failure(.refused(.noSuchFileOrDirectory, _)):
                placements[target]?.state = .gone
                completion(nil)
            case .failure(let failure):
                placements[target]?.state = state
                completion(Failure(failure, unmounting: target))
            }
        }
    }

    /// Mounts again what was unmounted before it turned out that not all can be.
    private func undo(_ step: RemovalStep, _ operation: ShareOperation<Removal>, _ failure: Failure) {
        remount(step.unmounted, of: step.share) { [self] in end(operation, step.keys, .failure(failure)) }
    }

    /// Mounts targets of a share that were unmounted; what cannot be stays `gone`.
    func remount(_ targets: [String], of share: Share, completion: @escaping () -> Void) {
        guard let guest, let target = targets.last else { return completion() }
        placements[target]?.state = .mounting
        guest.mount(share.setting(at: target), within: .seconds(Self.patience)) { [self] result in
            if case .success = result {
                placements[target]?.state = .mounted
            } else {
                placements[target]?.state = .gone
            }
            remount(targets.dropLast(), of: share, completion: completion)
        }
    }

    private func finish(_ step: RemovalStep, _ operation: ShareOperation<Removal>) {
        drop(step.unmounted, of: step.share, revoke: step.isRevoked) { [self] isGone in
            end(
                operation, step.keys,
                .success(
                    Removal(
                        source: step.share.hostPath, targets: step.unmounted, isGone: isGone,
                        milliseconds: operation.milliseconds)))
        }
    }
}

extension LiveShares.Failure {
    /// What the guest has said of an unmount.
    init(_ failure: GuestMounts.Failure, unmounting target: String) {
        switch failure {
        case .refused(.resourceBusy, _):
            self.init(
                .busy,
                "cannot unmount \(target) in the guest: something uses it (EBUSY); end that, or take it away with --force",
                .resourceBusy)
        case .refused(let errno, _):
            self.init(.guest, "the guest cannot unmount \(target): \(errno.explained)", errno)
        case .silent:
            self.init(
                .guestSilent,
                "cannot unmount \(target) in the guest: the guest does not answer; --force takes the share away anyway",
                .timedOut)
        case .gone: self.init(.unavailable, "cannot unmount \(target) in the guest: the guest has gone", nil)
        }
    }
}
