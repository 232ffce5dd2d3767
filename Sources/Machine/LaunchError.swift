/// Why a VM could not be launched or served: a sentence for the person at the terminal, and what they can do.
public struct LaunchError: Error, CustomStringConvertible, Sendable {
    /// What was tried, on what, and what failed.
    public let description: String

    /// An error that says this.
    public init(_ description: String) {
        self.description = description
    }
}
