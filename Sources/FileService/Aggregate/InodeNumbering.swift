/// Maps a share's inode numbers on the host to those the guest sees.
///
/// All shares are one file system in the guest, so equal numbers of two host file systems would look like hard links to
/// tar, rsync and find. XOR with a key is a bijection: hard links keep their identity. The key comes from the share's name
/// and not from the order of adding, so the numbers are the same in the next run.
///
/// Only the upper bits have a key, where few file systems have any of a number: git remembers the lower 32 of each file's, and
/// would read every file again whenever a working tree is used on the other side.
struct InodeNumbering: Sendable {
    /// The bits that a key may change.
    private static let keyBits: UInt64 = 0xFFFF_FF00_0000_0000

    private let key: UInt64
    private let homeDevice: UInt64

    /// - Parameters:
    ///   - key: The hash of the share's name.
    ///   - homeDevice: The device of the share's root.
    init(key: UInt64, homeDevice: UInt64) {
        self.key = key & InodeNumbering.keyBits
        self.homeDevice = homeDevice
    }

    /// The number in the guest of an inode on the host.
    func guestInode(_ inode: UInt64, device: UInt64) -> UInt64 {
        device == homeDevice ? inode ^ key : inode ^ key ^ (mixed(device) & InodeNumbering.keyBits)
    }
}

/// A hash of bytes that is the same in every run (FNV-1a, finished by SplitMix64).
func hashed(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return mixed(hash)
}
