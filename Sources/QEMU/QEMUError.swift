/// Why QEMU cannot be found or started.
public struct QEMUError: Error, Equatable, CustomStringConvertible {
    /// What kind of trouble.
    public enum Code: Equatable, Sendable {
        /// There is no QEMU.
        case notFound
        /// It is there but cannot be started.
        case cannotStart
    }

    /// What kind of trouble.
    public var code: Code
    /// What was tried, what happened and what to do, for a person.
    public var description: String
}
