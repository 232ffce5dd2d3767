import CLinux
import Linux
import SystemPackage

@testable import Virtio

/// Guest memory over a memory file, and a driver's hand in it: every address here is a guest address.
final class GuestFixture {
    let file: Linux.Descriptor
    let memory: GuestMemory
    let size: UInt64
    /// What the frontend calls guest address 0.
    static let userBase: UInt64 = 0x7f00_0000_0000

    /// Guest memory of 64 KiB regions that lie side by side for the guest, in reversed order in the file.
    init(regions: Int = 1) throws {
        let each: UInt64 = 0x10000
        size = each * UInt64(regions)
        file = try Linux.Descriptor(result: cl_memfd("guest", size))
        var list: [GuestRegion] = []
        for index in 0..<UInt64(regions) {
            list.append(
                try GuestRegion(
                    guestAddress: index * each, userAddress: Self.userBase + index * each, size: each,
                    file: file.number, offset: (UInt64(regions) - 1 - index) * each))
        }
        memory = try GuestMemory(list)
    }

    func pointer(_ address: UInt64, _ length: UInt32 = 1) -> UnsafeMutableRawPointer {
        guard let pointer = memory.map.contiguous(at: address, length: length) else {
            preconditionFailure("the test left guest memory")
        }
        return pointer
    }

    func write<Value: FixedWidthInteger>(_ value: Value, at address: UInt64) {
        pointer(address, UInt32(MemoryLayout<Value>.size)).storeBytes(of: value, as: Value.self)
    }

    func read<Value: FixedWidthInteger>(_ type: Value.Type = Value.self, at address: UInt64) -> Value {
        pointer(address, UInt32(MemoryLayout<Value>.size)).loadUnaligned(as: Value.self)
    }

    func describe(_ index: Int, in table: UInt64, address: UInt64, length: UInt32, flags: UInt16 = 0, next: UInt16 = 0)
    {
        let entry = table + 16 * UInt64(index)
        write(address, at: entry)
        write(length, at: entry + 8)
        write(flags, at: entry + 12)
        write(next, at: entry + 14)
    }
}

/// A ring of 8 entries at fixed places in the first region.
struct RingFixture {
    static let size: UInt16 = 8
    static let table: UInt64 = 0x1000
    static let available: UInt64 = 0x2000
    static let used: UInt64 = 0x3000
    static let next: UInt16 = 1
    static let write: UInt16 = 2
    static let indirect: UInt16 = 4

    let guest: GuestFixture
    let eventIndex: Bool
    let indirect: Bool

    init(_ guest: GuestFixture, eventIndex: Bool = true, indirect: Bool = true) {
        self.guest = guest
        self.eventIndex = eventIndex
        self.indirect = indirect
    }

    var layout: SplitQueueLayout? {
        SplitQueueLayout(
            memory: guest.memory, size: UInt32(Self.size), descriptors: GuestFixture.userBase + Self.table,
            available: GuestFixture.userBase + Self.available, used: GuestFixture.userBase + Self.used,
            eventIndex: eventIndex, indirect: indirect)
    }

    func describe(_ index: Int, address: UInt64, length: UInt32, flags: UInt16 = 0, next: UInt16 = 0) {
        guest.describe(index, in: Self.table, address: address, length: length, flags: flags, next: next)
    }

    /// Makes `head` available as entry number `index`.
    func offer(_ head: UInt16, as index: UInt16 = 0) {
        guest.write(head, at: Self.available + 4 + 2 * UInt64(index % Self.size))
        guest.write(index &+ 1, at: Self.available + 2)
    }

    var usedIndex: UInt16 { guest.read(at: Self.used + 2) }
    /// used_event: up to where the driver wants no interrupt.
    func wantInterrupt(past index: UInt16) { guest.write(index, at: Self.available + 4 + 2 * UInt64(Self.size)) }
    /// avail_event: up to where the device wants no kick.
    var kickWantedPast: UInt16 { guest.read(at: Self.used + 4 + 8 * UInt64(Self.size)) }
}
