import FUSE
import SystemPackage

/// Every call throws the server's `Errno`, or a `BackendFault`.
extension FuseClient {
    /// The attributes of a node, by its open file if there is one.
    public func getattr(_ node: NodeID, handle: HandleID? = nil) throws -> AttrOut {
        try call(.getattr, node, returning: AttrOut.self) { request in
            request.append(
                GetattrIn {
                    $0.flags = handle == nil ? 0 : 1
                    $0.handle = handle ?? .none
                })
        }
    }

    /// Changes the attributes that `fill` marks in `fields`.
    public func setattr(_ node: NodeID, _ fill: (inout SetattrIn) -> Void) throws -> AttrOut {
        try call(.setattr, node, returning: AttrOut.self) { $0.append(SetattrIn(fill)) }
    }

    /// Opens a file with `O_*` flags.
    public func open(_ node: NodeID, flags: UInt32 = 0) throws -> OpenOut {
        try call(.open, node, returning: OpenOut.self) { request in request.append(OpenIn { $0.flags = flags }) }
    }

    /// Creates and opens a file; for reading and writing if not told otherwise.
    public func create(
        _ parent: NodeID, _ name: FileName, flags: UInt32 = 2 | 0o100, mode: UInt32 = 0o100644
    ) throws -> CreateOut {
        try call(.create, parent, returning: CreateOut.self) { request in
            request.append(
                CreateIn {
                    $0.flags = flags
                    $0.mode = mode
                    $0.umask = 0o022
                })
            request.append(name)
        }
    }

    /// Reads up to `count` bytes; fewer come only at the end of the file.
    public func read(_ node: NodeID, _ handle: HandleID, at offset: UInt64, count: Int) throws -> [UInt8] {
        try call(opcode: .read, node: node, reply: .data(upTo: count)) { request in
            request.append(
                ReadIn {
                    $0.handle = handle
                    $0.offset = offset
                    $0.size = UInt32(count)
                })
        }.data()
    }

    /// Writes bytes; how many were written.
    public func write(_ node: NodeID, _ handle: HandleID, at offset: UInt64, _ data: [UInt8]) throws -> Int {
        let reply = try call(.write, node, data: data, returning: WriteOut.self) { request in
            request.append(
                WriteIn {
                    $0.handle = handle
                    $0.offset = offset
                    $0.size = UInt32(data.count)
                })
        }
        return Int(reply.size)
    }

    /// What close(2) sends.
    public func flush(_ node: NodeID, _ handle: HandleID) throws {
        try callWithoutResult(.flush, node) { request in request.append(FlushIn { $0.handle = handle }) }
    }

    /// Gives an open file back.
    public func release(_ node: NodeID, _ handle: HandleID) throws {
        try callWithoutResult(.release, node) { request in request.append(ReleaseIn { $0.handle = handle }) }
    }

    /// Waits until a file is on stable storage.
    public func fsync(_ node: NodeID, _ handle: HandleID) throws {
        try callWithoutResult(.fsync, node) { request in request.append(FsyncIn { $0.handle = handle }) }
    }

    /// Finds data or holes.
    public func lseek(_ node: NodeID, _ handle: HandleID, _ offset: UInt64, whence: UInt32) throws -> UInt64 {
        try call(.lseek, node, returning: LseekOut.self) { request in
            request.append(
                LseekIn {
                    $0.handle = handle
                    $0.offset = offset
                    $0.whence = whence
                })
        }.offset
    }

    /// Allocates a range of a file, or punches a hole.
    public func fallocate(
        _ node: NodeID, _ handle: HandleID, _ offset: UInt64, count: UInt64, mode: UInt32 = 0
    ) throws {
        try callWithoutResult(.fallocate, node) { request in
            request.append(
                FallocateIn {
                    $0.handle = handle
                    $0.offset = offset
                    $0.size = count
                    $0.mode = mode
                })
        }
    }

    /// Size and limits of the file system a node is on.
    public func statfs(_ node: NodeID) throws -> StatfsOut {
        try call(.statfs, node, returning: StatfsOut.self)
    }

    /// Checks permissions.
    public func access(_ node: NodeID, mask: UInt32) throws {
        try callWithoutResult(.access, node) { request in request.append(AccessIn { $0.mask = mask }) }
    }
}
