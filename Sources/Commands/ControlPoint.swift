internal import Control
internal import EventLoop
internal import Linux
internal import Machine
internal import SystemPackage

/// Joins a launcher to its control socket: what clients ask is asked of the launcher.
final class ControlPoint {
    private var server: ControlServer?

    /// Opens the socket when the launcher starts its VM. To be kept while it runs.
    ///
    /// A VM without a socket runs all the same, and says so unless it is to be quiet.
    init(of launcher: Launcher, isQuiet: Bool) {
        let say = { (reason: String) in
            if !isQuiet { FileDescriptor.standardError.say("sheaf: ps and status cannot ask this VM: \(reason)") }
        }
        launcher.onHidden = say
        launcher.onStart = { [weak self, unowned launcher] loop, socket in
            let server = ControlServer(version: Sheaf.version, on: loop) { [unowned launcher] call in
                switch call.request {
                case .status:
                    guard let status = launcher.status else {
                        return call.answer(.failure(ControlFailure(.unavailable, "the VM is not there yet")))
                    }
                    call.answer(.success(.status(MachineStatus(status))))
                default:
                    call.answer(.failure(ControlFailure(.unsupported, "this VM cannot do that")))
                }
            }
            do throws(Errno) {
                try server.listen(at: socket)
                self?.server = server
            } catch {
                let bytes = socket.string.utf8.count
                let advice =
                    error == .fileNameTooLong
                    ? " has \(bytes) bytes, and a socket's path at most 107; set XDG_RUNTIME_DIR to a shorter one"
                    : " cannot be listened at: \(error.explained)"
                say("'\(socket)'\(advice)")
            }
        }
    }
}

extension MachineStatus {
    /// A launcher's own status in the protocol's words.
    init(_ status: VMStatus) {
        self.init(
            name: status.name, state: State(status.state), pid: status.pid, qemuPid: status.qemuPID,
            kernelRelease: status.kernelRelease, kernel: status.kernel.string, accelerator: status.accelerator,
            cpus: status.cpus, memoryMiB: status.memory, uptime: (status.uptime * 1000).rounded() / 1000,
            aggregates: [],
            shares: status.shares.map {
                ShareStatus(
                    bucket: $0.bucket, subname: $0.subname, source: $0.source, access: $0.access,
                    targets: [ShareStatus.Target(path: $0.target, state: .mounted)], activity: ShareActivity())
            })
    }
}

extension MachineStatus.State {
    fileprivate init(_ state: VMStatus.State) {
        switch state {
        case .preparing: self = .preparing
        case .booting: self = .booting
        case .running: self = .running
        case .ending: self = .ending
        }
    }
}
