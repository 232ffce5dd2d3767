/// How one share is served.
public struct ChildOptions: Equatable, Sendable {
    /// Whether what belongs to people rather than to the system is hidden: for the host's own root directory.
    ///
    /// The top-level `home root run tmp mnt media srv`, and every file system that is mounted outside
    /// `usr opt nix gnu etc var`, then appear as empty directories.
    public var hidesPersonalData: Bool

    /// Names options.
    public init(hidesPersonalData: Bool = false) {
        self.hidesPersonalData = hidesPersonalData
    }
}
