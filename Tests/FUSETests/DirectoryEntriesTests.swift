import FUSE
import Testing

@Suite struct DirectoryEntriesTests {
    private func withBuffer<R>(_ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows -> R {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 8)
        defer { buffer.deallocate() }
        buffer.initializeMemory(as: UInt8.self, repeating: 0xAA)
        return try body(buffer)
    }

    @Test func padsEveryEntryToEightBytesWithZeroes() {
        withBuffer(64) { buffer in
            var encoder = DirectoryEncoder(into: buffer)
            #expect([UInt8]("abc".utf8).withUnsafeBytes { encoder.append(DirectoryEntry { $0.inode = 7 }, name: $0) })
            #expect(encoder.count == 32)
            #expect(Array(buffer[24..<32]) == [0x61, 0x62, 0x63, 0, 0, 0, 0, 0])
            #expect(buffer[32] == 0xAA)
        }
    }

    @Test func addsNothingThatDoesNotFit() {
        withBuffer(31) { buffer in
            var encoder = DirectoryEncoder(into: buffer)
            #expect(![UInt8]("abc".utf8).withUnsafeBytes { encoder.append(DirectoryEntry(), name: $0) })
            #expect(encoder.count == 0)
            #expect(buffer.allSatisfy { $0 == 0xAA })
        }
    }

    @Test func decodesWhatItEncodes() throws {
        try withBuffer(512) { buffer in
            var encoder = DirectoryEncoder(into: buffer)
            for (index, name) in ["a", "exactly8", "nine-byte"].enumerated() {
                let entry = DirectoryEntry { $0.cookie = UInt64(index + 1) }
                let found = EntryOut { $0.node = NodeID(rawValue: UInt64(index + 2)) }
                #expect(Array(name.utf8).withUnsafeBytes { encoder.append(entry, name: $0, found: found) })
            }
            var decoder = DirectoryDecoder(UnsafeRawBufferPointer(rebasing: buffer[..<encoder.count]), plus: true)
            for (index, name) in ["a", "exactly8", "nine-byte"].enumerated() {
                let next = decoder.next()
                let element = try #require(next)
                #expect(element.entry.cookie == UInt64(index + 1))
                #expect(element.found?.node.rawValue == UInt64(index + 2))
                #expect(String(decoding: element.name, as: UTF8.self) == name)
            }
            let end = decoder.next()
            #expect(end == nil)
        }
    }
}
