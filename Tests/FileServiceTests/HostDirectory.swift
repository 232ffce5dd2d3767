import CLinux
import FUSE
import FileService
import Glibc
import SystemPackage
import Testing

/// A directory on the host for one test, removed with everything in it when the test is done.
final class HostDirectory {
    let path: FilePath

    init() throws {
        var template = Array("/tmp/sheaf-test-XXXXXX".utf8CString)
        let made = mkdtemp(&template) != nil
        try #require(made)
        path = FilePath(String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
        chmod(path.string, 0o755)
    }

    deinit {
        let directory = Glibc.open(path.string, O_RDONLY | O_DIRECTORY)
        if directory >= 0 { HostDirectory.empty(directory) }
        Glibc.rmdir(path.string)
    }

    /// Removes what is in a directory and closes it. By descriptor and raw name: a guest may have made names that are no
    /// text, and directories that nobody may enter.
    private static func empty(_ directory: CInt) {
        guard let stream = fdopendir(directory) else { return }
        while let entry = readdir(stream) {
            withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                    if strcmp(name, ".") == 0 || strcmp(name, "..") == 0 { return }
                    guard entry.pointee.d_type == UInt8(DT_DIR) else {
                        Glibc.unlinkat(directory, name, 0)
                        return
                    }
                    fchmodat(directory, name, 0o700, 0)
                    let inner = Glibc.openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
                    if inner >= 0 { empty(inner) }
                    Glibc.unlinkat(directory, name, AT_REMOVEDIR)
                }
            }
        }
        closedir(stream)
    }

    func path(_ name: String) -> String { "\(path)/\(name)" }

    @discardableResult
    func directory(_ name: String) -> HostDirectory {
        Glibc.mkdir(path(name), 0o755)
        return self
    }

    @discardableResult
    func file(_ name: String, _ content: String = "") -> HostDirectory {
        let descriptor = Glibc.open(path(name), O_CREAT | O_WRONLY | O_TRUNC, 0o644)
        _ = content.withCString { Glibc.write(descriptor, $0, strlen($0)) }
        Glibc.close(descriptor)
        return self
    }

    @discardableResult
    func link(_ name: String, to target: String) -> HostDirectory {
        Glibc.symlink(target, path(name))
        return self
    }

    func content(_ name: String) -> String? {
        let descriptor = Glibc.open(path(name), O_RDONLY | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { Glibc.close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
    }

    func status(_ name: String) -> stat? {
        var found = stat()
        return lstat(path(name), &found) == 0 ? found : nil
    }

    /// The value of an extended attribute; nil when there is none.
    func attribute(_ attribute: String, of name: String) -> [UInt8]? {
        var value = [UInt8](repeating: 0, count: 65_536)
        return held(name) { cl_getxattr_held($0, attribute, &value, value.count) }.flatMap {
            $0 < 0 ? nil : Array(value.prefix($0))
        }
    }

    /// Whether an extended attribute could be set.
    func setAttribute(_ attribute: String, _ value: [UInt8], of name: String) -> Bool {
        held(name) { cl_setxattr_held($0, attribute, value, value.count, 0) } == 0
    }

    /// Runs a call on what has a name, a link too.
    private func held<R>(_ name: String, _ call: (CInt) -> R) -> R? {
        let number = cl_openat(CL_AT_FDCWD, path(name), CL_O_PATH | O_NOFOLLOW, 0)
        guard number >= 0 else { return nil }
        defer { _ = cl_close(number) }
        return call(number)
    }

    func exists(_ name: String) -> Bool { status(name) != nil }

    /// How many descriptors of this process are of files in here.
    func openDescriptors() -> Int {
        guard let stream = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(stream) }
        var count = 0
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var target = [CChar](repeating: 0, count: 4096)
            let length = Glibc.readlink("/proc/self/fd/\(name)", &target, target.count)
            let bytes = target.prefix(max(length, 0)).map(UInt8.init(bitPattern:))
            if String(decoding: bytes, as: UTF8.self).hasPrefix(path.string) { count += 1 }
        }
        return count
    }

    /// An aggregate with this directory as its one share, "share".
    func aggregate(_ access: Access = .readWrite) throws -> Aggregate {
        let aggregate = try Aggregate(access: access)
        try aggregate.addChild(name: "share", hostPath: path, access: access)
        return aggregate
    }
}

/// A host directory as the one share of an aggregate, a guest that uses it, and the node of the share's root.
func makeShare(
    _ access: Access = .readWrite, _ prepare: (HostDirectory) -> Void = { _ in }
) throws -> (HostDirectory, GuestClient, NodeID) {
    let host = try HostDirectory()
    prepare(host)
    let guest = try GuestClient(host.aggregate(access))
    guest.host = host
    return (host, guest, try guest.walk("share"))
}
