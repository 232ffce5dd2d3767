import CLinux
internal import Sandbox

/// How the owners of one share's files on the host stand to those that the guest sees.
struct Owners: Sendable {
    let ownership: Ownership
    /// Whether they are the same: then nothing of this is looked at again.
    let areHosts: Bool
    /// Whether the guest's are kept in records.
    let areMapped: Bool
    /// As whom something is made on the host whoever makes it in the guest; nil for the caller, or the launcher.
    let maker: CallerIdentity?
    private let launcher: CallerIdentity

    /// - Parameters:
    ///   - ownership: What the share was asked to be.
    ///   - root: Whose the shared directory is.
    init(_ ownership: Ownership, root: CallerIdentity) {
        self.ownership = ownership
        areHosts = ownership == .host
        areMapped = ownership == .mapped
        launcher = CallerIdentity(uid: cl_thread_uid(), gid: cl_thread_gid())
        if case .squashed = ownership { maker = root } else { maker = nil }
    }

    /// How an inode without a record appears: what is the launcher's is root's.
    func natural(_ found: cl_statx) -> Appearance {
        Appearance(
            uid: found.uid == launcher.uid ? 0 : found.uid, gid: found.gid == launcher.gid ? 0 : found.gid,
            mode: found.mode, major: found.rdev_major, minor: found.rdev_minor)
    }

    /// Whether the launcher may change the mode of an inode, as its owner or as root.
    func mayChange(_ found: cl_statx) -> Bool { isLaunchers(found) || launcher.uid == 0 }

    /// Whether an inode is the launcher's.
    func isLaunchers(_ found: cl_statx) -> Bool { found.uid == launcher.uid }
}
