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

    @Test func namesErrorsAsTheirHeaderDoes() {
        #expect(Errno.noSuchFileOrDirectory.name == "ENOENT")
        #expect(Errno(rawValue: 99_999).name == "errno 99999")
    }
}
