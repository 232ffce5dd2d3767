import CLinux

/// What makes two lookups find the same node.
///
/// The mount is part of it because a nested mount can show an inode's number again; the birth time because a host file
/// system gives numbers out again; where it knows no birth times, the file type at least must be the same.
struct NodeKey: Equatable {
    let child: UInt32
    let birthNanoseconds: UInt32
    let mount: UInt64
    let device: UInt64
    let inode: UInt64
    /// With the file type in the highest four bits: no time gets there.
    let birthSeconds: Int64

    init(child: Child, _ found: cl_statx) {
        self.child = child.id
        mount = found.mnt_id
        device = found.device
        inode = found.ino
        (birthSeconds, birthNanoseconds) = NodeKey.birth(of: found, lasts: child.root.birthTimesLast)
    }

    /// Whether what was found in the key's share is what the key was made of; `birthTimesLast` as the share's root has it.
    @inline(__always)
    func isOf(_ found: cl_statx, birthTimesLast: Bool) -> Bool {
        inode == found.ino && device == found.device && mount == found.mnt_id
            && (birthSeconds, birthNanoseconds) == NodeKey.birth(of: found, lasts: birthTimesLast)
    }

    @inline(__always)
    private static func birth(of found: cl_statx, lasts: Bool) -> (seconds: Int64, nanoseconds: UInt32) {
        // STATX_BTIME: file systems without birth times leave the field undefined.
        let hasBirth = found.mask & 0x800 != 0 && lasts
        let type = Int64(bitPattern: UInt64(found.mode & 0o170000) << 48)
        return ((hasBirth ? found.btime_sec : 0) ^ type, hasBirth ? found.btime_nsec : 0)
    }

    /// A tag for the key's table; `seed` is the session's, so that no guest can aim for one chain.
    func tag(seed: UInt64) -> UInt64 {
        var hash = mixed(seed ^ inode)
        hash = mixed(hash ^ device ^ UInt64(child) << 32)
        hash = mixed(hash ^ mount ^ UInt64(bitPattern: birthSeconds) &* 0x9E37_79B9_7F4A_7C15)
        return hash ^ UInt64(birthNanoseconds)
    }
}
