public import FileService
public import SystemPackage

/// A share as the user asked for it, before anything of it is looked at on the host.
public struct ShareRequest: Equatable, Sendable {
    /// The host directory or file: absolute, not yet resolved.
    public var source: FilePath
    /// Where the guest mounts it: absolute; nil for the same path as on the host.
    public var target: String?
    /// Whether the guest may only read.
    public var isReadOnly: Bool
    /// The child's name in its aggregate, where the user gave one.
    public var name: String?
    /// How it is to be served.
    public var options: ChildOptions

    /// A request with these fields.
    public init(
        source: FilePath, target: String? = nil, isReadOnly: Bool = false, name: String? = nil,
        options: ChildOptions = ChildOptions()
    ) {
        self.source = source
        self.target = target
        self.isReadOnly = isReadOnly
        self.name = name
        self.options = options
    }
}
