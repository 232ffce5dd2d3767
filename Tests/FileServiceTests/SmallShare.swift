import FUSE
import Glibc

@testable import FileService

/// A share whose guest may make the launcher hold few descriptors.
struct SmallShare {
    static let usualLimit = 64

    let host: HostDirectory
    let guest: GuestClient
    let root: NodeID

    /// Serves what `prepare` makes.
    init(
        limit: Int = usualLimit, _ options: ChildOptions = ChildOptions(), access: Access = .readWrite,
        _ prepare: (HostDirectory) throws -> Void = { _ in }
    ) throws {
        host = try HostDirectory()
        try prepare(host)
        let aggregate = try Aggregate(
            access: access, caching: options.deviceCaching(for: access), descriptorLimit: limit)
        try aggregate.addChild(name: "share", hostPath: host.path, access: access, options: options)
        guest = try GuestClient(aggregate)
        guest.host = host
        root = try guest.walk("share")
    }

    /// A file or directory that the guest has open, and what is in it.
    struct Opened {
        let node: NodeID
        let handle: HandleID
        var text = ""
    }

    func open(_ name: String, in parent: NodeID? = nil, flags: CInt = O_RDWR, text: String = "") throws -> Opened {
        let node = try guest.lookup(name, in: parent ?? root).node
        return Opened(node: node, handle: try guest.open(node, flags).handle, text: text)
    }

    /// Opens the files of directories `d0`, `d1` and so on, each with `f0`, `f1` and so on.
    func openTree(directories: Int, files: Int) throws -> [Opened] {
        try (0..<directories).flatMap { outer in
            let directory = try guest.lookup("d\(outer)", in: root).node
            return try (0..<files).map { try open("f\($0)", in: directory, text: "\(outer)/\($0)") }
        }
    }

    func content(_ file: Opened) throws -> String {
        String(decoding: try guest.read(file.node, file.handle), as: UTF8.self)
    }

    /// Opens and uses so many files that all which can sleep do.
    func tire() throws {
        var files: [Opened] = []
        for index in 0..<200 {
            let made = try guest.create("tire-\(index)", in: root)
            files.append(Opened(node: made.entry.node, handle: made.open.handle))
        }
        for (index, file) in files.enumerated() {
            try guest.write(file.node, file.handle, [1])
            try guest.release(file.node, file.handle)
            try guest.unlink("tire-\(index)", in: root)
            guest.forget(file.node)
        }
    }
}
