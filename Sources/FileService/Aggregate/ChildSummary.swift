public import SystemPackage

/// A share as a listing shows it.
public struct ChildSummary: Equatable, Sendable {
    /// Its number in the aggregate, never used again.
    public let id: UInt32
    /// Its name below the synthetic root.
    public let name: String
    /// The host directory or file that is shared.
    public let hostPath: FilePath
    /// Whether it is a file.
    public let isFile: Bool
    /// How it is served.
    public let options: ChildOptions
}
