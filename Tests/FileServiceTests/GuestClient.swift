import CLinux
import FUSE
import FileService
import Glibc
import SystemPackage
import Testing

/// The guest's side of a device without a ring: requests and replies lie in plain memory.
///
/// It judges every reply as strictly as Linux 7 does, and counts the references it was given.
final class GuestClient {
    let aggregate: Aggregate
    let dispatcher: RequestDispatcher
    var uid: UInt32 = getuid()
    var gid: UInt32 = getgid()
    /// The sizes of the pieces that requests and replies are split into; the last one repeats. Nil: one piece.
    var pieces: [Int]?
    /// The host directory that the guest uses, kept for as long as the guest.
    var host: HostDirectory?
    private var lastUnique: UInt64 = 0

    /// Makes a client on a lane and begins a session.
    init(_ aggregate: Aggregate, begin: Bool = true, lane: Int = 0) throws {
        self.aggregate = aggregate
        dispatcher = RequestDispatcher(aggregate: aggregate, lane: lane)
        if begin { try initialize() }
    }

    // MARK: Bytes

    private func split(_ memory: UnsafeMutableRawBufferPointer) -> [iovec] {
        guard let pieces else { return [iovec(iov_base: memory.baseAddress, iov_len: memory.count)] }
        var parts: [iovec] = []
        var offset = 0
        while offset < memory.count {
            let piece = min(pieces[min(parts.count, pieces.count - 1)], memory.count - offset)
            parts.append(iovec(iov_base: memory.baseAddress.map { $0 + offset }, iov_len: piece))
            offset += piece
        }
        return parts
    }

    /// Sends bytes as they are; returns what the device wrote. With a ticket, as a thread of the pool would serve them.
    func exchange(_ bytes: [UInt8], room: Int, ticket: SessionTicket? = nil) -> [UInt8] {
        let request = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        let reply = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 1)
        defer {
            request.deallocate()
            reply.deallocate()
        }
        request.copyBytes(from: bytes)
        reply.initializeMemory(as: UInt8.self, repeating: 0xEE)
        let written = split(request).withUnsafeBufferPointer { readable in
            split(reply).withUnsafeBufferPointer { writable in
                Int(
                    ticket.map { dispatcher.dispatch(readable: readable, writable: writable, ticket: $0) }
                        ?? dispatcher.dispatch(readable: readable, writable: writable))
            }
        }
        return Array(reply[..<written])
    }

    /// Sends a request that may have to wait; what the device wrote, or what brings the answer.
    func exchangeOrWait(_ bytes: [UInt8]) -> ([UInt8], LockWait?) {
        var request = bytes
        var reply = [UInt8](repeating: 0xEE, count: OutHeader.byteCount)
        let (length, wait) = request.withUnsafeMutableBytes { request in
            reply.withUnsafeMutableBytes { reply in
                split(request).withUnsafeBufferPointer { readable in
                    split(reply).withUnsafeBufferPointer { writable in
                        dispatcher.dispatchOrWait(readable: readable, writable: writable)
                    }
                }
            }
        }
        return (Array(reply[..<Int(length)]), wait)
    }

    func nextUnique() -> UInt64 {
        lastUnique += 1
        return lastUnique
    }

    func request(_ opcode: Opcode, _ node: NodeID = .root) -> RequestMessage {
        RequestMessage(opcode, node: node, unique: nextUnique(), uid: uid, gid: gid, pid: 1)
    }

    /// Sends a request; the reply must be one that Linux accepts.
    func send(
        _ message: RequestMessage, room: Int = 4096, ticket: SessionTicket? = nil
    ) throws -> ReplyMessage {
        let bytes = exchange(message.bytes, room: room + OutHeader.byteCount, ticket: ticket)
        let unique = message.bytes.withUnsafeBytes { InHeader(copying: $0)?.unique ?? 0 }
        return try #require(bytes.withUnsafeBytes { ReplyMessage($0, unique: unique) })
    }

    /// Sends a request whose reply is one structure.
    func ask<S: WireStructure>(_ message: RequestMessage, _ type: S.Type = S.self) throws -> S {
        let reply = try send(message, room: S.byteCount)
        if let errno = reply.errno { throw errno }
        return try #require(reply.structure(S.self))
    }

    /// Sends a request whose reply is empty.
    func order(_ message: RequestMessage) throws {
        let reply = try send(message, room: 0)
        if let errno = reply.errno { throw errno }
        #expect(reply.body.isEmpty)
    }

    // MARK: Requests

    @discardableResult
    func initialize() throws -> InitOut {
        let hello = InitIn {
            $0.major = 7
            $0.minor = 41
            $0.maxReadahead = 131_072
            $0.flags = 0x7BFF_FFFB
        }
        return try ask(request(.initialize).adding(hello).adding(InitExtension { $0.flags2 = 0x1FF }))
    }

    /// - Throws: ENOENT also where the reply is that the name is not there, which Linux takes for the same.
    func lookup(_ name: String, in parent: NodeID = .root) throws -> EntryOut {
        let entry: EntryOut = try ask(request(.lookup, parent).adding(name: name))
        if entry.node == .none { throw Errno.noSuchFileOrDirectory }
        return entry
    }

    /// Walks down several names.
    func walk(_ path: String) throws -> NodeID {
        var node = NodeID.root
        for name in path.split(separator: "/") { node = try lookup(String(name), in: node).node }
        return node
    }

    func forget(_ node: NodeID, _ count: UInt64 = 1) {
        #expect(exchange(request(.forget, node).adding(ForgetIn { $0.count = count }).bytes, room: 64).isEmpty)
    }

    func getattr(_ node: NodeID, handle: HandleID? = nil) throws -> Attr {
        let body = GetattrIn {
            $0.flags = handle == nil ? 0 : 1
            $0.handle = handle ?? .none
        }
        return try ask(request(.getattr, node).adding(body), AttrOut.self).attributes
    }

    func setattr(_ node: NodeID, _ fill: (inout SetattrIn) -> Void) throws -> Attr {
        try ask(request(.setattr, node).adding(SetattrIn(fill)), AttrOut.self).attributes
    }

    func open(_ node: NodeID, _ flags: CInt = O_RDONLY) throws -> OpenOut {
        try ask(request(.open, node).adding(OpenIn { $0.flags = UInt32(bitPattern: flags) }))
    }

    func create(_ name: String, in parent: NodeID, flags: CInt = O_RDWR, mode: UInt32 = 0o644) throws -> CreateOut {
        let body = CreateIn {
            $0.flags = UInt32(bitPattern: flags | O_CREAT)
            $0.mode = mode | 0o100000
        }
        return try ask(request(.create, parent).adding(body).adding(name: name))
    }

    func read(_ node: NodeID, _ handle: HandleID, offset: UInt64 = 0, size: Int = 4096) throws -> [UInt8] {
        let body = ReadIn {
            $0.handle = handle
            $0.offset = offset
            $0.size = UInt32(size)
        }
        let reply = try send(request(.read, node).adding(body), room: size)
        if let errno = reply.errno { throw errno }
        return reply.body
    }

    @discardableResult
    func write(
        _ node: NodeID, _ handle: HandleID, _ bytes: [UInt8], offset: UInt64 = 0, flags: CInt = O_RDWR,
        writeFlags: WriteFlags = []
    ) throws -> Int {
        let body = WriteIn {
            $0.handle = handle
            $0.offset = offset
            $0.size = UInt32(bytes.count)
            $0.flags = UInt32(bitPattern: flags)
            $0.writeFlags = writeFlags
        }
        return Int(try ask(request(.write, node).adding(body).adding(bytes: bytes), WriteOut.self).size)
    }

    func release(_ node: NodeID, _ handle: HandleID, directory: Bool = false) throws {
        try order(request(directory ? .releasedir : .release, node).adding(ReleaseIn { $0.handle = handle }))
    }

    func mkdir(_ name: String, in parent: NodeID, mode: UInt32 = 0o755) throws -> EntryOut {
        try ask(request(.mkdir, parent).adding(MkdirIn { $0.mode = mode }).adding(name: name))
    }

    func mknod(_ name: String, in parent: NodeID, mode: UInt32, device: UInt32 = 0) throws -> EntryOut {
        try ask(
            request(.mknod, parent).adding(
                MknodIn {
                    $0.mode = mode; $0.device = device
                }
            ).adding(name: name))
    }

    func symlink(_ name: String, to target: String, in parent: NodeID) throws -> EntryOut {
        try ask(request(.symlink, parent).adding(name: name).adding(name: target))
    }

    func readlink(_ node: NodeID) throws -> String {
        let reply = try send(request(.readlink, node))
        if let errno = reply.errno { throw errno }
        return String(decoding: reply.body, as: UTF8.self)
    }

    func link(_ node: NodeID, to name: String, in parent: NodeID) throws -> EntryOut {
        try ask(request(.link, parent).adding(LinkIn { $0.target = node }).adding(name: name))
    }

    func unlink(_ name: String, in parent: NodeID) throws {
        try order(request(.unlink, parent).adding(name: name))
    }

    func rmdir(_ name: String, in parent: NodeID) throws {
        try order(request(.rmdir, parent).adding(name: name))
    }

    func rename(
        _ name: String, in parent: NodeID, to newName: String, in newParent: NodeID, flags: UInt32? = nil
    ) throws {
        let message =
            if let flags {
                request(.rename2, parent).adding(
                    Rename2In {
                        $0.newParent = newParent
                        $0.flags = flags
                    })
            } else {
                request(.rename, parent).adding(RenameIn { $0.newParent = newParent })
            }
        try order(message.adding(name: name).adding(name: newName))
    }

    // MARK: Directories

    struct Listed {
        let name: String
        let inode: UInt64
        let cookie: UInt64
        let type: UInt32
        let found: EntryOut?
    }

    func opendir(_ node: NodeID) throws -> HandleID {
        try ask(request(.opendir, node).adding(OpenIn()), OpenOut.self).handle
    }

    /// One READDIR or READDIRPLUS.
    func readdir(
        _ node: NodeID, _ handle: HandleID, from offset: UInt64 = 0, size: Int = 4096, plus: Bool = false
    ) throws -> [Listed] {
        let body = ReadIn {
            $0.handle = handle
            $0.offset = offset
            $0.size = UInt32(size)
        }
        let reply = try send(request(plus ? .readdirplus : .readdir, node).adding(body), room: size)
        if let errno = reply.errno { throw errno }
        return reply.body.withUnsafeBytes { bytes in
            var decoder = DirectoryDecoder(bytes, plus: plus)
            var listed: [Listed] = []
            while let element = decoder.next() {
                listed.append(
                    Listed(
                        name: String(decoding: element.name, as: UTF8.self), inode: element.entry.inode,
                        cookie: element.entry.cookie, type: element.entry.type, found: element.found))
            }
            return listed
        }
    }

    /// A whole listing.
    func list(_ node: NodeID, size: Int = 4096, plus: Bool = false) throws -> [Listed] {
        let handle = try opendir(node)
        var all: [Listed] = []
        while true {
            let some = try readdir(node, handle, from: all.last?.cookie ?? 0, size: size, plus: plus)
            if some.isEmpty { break }
            all += some
        }
        try release(node, handle, directory: true)
        return all
    }

    // MARK: Extended attributes

    func setxattr(_ node: NodeID, _ name: String, _ value: [UInt8], flags: UInt32 = 0) throws {
        let body = SetxattrIn {
            $0.size = UInt32(value.count)
            $0.flags = flags
        }
        try order(request(.setxattr, node).adding(body).adding(name: name).adding(bytes: value))
    }

    func getxattr(_ node: NodeID, _ name: String, size: Int = 1024) throws -> [UInt8] {
        let reply = try send(
            request(.getxattr, node).adding(GetxattrIn { $0.size = UInt32(size) }).adding(name: name),
            room: max(size, 8))
        if let errno = reply.errno { throw errno }
        return reply.body
    }

    func listxattr(_ node: NodeID, size: Int = 1024) throws -> [UInt8] {
        let reply = try send(
            request(.listxattr, node).adding(GetxattrIn { $0.size = UInt32(size) }), room: max(size, 8))
        if let errno = reply.errno { throw errno }
        return reply.body
    }
}

/// The errno that something was refused with; nil when it went through.
func refusal(_ body: () throws -> Void) -> Errno? {
    do {
        try body()
        return nil
    } catch {
        return error as? Errno ?? Errno(rawValue: -1)
    }
}
