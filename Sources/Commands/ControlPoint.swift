internal import Control
internal import EventLoop
internal import FileService
internal import Linux
internal import Machine
internal import SystemPackage

/// Joins a launcher to its control socket: what clients ask is asked of the launcher.
final class ControlPoint {
    private var server: ControlServer?
    private let say: (String) -> Void

    /// Opens the socket when the launcher starts its VM. To be kept while it runs.
    ///
    /// A VM without a socket runs all the same, and says so unless it is to be quiet.
    init(of launcher: Launcher, isQuiet: Bool) {
        say = { reason in
            if !isQuiet { FileDescriptor.standardError.say("sheaf: other commands cannot reach this VM: \(reason)") }
        }
        launcher.onHidden = say
        launcher.onStart = { [weak self, unowned launcher] loop, socket throws(LaunchError) in
            guard let self else { return }
            let failure = listen(at: socket, on: loop) { [unowned launcher] in Self.serve($0, by: launcher) }
            guard let failure else { return }
            // Nobody could ever end one in the background.
            guard !launcher.isInBackground else { throw LaunchError("nobody could reach the VM: \(failure)") }
            say(failure)
        }
    }

    /// The same for a file server, whose guest mounts its device by the tag.
    init(of server: FileServer, tag: String, isQuiet: Bool) {
        say = { reason in
            if !isQuiet {
                FileDescriptor.standardError.say("sheaf: other commands cannot reach this server: \(reason)")
            }
        }
        server.onHidden = say
        server.onStart = { [weak self, unowned server] loop, socket in
            let failure = self?.listen(at: socket, on: loop) { [unowned server] call in
                switch call.request {
                case .status: call.answer(.success(.status(MachineStatus(server.status, tag: tag))))
                case .addShare, .removeShare:
                    Self.serve(call, on: server.shares) {
                        AgentlessGuest.mountCommand(tag: tag, share: ShareStatus($0), target: $1)
                    }
                case .stop:
                    call.answer(.success(.stopped(StoppedMachine(isForced: false))))
                    server.stop()
                case .changeShare, .execute, .notify:
                    call.answer(
                        .failure(ControlFailure(.unsupported, "there is no agent in this guest that could do it")))
                }
            }
            if let failure { self?.say(failure) }
        }
    }

    /// Opens the socket.
    ///
    /// - Returns: Why there is none; nil where there is.
    private func listen(
        at socket: FilePath, on loop: EventLoop, _ handler: @escaping ControlServer.Handler
    ) -> String? {
        let server = ControlServer(version: Sheaf.version, on: loop, handler: handler)
        do throws(Errno) {
            try server.listen(at: socket)
            self.server = server
            return nil
        } catch {
            return Self.explained(error, socket)
        }
    }

    /// Why there can be no socket at a path.
    private static func explained(_ error: Errno, _ socket: FilePath) -> String {
        let advice =
            error == .fileNameTooLong
            ? " has \(socket.string.utf8.count) bytes, and a socket's path at most 107; set XDG_RUNTIME_DIR to a shorter one"
            : " cannot be listened at: \(error.explained)"
        return "'\(socket)'\(advice)"
    }

    private static func serve(_ call: ControlCall, by launcher: Launcher) {
        guard let shares = launcher.shares else {
            return call.answer(.failure(ControlFailure(.unavailable, "the VM is not there yet")))
        }
        switch call.request {
        case .status:
            shares.refresh(within: LiveShares.glance) { [weak launcher] in
                guard let status = launcher?.status else {
                    return call.answer(.failure(ControlFailure(.unavailable, "the VM is about to end")))
                }
                call.answer(.success(.status(MachineStatus(status))))
            }
        case .addShare, .removeShare, .changeShare: serve(call, on: shares, mountCommand: nil)
        case .execute(let command): execute(command, call, by: launcher)
        case .stop(let stop):
            launcher.stop(within: stop.seconds) { call.answer(.success(.stopped(StoppedMachine(isForced: $0)))) }
        case .notify: call.answer(.failure(ControlFailure(.invalidRequest, "no command runs under that id")))
        }
    }

    /// Does what a call asks of shares. `mountCommand` gives the line that shows a share in the guest, at a target that was
    /// asked for, where no agent does that.
    private static func serve(
        _ call: ControlCall, on shares: LiveShares, mountCommand: ((VMStatus.Share, _ target: String?) -> String)?
    ) {
        func answer(_ result: Result<LiveShares.Addition, LiveShares.Failure>) {
            var target: String?
            if case .addShare(let asked) = call.request { target = asked.target }
            call.answer(
                result.map { [target] in .added(AddedShare($0, mountCommand: mountCommand?($0.share, target))) }
                    .mapError(ControlFailure.init))
        }
        switch call.request {
        case .addShare(let asked):
            guard let access = access(asked.access, call) else { return }
            var request = ShareRequest(
                source: FilePath(asked.source), target: asked.target, isReadOnly: access == .some(true),
                name: asked.name)
            for text in asked.options ?? [] {
                do throws(ChildOptions.Malformed) {
                    try request.options.set(text)
                } catch {
                    return call.answer(.failure(ControlFailure(.invalidRequest, "'\(text)' \(error)")))
                }
            }
            shares.add(request, within: asked.timeout, completion: answer)
        case .changeShare(let asked):
            guard let access = access(asked.access, call) else { return }
            shares.change(
                asked.share, target: asked.target, isReadOnly: access, force: asked.force ?? false,
                within: asked.timeout, completion: answer)
        case .removeShare(let asked):
            shares.remove(
                asked.share, force: asked.force ?? false, revoke: asked.revoke ?? false, within: asked.timeout
            ) { result in
                call.answer(result.map { .removed(RemovedShare($0)) }.mapError(ControlFailure.init))
            }
        default: call.answer(.failure(ControlFailure(.unsupported, "that is nothing that shares can do")))
        }
    }

    /// Whether an access is read-only; `.some(nil)` where none is given. One that is none is answered.
    private static func access(_ text: String?, _ call: ControlCall) -> Bool?? {
        switch text {
        case nil: return .some(nil)
        case "ro": return true
        case "rw": return false
        case let text?:
            call.answer(.failure(ControlFailure(.invalidRequest, "'\(text)' is no access (rw or ro)")))
            return nil
        }
    }
}
