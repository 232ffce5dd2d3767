import CLinux
import FUSE
import FileService
import Glibc
import Linux
import Sandbox
import SystemPackage
import TestSupport

/// A guest's requests, one after the other, to an aggregate with one share of a small tree.
///
/// Before each come a byte that says how the buffers are cut and how much room there is for the reply, and the request's
/// length. The tree is the same for every input, and so are the numbers that nodes and handles get.
final class FuseTarget: FuzzTarget {
    private let directory: HostFolder
    /// What no guest has any business with.
    private let outside: HostFolder
    private let untouched: [String: String]

    /// Works in TMPDIR, which has to be a directory of its own: nobody is there to clean up when a crash has been found.
    init() throws {
        guard let place = getenv("TMPDIR") else { throw Errno.noSuchFileOrDirectory }
        directory = HostFolder(String(cString: place))
        if geteuid() == 0 {
            // What escapes from the share shall find little that it may do.
            let nobody: uid_t = 65_534
            guard chown(directory.path, nobody, nobody) == 0, setgroups(0, nil) == 0,
                setgid(nobody) == 0, setuid(nobody) == 0
            else { throw Errno(rawValue: errno) }
        }
        var limit = rlimit(rlim_cur: 1 << 20, rlim_max: 1 << 20)
        guard setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { throw Errno(rawValue: errno) }
        _ = signal(SIGXFSZ, SIG_IGN)
        _ = try WorkerConfinement(seccomp: .off).enter()
        outside = try directory.makeFolder("outside")
        try outside.write("canary", "alive")
        untouched = try outside.print()
    }

    func run(_ input: FuzzInput) {
        do {
            let share = try directory.makeFolder("share")
            try share.write("file", "content")
            try share.makeFolder("folder").write("inner", "more")
            try share.link("out", to: "../outside")
            let aggregate = try Aggregate(access: .readWrite)
            try aggregate.addChild(name: "share", hostPath: FilePath(share.path), access: .readWrite)
            serve(input, RequestDispatcher(aggregate: aggregate))
            try clear(Array(share.path.utf8))
            require(try directory.names() == ["outside"] && outside.print() == untouched, "outside of the share")
        } catch {
            fatalError("the scene could not be set: \(error)")
        }
    }

    private func serve(_ input: FuzzInput, _ dispatcher: RequestDispatcher) {
        var input = input
        for _ in 0..<64 where !input.isEmpty {
            let shape = input.byte()
            let request = cut(input.bytes(Int(input.short())), Int(shape & 3))
            let room = [4096 + 16, 16, 24, 160, 144, 65_536, 8, 0][Int(shape >> 2 & 7)]
            let reply = cut([UInt8](repeating: 0xEE, count: room), Int(shape >> 5 & 3))
            defer { for piece in request + reply { piece.iov_base.deallocate() } }
            let length = request.withUnsafeBufferPointer { readable in
                reply.withUnsafeBufferPointer { dispatcher.dispatch(readable: readable, writable: $0) }
            }
            check(reply, Int(length), room)
        }
    }

    /// What Linux does not forgive in a reply.
    private func check(_ reply: [iovec], _ length: Int, _ room: Int) {
        guard length > 0 else { return }
        require(
            length >= OutHeader.byteCount && length <= room,
            "a reply of \(length) bytes where there is room for \(room)")
        let bytes = reply.flatMap { Array(UnsafeRawBufferPointer(start: $0.iov_base, count: $0.iov_len)) }
        guard let header = bytes.withUnsafeBytes({ OutHeader(copying: $0) }) else {
            fatalError("a reply without a header")
        }
        require(Int(header.length) == length, "a reply of \(length) bytes says that it has \(header.length)")
        require(header.error <= 0 && header.error > -512, "a reply with the error \(header.error)")
        require(header.error == 0 || length == OutHeader.byteCount, "an error with \(length) bytes")
    }

    /// Copies bytes into pieces of memory, each of exactly its size.
    private func cut(_ bytes: [UInt8], _ way: Int) -> [iovec] {
        let sizes = [[Int.max], [16, 24, .max], [1, 39, 8, .max], [40, 3, 5]][way]
        var pieces: [iovec] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(sizes[min(pieces.count, sizes.count - 1)])
            let memory = UnsafeMutableRawPointer.allocate(byteCount: part.count, alignment: 1)
            Array(part).withUnsafeBytes {
                memory.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(memory), byteCount: part.count)
            }
            pieces.append(iovec(iov_base: memory, iov_len: part.count))
            rest = rest.dropFirst(part.count)
        }
        return pieces
    }

    /// Removes the share, whatever the guest has made of its modes. Its names are any bytes, and no text.
    private func clear(_ path: [UInt8]) throws(Errno) {
        try check(withPath(path) { chmod($0, 0o700) })
        guard let directory = withPath(path, { opendir($0) }) else { throw Errno(rawValue: errno) }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name == [0x2e] || name == [0x2e, 0x2e] { continue }
            let inner = path + [0x2f] + name
            if entry.pointee.d_type == UInt8(DT_DIR) {
                try clear(inner)
            } else {
                try check(withPath(inner) { unlink($0) })
            }
        }
        try check(withPath(path) { rmdir($0) })
    }

    private func withPath<R>(_ path: [UInt8], _ body: (UnsafePointer<CChar>) -> R) -> R {
        (path.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else { fatalError("a path without bytes") }
            return body(start)
        }
    }

    private func check(_ result: CInt) throws(Errno) {
        if result != 0 { throw Errno(rawValue: errno) }
    }
}
