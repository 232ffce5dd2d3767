/// How a run ended: what happened, apart from the number that says it to a shell.
public enum Outcome: Equatable, Sendable {
    /// The guest command ended by itself, with this exit code (0 to 255).
    case exited(code: UInt8)
    /// A signal ended the guest command, or ended the launcher before it.
    case signaled(number: UInt8)
    /// `--timeout` was over first.
    case timeout
    /// The guest's kernel panicked.
    case panic
    /// The guest reset itself (reboot, triple fault) before the command had ended.
    case reset
    /// QEMU or the guest went away without a word.
    case lost
    /// The guest never got as far as running the command.
    case bootFailed
    /// The command could not be run in the guest; the errno tells not found (ENOENT) from not executable.
    case cannotExecute(notFound: Bool)
    /// The launcher could not do its part.
    case launcherError

    /// The outcome's stable name in reports.
    public var name: String {
        switch self {
        case .exited: "exited"
        case .signaled: "signaled"
        case .timeout: "timeout"
        case .panic: "panic"
        case .reset: "reset"
        case .lost: "lost"
        case .bootFailed: "boot-failed"
        case .cannotExecute: "exited"
        case .launcherError: "launcher-error"
        }
    }

    /// The exit code that says the outcome to a shell, by the conventions of env(1), timeout(1) and the container tools.
    ///
    /// - Parameter panicCode: What panic, reset and lost become, 255 unless the user asked for another.
    /// - Returns: 0 to 255.
    public func exitCode(panicCode: UInt8 = 255) -> UInt8 {
        switch self {
        case .exited(let code): code
        case .signaled(let number): UInt8(truncatingIfNeeded: 128 + UInt16(number))
        case .timeout: 124
        case .launcherError, .bootFailed: 125
        case .cannotExecute(let notFound): notFound ? 127 : 126
        case .panic, .reset, .lost: panicCode
        }
    }
}
