/// What a request that was done brings, by method.
public enum ControlResult: Equatable, Sendable {
    /// Of ``ControlRequest/status``.
    case status(MachineStatus)
    /// Of ``ControlRequest/addShare(_:)`` and ``ControlRequest/changeShare(_:)``.
    case added(AddedShare)
    /// Of ``ControlRequest/removeShare(_:)``.
    case removed(RemovedShare)
    /// Of ``ControlRequest/execute(_:)``.
    case ended(EndedCommand)
    /// Of ``ControlRequest/stop(_:)``.
    case stopped(StoppedMachine)
    /// Of ``ControlRequest/notify(_:)``: an empty object.
    case done
}
