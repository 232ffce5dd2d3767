internal import Control
internal import FileService
internal import Linux
internal import Machine
internal import SystemPackage

// A launcher's own words in those of the control protocol.

extension MachineStatus {
    /// A launcher's status; `tag` is what a QEMU that is not Sheaf's calls the device.
    init(_ status: VMStatus, tag: String? = nil) {
        self.init(
            name: status.name, state: State(status.state), pid: status.pid, qemuPid: status.qemuPID,
            kernelRelease: status.kernelRelease, kernel: status.kernel?.string, accelerator: status.accelerator,
            cpus: status.cpus, memoryMiB: status.memory, uptime: (status.uptime * 1000).rounded() / 1000,
            aggregates: status.aggregates.map { AggregateStatus($0, externalTag: tag) },
            shares: status.shares.map(ShareStatus.init))
    }
}

extension MachineStatus.State {
    fileprivate init(_ state: VMStatus.State) {
        switch state {
        case .preparing: self = .preparing
        case .booting: self = .booting
        case .running: self = .running
        case .ending: self = .ending
        case .serving: self = .serving
        }
    }
}

extension AggregateStatus {
    fileprivate init(_ aggregate: VMStatus.Aggregate, externalTag: String?) {
        self.init(
            bucket: aggregate.bucket, tag: externalTag ?? aggregate.tag,
            device: externalTag != nil ? "external" : aggregate.isHotPlugged ? "hot-plugged" : "boot",
            isConnected: aggregate.isConnected, requestQueues: aggregate.requestQueues, children: aggregate.children)
    }
}

extension ShareStatus {
    init(_ share: VMStatus.Share) {
        self.init(
            bucket: share.bucket, subname: share.subname, source: share.source,
            kind: share.isFile ? .file : .directory, access: share.access,
            options: share.options == ChildOptions() ? nil : share.options.texts,
            targets: share.targets.map { Target(path: $0.path, state: Target.State($0.state)) },
            activity: ShareActivity(share.activity))
    }
}

extension ShareStatus.Target.State {
    fileprivate init(_ state: VMStatus.TargetState) {
        switch state {
        case .mounting: self = .mounting
        case .mounted: self = .mounted
        case .unmounting: self = .unmounting
        case .gone: self = .gone
        case .unknown: self = .unknown
        }
    }
}

extension ShareActivity {
    fileprivate init(_ activity: ChildActivity) {
        self.init(
            requests: activity.requests, bytesRead: activity.bytesRead, bytesWritten: activity.bytesWritten,
            errors: activity.errors, openHandles: activity.openHandles, liveInodes: activity.liveInodes,
            lastError: activity.lastError.map {
                Failure(errno: $0.errno.name, operation: $0.operation, time: ($0.time * 1000).rounded() / 1000)
            })
    }
}

extension AddedShare {
    init(_ addition: LiveShares.Addition, mountCommand: String?) {
        self.init(
            share: ShareStatus(addition.share), target: addition.target, isNew: addition.isNew,
            isHotPlugged: addition.isHotPlugged, mountCommand: mountCommand,
            hostMilliseconds: addition.hostMilliseconds, milliseconds: addition.milliseconds)
    }
}

extension RemovedShare {
    init(_ removal: LiveShares.Removal) {
        self.init(
            source: removal.source.string, targets: removal.targets, isGone: removal.isGone,
            milliseconds: removal.milliseconds)
    }
}

extension ControlFailure {
    init(_ failure: LiveShares.Failure) {
        let code: Code =
            switch failure.kind {
            case .invalid: .invalidRequest
            case .host: .host
            case .guest: .guest
            case .guestSilent: .guestSilent
            case .noSuchShare: .noSuchShare
            case .busy: .busy
            case .unavailable: .unavailable
            }
        self.init(code, failure.message, errno: failure.errno?.name)
    }
}
