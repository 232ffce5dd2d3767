import CLinux
import Glibc
internal import SystemPackage

/// Where in a share with `hidesPersonalData` a node lies, which decides what is shown below it.
enum Zone: UInt8 {
    /// A share that hides nothing.
    case open
    /// The root of a share that hides personal data.
    case guardedRoot
    /// Below `usr opt nix gnu etc var`: mounts are shown.
    case system
    /// Elsewhere below a guarded root: mounts are hidden.
    case guarded
    /// A directory that appears empty.
    case hidden

    static let personal = ["home", "root", "run", "tmp", "mnt", "media", "srv"]
    static let systemTrees = ["usr", "opt", "nix", "gnu", "etc", "var"]

    /// The zone of what `name` in a directory of this zone stands for.
    ///
    /// - Throws: ENOENT for a file that is to be hidden: only a directory can appear empty.
    func zone(of name: UnsafeRawBufferPointer, _ found: cl_statx, in child: Child) throws(Errno) -> Zone {
        let isDirectory = found.mode & UInt32(Glibc.S_IFMT) == UInt32(Glibc.S_IFDIR)
        let isForeign = found.mnt_id != child.root.mountID
        var zone = self
        switch self {
        case .open: return .open
        case .hidden: throw .noSuchFileOrDirectory
        case .system: break
        case .guardedRoot:
            if isDirectory, Zone.contains(Zone.personal, name) { return .hidden }
            zone = Zone.contains(Zone.systemTrees, name) ? .system : .guarded
            fallthrough
        case .guarded:
            if isForeign, zone != .system {
                guard isDirectory else { throw .noSuchFileOrDirectory }
                return .hidden
            }
        }
        // The same directory by another name, as where /home is a link to or a bind mount of var/home.
        if isDirectory, child.root.isPersonal(device: found.device, inode: found.ino) { return .hidden }
        return zone
    }

    /// Whether a name in a directory of this zone must keep what it stands for.
    func protects(_ name: UnsafeRawBufferPointer) -> Bool {
        self == .hidden
            || self == .guardedRoot && (Zone.contains(Zone.personal, name) || Zone.contains(Zone.systemTrees, name))
    }

    private static func contains(_ names: [String], _ name: UnsafeRawBufferPointer) -> Bool {
        names.contains { $0.utf8.elementsEqual(name) }
    }
}

extension cl_statx {
    /// The device of the inode's file system, both numbers in one.
    var device: UInt64 { UInt64(dev_major) << 32 | UInt64(dev_minor) }
}
