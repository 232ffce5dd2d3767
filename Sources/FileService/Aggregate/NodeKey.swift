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
        // STATX_BTIME: file systems without birth times leave the field undefined.
        let hasBirth = found.mask & 0x800 != 0 && child.root.birthTimesLast
        birthSeconds = (hasBirth ? found.btime_sec : 0) ^ Int64(bitPattern: UInt64(found.mode & 0o170000) << 48)
        birthNanoseconds = hasBirth ? found.btime_nsec : 0
    }

    /// A tag for the key's table; `seed` is the session's, so that no guest can aim for one chain.
    func tag(seed: UInt64) -> UInt64 {
        var hash = mixed(seed ^ inode)
        hash = mixed(hash ^ device ^ UInt64(child) << 32)
        hash = mixed(hash ^ mount ^ UInt64(bitPattern: birthSeconds) &* 0x9E37_79B9_7F4A_7C15)
        return hash ^ UInt64(birthNanoseconds)
    }
}
