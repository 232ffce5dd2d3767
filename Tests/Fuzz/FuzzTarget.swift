/// A part of the program that takes bytes of somebody who is not trusted.
protocol FuzzTarget {
    /// Gives it one input. What must not be traps; what AddressSanitizer sees ends the process as well.
    func run(_ input: FuzzInput)
}

/// All that is fuzzed, by the names of their corpora.
let fuzzTargets: [(name: String, make: @Sendable () throws -> any FuzzTarget)] = [
    ("vhost-user", { VhostUserTarget() }),
    ("virtqueue", { try VirtqueueTarget() }),
    ("fuse", { try FuseTarget() }),
    ("qmp", { QMPTarget() }),
    ("control", { ControlTarget() }),
    ("link", { LinkTarget() }),
    ("boot", { BootTarget() }),
]

/// What must hold whatever the input is.
func require(_ condition: Bool, _ what: @autoclosure () -> String) {
    if !condition { fatalError(what()) }
}
