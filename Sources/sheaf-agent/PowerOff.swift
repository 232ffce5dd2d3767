import CAgent

/// The end of the guest.
enum PowerOff {
    /// Milliseconds that programs have to end when they are asked to.
    private static let patience: Int64 = 500

    /// Ends all programs, puts everything on disk, leaves.
    static func perform(_ ending: Supervisor.Ending, _ shares: inout Shares) -> Never {
        endProcesses()
        sync()
        shares.removeAll()
        if case .powerOff = ending { reboot(RB_POWER_OFF) }
        // Also the way out where a machine cannot switch itself off: the launcher's QEMU ends at a reset.
        reboot(RB_AUTOBOOT)
        Console.log("cannot power off: \(Errno(code: agent_errno()))")
        while true { pause() }
    }

    /// Asks all programs to end.
    static func askProcesses() {
        kill(-1, SIGTERM)
        kill(-1, SIGCONT)
    }

    private static func endProcesses() {
        askProcesses()
        if waitForAll() { return }
        kill(-1, SIGKILL)
        _ = waitForAll()
    }

    /// Reaps until nobody is left; false where somebody stays.
    private static func waitForAll() -> Bool {
        Clock.poll(every: 5, for: patience) { () -> Bool? in
            while true {
                let exit = agent_reap()
                if exit.process < 0 { return true }
                if exit.process == 0 { return nil }
            }
        } != nil
    }
}
