/// What a VM can be asked for: the `method` of a request, and its `params`.
public enum ControlRequest: Equatable, Sendable {
    /// `status`: what the VM is, what it does, and its shares. Answered by a ``MachineStatus``.
    case status
    /// `share.add`: serve one more host directory and mount it in the guest. Answered by an ``AddedShare`` when the guest has it.
    case addShare(ShareAddition)
    /// `share.remove`: take a share, or one of its targets, from the guest. Answered by a ``RemovedShare``.
    case removeShare(ShareRemoval)
    /// `share.set`: move a share to another target, or change what the guest may do. Answered by an ``AddedShare``.
    case changeShare(ShareChange)
    /// `exec`: run a command in the guest. Answered by an ``EndedCommand`` when it has ended.
    case execute(CommandExecution)
    /// `exec.resize`, `exec.signal`: something for a command that `exec` of the same connection runs. Answered by an empty object.
    case notify(CommandNotice)
    /// `stop`: power the guest off. Answered by a ``StoppedMachine`` when it is off; the connection closes when the VM is gone.
    case stop(MachineStop)

    /// The names of all methods.
    public static let methods = [
        "status", "share.add", "share.remove", "share.set", "exec", "exec.resize", "exec.signal", "stop",
    ]

    /// The method's name.
    public var method: String {
        switch self {
        case .status: "status"
        case .addShare: "share.add"
        case .removeShare: "share.remove"
        case .changeShare: "share.set"
        case .execute: "exec"
        case .notify(let notice):
            switch notice.content {
            case .resize: "exec.resize"
            case .signal: "exec.signal"
            }
        case .stop: "stop"
        }
    }
}
