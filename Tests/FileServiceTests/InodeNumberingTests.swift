import Testing

@testable import FileService

@Suite struct InodeNumberingTests {
    private func numbering(_ name: String) -> InodeNumbering {
        InodeNumbering(key: hashed(name.utf8), homeDevice: 1)
    }

    @Test func keepsInodesOfOneFileSystemApart() {
        let share = numbering("share")
        let numbers = [0, 1, 2, 10, 11, UInt64.max - 1, .max].map { share.guestInode($0, device: 1) }
        #expect(Set(numbers).count == numbers.count)
        #expect(share.guestInode(.max, device: 1) != .max)
    }

    @Test func keepsSharesAndNestedFileSystemsApart() {
        let numbers = [
            numbering("a").guestInode(2, device: 1), numbering("b").guestInode(2, device: 1),
            numbering("a").guestInode(2, device: 3), numbering("a").guestInode(2, device: 4),
        ]
        #expect(Set(numbers).count == numbers.count)
    }

    @Test func givesTheSameNumbersInEveryRun() {
        #expect(hashed("share".utf8) == hashed("share".utf8))
        #expect(numbering("share").guestInode(42, device: 1) == 42 ^ (hashed("share".utf8) & 0xFFFF_FF00_0000_0000))
    }

    /// Of the host's number, in whatever share and on whatever file system below it.
    @Test func leavesTheBitsThatGitRemembers() {
        for (share, device) in [("a", 1), ("b", 1), ("a", 2)] as [(String, UInt64)] {
            for inode in [1, 0x1234_5678, 0xFFFF_FFFF, 0x9A_BCDE_F012] as [UInt64] {
                let number = numbering(share).guestInode(inode, device: device)
                #expect(number != inode)
                #expect(UInt32(truncatingIfNeeded: number) == UInt32(truncatingIfNeeded: inode))
            }
        }
    }
}
