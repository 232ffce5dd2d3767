import CLinux
import FUSE
import FileService
import Glibc
import Linux
import SystemPackage
import Testing

/// A host file system that can be made to fail: one directory, served through /dev/fuse by a thread of this process.
private final class FailingFileSystem: Sendable {
    private let mountPoint: String
    private let device: CInt
    private let server: Linux.Thread

    /// Nil where this process may not mount.
    init?(at mountPoint: String) throws {
        let device = open("/dev/fuse", O_RDWR | O_CLOEXEC)
        guard device >= 0 else { return nil }
        let options = "fd=\(device),rootmode=40000,user_id=\(getuid()),group_id=\(getgid())"
        guard mount("failing", mountPoint, "fuse", UInt(0), options) == 0 else {
            close(device)
            return nil
        }
        self.mountPoint = mountPoint
        self.device = device
        server = try Linux.Thread(name: "failing-fs") { Self.serve(device) }
    }

    /// From here on the host says ENOTCONN of everything in it. What is held of it stays held.
    func fail() {
        // Aborts the connection, whether it can unmount or not.
        umount2(mountPoint, CInt(MNT_FORCE))
    }

    deinit {
        fail()
        umount2(mountPoint, CInt(MNT_DETACH))
        server.join()
        close(device)
    }

    private static func serve(_ device: CInt) {
        var buffer = [UInt8](repeating: 0, count: 256 * 1024)
        while true {
            let count = read(device, &buffer, buffer.count)
            // ENODEV: the connection is over.
            guard count >= InHeader.byteCount else { return }
            guard let header = buffer.withUnsafeBytes({ InHeader(copying: $0) }) else { return }
            if [.forget, .batchForget, .interrupt].contains(header.opcode) { continue }
            var body: [UInt8] = []
            var error: Int32 = 0
            switch header.opcode {
            case .initialize:
                let out = InitOut {
                    $0.major = 7
                    $0.minor = 31
                    $0.maxWrite = 4096
                }
                body = out.withBytes { Array($0) }
            case .getattr:
                var out = AttrOut()
                out.attributes.inode = 1
                out.attributes.mode = UInt32(S_IFDIR) | 0o755
                out.attributes.linkCount = 2
                body = out.withBytes { Array($0) }
            case .statfs: body = StatfsOut().withBytes { Array($0) }
            default: error = -ENOSYS
            }
            let out = OutHeader {
                $0.length = UInt32(OutHeader.byteCount + body.count)
                $0.error = error
                $0.unique = header.unique
            }
            let reply = out.withBytes { Array($0) } + body
            _ = write(device, reply, reply.count)
        }
    }
}

/// One share whose host has failed takes no other with it.
@Suite struct FailingHostTests {
    @Test(arguments: [false, true])
    func leavesAChildOutOfAListingWhoseHostFails(plus: Bool) throws {
        let host = try HostDirectory()
        for name in ["a", "b", "c"] { host.directory(name).file("\(name)/file", name) }
        guard let failing = try FailingFileSystem(at: host.path("b")) else { return }
        let aggregate = try Aggregate(access: .readWrite)
        for name in ["a", "b", "c"] {
            try aggregate.addChild(name: name, hostPath: FilePath(host.path(name)), access: .readWrite)
        }
        let guest = try GuestClient(aggregate)
        #expect(try guest.list(.root, plus: plus).map(\.name) == [".", "..", "a", "b", "c"])

        failing.fail()

        #expect(try guest.list(.root, plus: plus).map(\.name) == [".", "..", "a", "c"])
        #expect(refusal { _ = try guest.lookup("b", in: .root) } == Errno(rawValue: ENOTCONN))
        _ = try guest.walk("a/file")
        _ = try guest.walk("c/file")
        try aggregate.removeChild(named: "b", revoke: true)
    }
}
