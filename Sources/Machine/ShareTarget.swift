internal import Glibc
internal import SystemPackage

/// What a place in the guest must be for a share to be mounted there: decided before the boot, when it can still be told.
enum ShareTarget {
    /// What the guest mounts by itself, whatever its root is.
    private static let systemMounts: [FilePath] = ["/proc", "/sys", "/dev", "/run"]
    /// Where the agent has its aggregates.
    private static let ownDirectory: FilePath = "/run/sheaf"

    /// Refuses places that the guest cannot do without.
    ///
    /// - Parameters:
    ///   - target: A normalized path in the guest.
    ///   - source: The host directory that is to appear there.
    /// - Throws: What is there.
    static func check(_ target: FilePath, for source: FilePath) throws(LaunchError) {
        if target == "/" {
            throw LaunchError(
                "cannot mount \(source) at / in the guest: its root is there; give another target, or use --root \(source)"
            )
        }
        if systemMounts.contains(target) {
            throw LaunchError(
                "cannot mount \(source) at \(target) in the guest: a file system of the guest's own is there; "
                    + "give another target, such as -v \(source):/mnt")
        }
        if target.starts(with: ownDirectory) {
            throw LaunchError(
                "cannot mount \(source) at \(target) in the guest: the shares come in at \(ownDirectory); "
                    + "give another target, such as -v \(source):/mnt")
        }
    }

    /// Refuses a share inside of another one where the host has no directory for it, or for a file no file: the guest would
    /// make it there.
    ///
    /// - Parameters:
    ///   - shares: All shares.
    ///   - root: The host directory that is the guest's root, where the guest writes it through.
    /// - Throws: What is missing.
    static func checkMountPoints(of shares: [ServedShare], root: FilePath?) throws(LaunchError) {
        var sources: [FilePath: FilePath] = [:]
        for share in shares { sources[FilePath(share.target)] = FilePath(share.source) }
        if let root { sources["/"] = root }
        for share in shares { try checkMountPoint(FilePath(share.target), for: FilePath(share.source), among: sources) }
    }

    /// Refuses a target inside of a share where the host has no directory for it, or for a file no file. Asks the host's
    /// file system.
    ///
    /// - Parameters:
    ///   - target: A normalized path in the guest.
    ///   - source: The host directory or file that is to appear there.
    ///   - sources: The host directories and files of the shares that are there, by target.
    /// - Throws: What is missing; that the share is a file, which nothing can be inside of.
    static func checkMountPoint(
        _ target: FilePath, for source: FilePath, among sources: [FilePath: FilePath]
    ) throws(LaunchError) {
        var outer = target.removingLastComponent()
        while sources[outer] == nil, outer != "/" { outer.removeLastComponent() }
        guard let outerSource = sources[outer],
            // Between the root and these there is a file system of the guest's memory.
            outer != "/" || !systemMounts.contains(where: target.starts)
        else { return }
        var below = target
        _ = below.removePrefix(outer)
        let place = outerSource.appending(below.components)
        if type(of: outerSource) == S_IFREG {
            throw LaunchError(
                "cannot mount \(source) at \(target) in the guest: \(outer) is the file \(outerSource) there, and "
                    + "nothing can be below a file; give another target")
        }
        let isFile = type(of: source) == S_IFREG
        guard type(of: place) == (isFile ? S_IFREG : S_IFDIR) else {
            throw LaunchError(
                "cannot mount \(source) at \(target) in the guest: that is inside \(outerSource), and "
                    + "\(place) is no \(isFile ? "file" : "directory"); make it first, nothing is created on the host "
                    + "for you")
        }
    }

    /// The type of what a path of the host leads to, S_IFMT of its mode; nil where it leads nowhere.
    private static func type(of path: FilePath) -> mode_t? {
        var status = stat()
        return stat(path.string, &status) == 0 ? status.st_mode & S_IFMT : nil
    }
}
