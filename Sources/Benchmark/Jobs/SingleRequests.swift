import FUSE
import Frontend
import Linux
import SystemPackage

/// Attributes of the file.
struct GetattrJob: Job {
    let tree: ServedTree

    mutating func begin(_ client: FuseClient, slot: Int, number: UInt64) throws(BackendFault) -> Bool {
        try client.submit(slot, opcode: .getattr, node: tree.file, reply: .exactly(AttrOut.byteCount)) {
            $0.append(GetattrIn())
        }
        return true
    }

    mutating func proceed(_ client: FuseClient, _ reply: Reply) throws(BackendFault) -> Int? {
        guard let attributes = try? reply.structure(AttrOut.self).attributes,
            attributes.inode == tree.attributes.inode, attributes.size == tree.attributes.size
        else { throw wrong("GETATTR", reply) }
        return 1
    }
}

/// The file by its name.
struct LookupHitJob: Job {
    private static let name = FileName(HostTree.readFile)

    let tree: ServedTree
    private var references: UInt64 = 0

    init(_ tree: ServedTree) { self.tree = tree }

    mutating func begin(_ client: FuseClient, slot: Int, number: UInt64) throws(BackendFault) -> Bool {
        try client.submit(slot, opcode: .lookup, node: tree.directory, reply: .exactly(EntryOut.byteCount)) {
            $0.append(Self.name)
        }
        return true
    }

    mutating func proceed(_ client: FuseClient, _ reply: Reply) throws(BackendFault) -> Int? {
        guard let entry = try? reply.structure(EntryOut.self), entry.node == tree.file,
            entry.attributes.inode == tree.attributes.inode, entry.attributes.size == tree.attributes.size
        else { throw wrong("LOOKUP", reply) }
        references += 1
        return 1
    }

    mutating func settle(_ client: FuseClient, _ forgetter: Forgetter) throws {
        if references > 0 { try forgetter.forget([tree.file], count: references) }
        references = 0
    }
}

/// A name that is not there: an error, or an entry without a node.
struct LookupMissJob: Job {
    private static let name: FileName = "absent"

    let tree: ServedTree

    mutating func begin(_ client: FuseClient, slot: Int, number: UInt64) throws(BackendFault) -> Bool {
        try client.submit(slot, opcode: .lookup, node: tree.directory, reply: .exactly(EntryOut.byteCount)) {
            $0.append(Self.name)
        }
        return true
    }

    mutating func proceed(_ client: FuseClient, _ reply: Reply) throws(BackendFault) -> Int? {
        if reply.error == .noSuchFileOrDirectory { return 1 }
        guard let entry = try? reply.structure(EntryOut.self), entry.node == .none else {
            throw wrong("LOOKUP of a name that does not exist", reply)
        }
        return 1
    }
}

/// The file system of the file.
struct StatfsJob: Job {
    let tree: ServedTree

    mutating func begin(_ client: FuseClient, slot: Int, number: UInt64) throws(BackendFault) -> Bool {
        try client.submit(slot, opcode: .statfs, node: tree.file, reply: .exactly(StatfsOut.byteCount)) { _ in }
        return true
    }

    mutating func proceed(_ client: FuseClient, _ reply: Reply) throws(BackendFault) -> Int? {
        guard let status = try? reply.structure(StatfsOut.self), status.nameLength == 255, status.blocks > 0 else {
            throw wrong("STATFS", reply)
        }
        return 1
    }
}

/// The file's extended attribute.
struct GetxattrJob: Job {
    private static let name = FileName(HostTree.attributeName)
    private static let room = 256

    let tree: ServedTree

    mutating func begin(_ client: FuseClient, slot: Int, number: UInt64) throws(BackendFault) -> Bool {
        try client.submit(slot, opcode: .getxattr, node: tree.file, reply: .data(upTo: Self.room)) { request in
            request.append(GetxattrIn { $0.size = UInt32(Self.room) })
            request.append(Self.name)
        }
        return true
    }

    mutating func proceed(_ client: FuseClient, _ reply: Reply) throws(BackendFault) -> Int? {
        guard reply.error == nil, reply.body.elementsEqual(HostTree.attributeValue) else {
            throw wrong("GETXATTR", reply)
        }
        return 1
    }
}
