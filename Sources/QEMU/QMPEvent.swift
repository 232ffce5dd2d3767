internal import Linux

/// What QEMU tells without being asked. QEMU QMP Reference Manual, "RunState events", "machine events", "qdev events".
public enum QMPEvent: Equatable, Sendable {
    /// `SHUTDOWN`: the guest is off, and why (`guest-shutdown`, `guest-reset`, `guest-panic`, `host-qmp-quit`, `host-signal`,
    /// …). With `-no-reboot` a reboot is one too. QEMU ends next.
    case shutdown(byGuest: Bool, reason: String)
    /// `RESET`: the guest begins anew.
    case reset(byGuest: Bool, reason: String)
    /// `GUEST_PANICKED`: the guest's kernel said so through pvpanic; what QEMU does about it.
    case guestPanicked(action: String)
    /// `STOP`: the virtual CPUs stand still, as after an internal error.
    case stopped
    /// `RESUME`: they run.
    case resumed
    /// `POWERDOWN`: the guest has been asked to shut down.
    case powerdown
    /// `DEVICE_DELETED`: the guest has let go of an unplugged device; its id, if it had one.
    case deviceDeleted(id: String?)
    /// Any other event, with its data.
    case other(name: String, data: JSONValue)

    init(name: String, data: JSONValue) {
        let byGuest = data["guest"]?.bool ?? false
        let reason = printable(data["reason"]?.text ?? "unknown")
        switch name {
        case "SHUTDOWN": self = .shutdown(byGuest: byGuest, reason: reason)
        case "RESET": self = .reset(byGuest: byGuest, reason: reason)
        case "GUEST_PANICKED": self = .guestPanicked(action: data["action"]?.text ?? "unknown")
        case "STOP": self = .stopped
        case "RESUME": self = .resumed
        case "POWERDOWN": self = .powerdown
        case "DEVICE_DELETED": self = .deviceDeleted(id: data["device"]?.text)
        default: self = .other(name: name, data: data)
        }
    }
}
