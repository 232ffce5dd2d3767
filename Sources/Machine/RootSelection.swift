public import SystemPackage

/// Where the guest's root file system comes from: the value of `--root`.
public enum RootSelection: Equatable, Sendable {
    /// The host's own system, read-only under a tmpfs overlay. With `everything`, its personal and temporary directories
    /// and other mounted file systems too.
    case host(everything: Bool)
    /// A directory of the host's: read-only under a tmpfs overlay, or written through.
    case directory(FilePath, isWritable: Bool)
    /// No root but the initramfs.
    case none

    /// The name of the root's child in its aggregate. No share can have it: subnames are 32 hexadecimal digits, and the user
    /// may not give this one.
    public static let subname = "root"
}
