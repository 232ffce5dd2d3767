import CLinux
import Linux
import SystemPackage
import Testing

@Suite struct DescriptorTests {
    @Test func passesADescriptorOverASocketExactlyOnce() throws {
        let pair = try SocketPair()
        var passed = pair.far.number
        try checked(cl_send(pair.near.number, [UInt8]("x".utf8), 1, &passed, 1))

        var buffer: UInt8 = 0
        var received: CInt = -1
        var count: UInt32 = 1
        #expect(cl_receive(pair.far.number, &buffer, 1, &received, &count) == 1)
        #expect(count == 1)
        #expect(received != passed)
        _ = Descriptor(owning: received)
    }

    @Test func refusesMoreDescriptorsThanThereIsRoomFor() throws {
        let pair = try SocketPair()
        let passed = [pair.far.number, pair.near.number]
        try checked(cl_send(pair.near.number, [UInt8]("x".utf8), 1, passed, 2))

        var buffer: UInt8 = 0
        var received: CInt = -1
        var count: UInt32 = 1
        #expect(cl_receive(pair.far.number, &buffer, 1, &received, &count) == -Int(Errno.messageTooLong.rawValue))
        #expect(count == 0)
    }

    @Test func makesRoomForDescriptorsAheadOfTime() throws {
        cl_reserve_descriptors(1024)

        let status = try FileDescriptor.open("/proc/self/status", .readOnly)
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = try status.closeAfter { try bytes.withUnsafeMutableBytes { try status.read(into: $0) } }
        let lines = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n")
        let size = lines.first { $0.hasPrefix("FDSize:") }?.split(separator: "\t").last.flatMap { Int($0) }
        #expect(try #require(size) >= 1024)
    }

    @Test func namesErrorsAsTheirHeaderDoes() {
        #expect(Errno.noSuchFileOrDirectory.name == "ENOENT")
        #expect(Errno(rawValue: 99_999).name == "errno 99999")
    }
}
