/// What pages of a file hold, so that a page in the wrong place, or none, is seen: a number at both ends that is made of the
/// page's place in the file and of a salt.
struct Stamp {
    let salt: UInt64

    /// Stamps whole pages.
    func store(in bytes: UnsafeMutableRawBufferPointer, offset: UInt64) {
        for place in stride(from: 0, to: bytes.count, by: HostTree.pageSize) {
            let number = number(offset + UInt64(place))
            bytes.storeBytes(of: number, toByteOffset: place, as: UInt64.self)
            bytes.storeBytes(of: ~number, toByteOffset: place + HostTree.pageSize - 8, as: UInt64.self)
        }
    }

    /// Whether every page carries the stamp of its place.
    func isIn(_ bytes: UnsafeRawBufferPointer, offset: UInt64) -> Bool {
        var place = 0
        while place < bytes.count {
            let number = number(offset + UInt64(place))
            guard bytes.count - place >= HostTree.pageSize,
                bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self) == number,
                bytes.loadUnaligned(fromByteOffset: place + HostTree.pageSize - 8, as: UInt64.self) == ~number
            else { return false }
            place += HostTree.pageSize
        }
        return true
    }

    private func number(_ offset: UInt64) -> UInt64 { (offset | 1) &* 0x9E37_79B9_7F4A_7C15 ^ salt }
}
