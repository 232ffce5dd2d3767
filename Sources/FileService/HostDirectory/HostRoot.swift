import CLinux
import Glibc
internal import Linux
internal import Sandbox
internal import SystemPackage

/// A directory or a regular file on the host that is to be shared, held open, and what is decided once for everything in it.
final class HostRoot: Sendable {
    /// The directory or file, O_PATH; -1 once the share is revoked.
    ///
    /// Of a file it holds the inode that was there: what else gets its name on the host later is not shared.
    let descriptor: CInt
    /// Whether it is a regular file. Nothing beside it is ever reached: there is no directory to start from.
    let isFile: Bool
    let inode: UInt64
    let device: UInt64
    let mountID: UInt64
    /// Whose it is.
    let owner: CallerIdentity
    /// Whether its file system has extended attributes of users, for records of what the guest sees.
    let takesRecords: Bool
    /// Whether close(2) on the file system has nothing to report that closing our own descriptor would not.
    let flushIsNoOp: Bool
    /// Whether an inode's birth time stays what it is: overlayfs gives a file that is copied up a new one, and keeps its
    /// inode number.
    let birthTimesLast: Bool
    private let personal: [(device: UInt64, inode: UInt64)]

    /// Opens the directory or file and looks at it. No lock may be held: the host may take its time.
    ///
    /// - Parameters:
    ///   - path: Where it is.
    ///   - options: How it is to be served.
    ///   - followsLinks: Whether symbolic links on the path are followed. A path that was resolved before has none, unless
    ///     somebody has put one there since: ELOOP.
    /// - Throws: What the host says of the path: ENOENT, ENOTDIR, EACCES. ENOTDIR too for a file with options that only a
    ///   directory can have; EINVAL for what is neither.
    init(path: FilePath, options: ChildOptions, followsLinks: Bool = true) throws(Errno) {
        let held = try HostRoot.hold(path, isDirectory: options.hidesPersonalData, followsLinks: followsLinks)
        var found = cl_statx()
        try checked(cl_statx(held.number, nil, &found))
        switch found.mode & UInt32(Glibc.S_IFMT) {
        case UInt32(Glibc.S_IFREG): isFile = true
        case UInt32(Glibc.S_IFDIR):
            isFile = false
            // Looking at "." needs permission to enter the directory, which O_PATH does not ask for.
            try checked(cl_statx(held.number, ".", &found))
        default: throw .invalidArgument
        }
        var fileSystem = cl_statfs()
        try checked(cl_fstatfs(held.number, &fileSystem))

        inode = found.ino
        device = found.device
        mountID = found.mnt_id
        owner = CallerIdentity(uid: found.uid, gid: found.gid)
        // Asked only where it matters: a FUSE file system that does not know is not asked by the kernel again.
        takesRecords =
            options.ownership != .mapped
            || cl_getxattr_held(held.number, Appearance.attribute, nil, 0) != 0 - Int(ENOTSUP)
        // STATX_MNT_ID, Linux 5.8: without it a mount below the directory could not be told and would not be hidden.
        guard !options.hidesPersonalData || found.mask & 0x1000 != 0 else { throw .notSupported }
        flushIsNoOp = HostRoot.localFileSystems.contains(fileSystem.type)
        birthTimesLast = fileSystem.type != HostRoot.overlay
        personal = options.hidesPersonalData ? HostRoot.personalDirectories(below: path) : []
        descriptor = held.release()
    }

    /// What stands for the directory or file of a share that was revoked: nothing of the host.
    init(released root: HostRoot) {
        isFile = root.isFile
        inode = root.inode
        device = root.device
        mountID = root.mountID
        owner = root.owner
        takesRecords = root.takesRecords
        flushIsNoOp = root.flushIsNoOp
        birthTimesLast = root.birthTimesLast
        personal = []
        descriptor = -1
    }

    deinit {
        if descriptor >= 0 { _ = cl_close(descriptor) }
    }

    /// Opens what is to be shared. Of a pipe or a device this opens nothing but the name.
    private static func hold(
        _ path: FilePath, isDirectory: Bool, followsLinks: Bool
    ) throws(Errno) -> Descriptor {
        do throws(Errno) {
            // Asked for as a directory first, for only then is one mounted that the host mounts when it is used.
            return try open(path, O_DIRECTORY, followsLinks: followsLinks)
        } catch .notDirectory where !isDirectory {
            return try open(path, followsLinks: followsLinks)
        }
    }

    private static func open(
        _ path: FilePath, _ flags: CInt = 0, followsLinks: Bool = true
    ) throws(Errno) -> Descriptor {
        let number = path.withPlatformString {
            followsLinks
                ? cl_openat(CL_AT_FDCWD, $0, CL_O_PATH | flags, 0) : cl_open_without_links($0, CL_O_PATH | flags)
        }
        return try Descriptor(result: number)
    }

    /// What the personal directories' names really stand for, links followed as the host's own programs would.
    private static func personalDirectories(below root: FilePath) -> [(device: UInt64, inode: UInt64)] {
        var directories: [(device: UInt64, inode: UInt64)] = []
        for name in Zone.personal {
            var found = cl_statx()
            guard let directory = try? open(root.appending(name), O_DIRECTORY),
                cl_statx(directory.number, nil, &found) == 0
            else { continue }
            directories.append((found.device, found.ino))
        }
        return directories
    }

    /// OVERLAYFS_SUPER_MAGIC.
    private static let overlay: UInt64 = 0x794C_7630

    /// Types of statfs(2) whose files have no flush method: ext2-4, xfs, btrfs, tmpfs, ramfs, f2fs, overlayfs, zfs,
    /// bcachefs, squashfs, erofs, iso9660, vfat, exfat, udf.
    private static let localFileSystems: Set<UInt64> = [
        0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x8584_58F6, 0xF2F5_2010, 0x794C_7630, 0x2FC1_2FC1,
        0xCA45_1A4E, 0x7371_7368, 0xE0F5_E1E2, 0x9660, 0x4D44, 0x2011_BAB0, 0x1501_3346,
    ]

    /// Opens it for syncfs(2), which goes by any open file; the descriptor, or -errno.
    func openForSync(_ processDescriptors: CInt) -> CInt {
        guard isFile else { return cl_openat(descriptor, ".", O_RDONLY | O_DIRECTORY, 0) }
        let opened = cl_reopen(processDescriptors, descriptor, O_RDONLY)
        return opened == 0 - EACCES ? cl_reopen(processDescriptors, descriptor, O_WRONLY) : opened
    }

    /// Whether this is one of the directories that `hidesPersonalData` hides, by whatever name it was found.
    func isPersonal(device: UInt64, inode: UInt64) -> Bool {
        personal.contains { $0.device == device && $0.inode == inode }
    }
}
