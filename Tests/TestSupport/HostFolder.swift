import Glibc
import SystemPackage

/// A directory of the host, as a test sees it: what the backend does to it is checked here, by the host's own calls.
public struct HostFolder: Sendable {
    /// Absolute.
    public let path: String

    /// Names a directory that is there.
    public init(_ path: String) { self.path = path }

    /// The path of something below it.
    public func path(of name: String) -> String { "\(path)/\(name)" }

    /// Makes a directory below it.
    @discardableResult
    public func makeFolder(_ name: String, mode: mode_t = 0o755) throws(Errno) -> HostFolder {
        try Self.check(mkdir(path(of: name), mode))
        return HostFolder(path(of: name))
    }

    /// Makes a file, or replaces its content.
    public func write(_ name: String, _ content: [UInt8]) throws(Errno) {
        let file: FileDescriptor
        do {
            file = try FileDescriptor.open(
                path(of: name), .writeOnly, options: [.create, .truncate],
                permissions: FilePermissions(rawValue: 0o644))
            _ = try file.closeAfter { try file.writeAll(content) }
        } catch {
            throw (error as? Errno) ?? .ioError
        }
    }

    /// Makes a file, or replaces its content.
    public func write(_ name: String, _ text: String) throws(Errno) { try write(name, [UInt8](text.utf8)) }

    /// Makes a symbolic link.
    public func link(_ name: String, to target: String) throws(Errno) {
        try Self.check(symlink(target, path(of: name)))
    }

    /// The whole content of a file.
    public func read(_ name: String) throws(Errno) -> [UInt8] {
        do {
            let file = try FileDescriptor.open(path(of: name), .readOnly)
            return try file.closeAfter {
                let size = Int(try file.seek(offset: 0, from: .end))
                var bytes = [UInt8](repeating: 0, count: size)
                let count = try bytes.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: 0, into: $0) }
                return Array(bytes.prefix(count))
            }
        } catch {
            throw (error as? Errno) ?? .ioError
        }
    }

    /// The whole content of a file, as text.
    public func text(_ name: String) throws(Errno) -> String { String(decoding: try read(name), as: UTF8.self) }

    /// lstat(2) of something below it.
    public func status(_ name: String) throws(Errno) -> stat {
        var status = stat()
        try Self.check(lstat(path(of: name), &status))
        return status
    }

    /// Whether there is something of this name, a dangling link included.
    public func has(_ name: String) -> Bool { (try? status(name)) != nil }

    /// The names in it, sorted, without `.` and `..`.
    public func names() throws(Errno) -> [String] {
        guard let directory = opendir(path) else { throw Errno(rawValue: errno) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// How many descriptors of this process are of it and of what is in it.
    public func openDescriptors() throws(Errno) -> Int {
        let table = HostFolder("/proc/self/fd")
        var count = 0
        for name in try table.names() {
            var target = [CChar](repeating: 0, count: 4096)
            // Gone by now: the one that the names were read through, or another test's.
            let length = readlink(table.path(of: name), &target, target.count)
            let bytes = target.prefix(max(length, 0)).map(UInt8.init(bitPattern:))
            if bytes.starts(with: path.utf8) { count += 1 }
        }
        return count
    }

    /// Removes it and all that is in it, following no link.
    public func remove() throws(Errno) {
        for name in try names() {
            let isFolder = try status(name).st_mode & 0o170000 == 0o040000
            if isFolder {
                try HostFolder(path(of: name)).remove()
            } else {
                try Self.check(Glibc.unlink(path(of: name)))
            }
        }
        try Self.check(rmdir(path))
    }

    private static func check(_ result: CInt) throws(Errno) {
        if result != 0 { throw Errno(rawValue: errno) }
    }
}
