import CLinux
import Glibc
import Linux
import SystemPackage

@testable import Virtio

/// A ring of a driver's own making: its descriptor table, its available ring, an indirect table.
struct VirtqueueTarget: FuzzTarget {
    /// Two regions with a gap between them, the second behind the first in the file as well as in the guest.
    private static let regionSize = 64 * 1024
    private static let places: [UInt64] = [0x10_0000, 0x20_0000]
    /// Where in the first region the driver's parts lie.
    private static let available = 0x4000
    private static let used = 0x6000
    private static let indirect = 0x8000

    private let memory: GuestMemory
    private let first: GuestRegion

    init() throws {
        let file = try Descriptor(result: cl_memfd("guest", UInt64(2 * Self.regionSize)))
        let regions = try Self.places.enumerated().map { index, place in
            try GuestRegion(
                guestAddress: place, userAddress: place, size: UInt64(Self.regionSize), file: file.number,
                offset: UInt64(index * Self.regionSize))
        }
        memory = try GuestMemory(regions)
        first = regions[0]
    }

    func run(_ input: FuzzInput) {
        var input = input
        let flags = input.byte()
        let size = UInt32(1) << UInt32(flags >> 4 & 7)
        let next = input.short()
        // As fresh as a guest that has just booted.
        for region in memory.regions { memset(region.start, 0, Self.regionSize) }
        put(input.bytes(4 + 2 * Int(size)), at: Self.available)
        put(input.bytes(16 * Int(size)), at: 0)
        put(input.bytes(0x8000), at: Self.indirect)
        let base = Self.places[0]
        guard
            let layout = SplitQueueLayout(
                memory: memory, size: size, descriptors: base, available: base + UInt64(Self.available),
                used: base + UInt64(Self.used), eventIndex: flags & 1 != 0, indirect: flags & 2 != 0)
        else { fatalError("a ring in guest memory is refused") }
        var queue = SplitQueue(layout, next: next)
        QueueWalk(memory).drain(&queue, limit: 200)
    }

    private func put(_ bytes: [UInt8], at offset: Int) {
        bytes.withUnsafeBytes { bytes in
            guard let source = bytes.baseAddress else { return }
            (first.start + offset).copyMemory(from: source, byteCount: bytes.count)
        }
    }
}
