internal import CLinux
internal import Glibc
internal import Linux
internal import SystemPackage

/// What a file was when it was looked at: enough to tell that it has been changed or replaced.
struct FileIdentity {
    let status: cl_statx

    /// Looks at what `path` leads to, symlinks followed.
    init(of path: FilePath) throws(Errno) {
        let file = try Descriptor(result: path.withPlatformString { cl_openat(CL_AT_FDCWD, $0, CL_O_PATH, 0) })
        try self.init(of: file.number)
    }

    /// Looks at an open file.
    init(of file: CInt) throws(Errno) {
        var status = cl_statx()
        try checked(cl_statx(file, nil, &status))
        self.status = status
    }

    var isDirectory: Bool { status.mode & UInt32(S_IFMT) == UInt32(S_IFDIR) }
    var isRegularFile: Bool { status.mode & UInt32(S_IFMT) == UInt32(S_IFREG) }

    /// The identity as text, the same for as long as nobody has written to the file or put another one in its place.
    var text: String {
        "\(status.dev_major):\(status.dev_minor):\(status.ino) \(status.size)"
            + " \(status.mtime_sec).\(status.mtime_nsec) \(status.ctime_sec).\(status.ctime_nsec)"
    }
}

/// A regular file that is open for reading, from its start.
///
/// Whatever else stands at the path is not waited for: a guest that may write there can have put a FIFO in its place.
struct HostFile {
    /// The open file.
    let descriptor: SharedDescriptor
    /// What it was when it was opened.
    let identity: FileIdentity

    /// Opens what `path` leads to, symlinks followed.
    init(_ path: FilePath) throws(FileFailure) {
        try self.init(opened: path.withPlatformString { cl_openat(CL_AT_FDCWD, $0, HostFile.flags, 0) })
    }

    /// Takes over what an open has returned: a descriptor, or -errno.
    init(opened result: CInt) throws(FileFailure) {
        do throws(Errno) {
            descriptor = SharedDescriptor(try Descriptor(result: result))
            identity = try FileIdentity(of: descriptor.number)
        } catch {
            throw .system(error)
        }
        guard identity.isRegularFile else { throw .notRegular }
    }

    /// How to open one.
    static let flags = O_RDONLY | O_NONBLOCK | O_NOCTTY

    /// What it has from where it was read to, up to `limit` bytes.
    func contents(limit: Int) throws(FileFailure) -> [UInt8] {
        do {
            return try GuestBoot.contents(of: descriptor.number, limit: limit)
        } catch {
            throw .system(error)
        }
    }

    /// All that it has.
    ///
    /// - Throws: ``FileFailure/tooLarge(limit:)`` where that is more than `most`.
    func contents(atMost most: Int) throws(FileFailure) -> [UInt8] {
        guard identity.status.size <= UInt64(most) else { throw .tooLarge(limit: most) }
        // It may have grown since.
        let bytes = try contents(limit: most + 1)
        guard bytes.count <= most else { throw .tooLarge(limit: most) }
        return bytes
    }
}

/// True where `path` leads to a directory.
func isDirectory(_ path: FilePath) -> Bool { (try? FileIdentity(of: path))?.isDirectory ?? false }

/// True where `path` leads to a regular file, readable or not.
func isRegularFile(_ path: FilePath) -> Bool { (try? FileIdentity(of: path))?.isRegularFile ?? false }

/// Reads what an open file has from its offset on, up to `limit` bytes.
func contents(of file: CInt, limit: Int) throws(Errno) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 256 * 1024)
    while bytes.count < limit {
        let wanted = min(chunk.count, limit - bytes.count)
        let count = try checked(
            chunk.withUnsafeMutableBytes { buffer in
                guard let base = buffer.baseAddress else { return 0 }
                return cl_read(file, base, wanted)
            })
        guard count > 0 else { break }
        bytes.append(contentsOf: chunk[..<count])
    }
    return bytes
}

/// Writes all bytes at an open file's offset.
func write(_ bytes: [UInt8], to file: CInt) throws(Errno) {
    var written = 0
    while written < bytes.count {
        let done = written
        written += try checked(
            bytes.withUnsafeBytes { buffer in
                guard let base = buffer.baseAddress else { return 0 }
                return cl_write(file, base + done, buffer.count - done)
            })
    }
}

/// Makes a directory and those above it that are missing, with mode 0777 less the umask.
func makeDirectories(_ path: FilePath) throws(Errno) {
    guard !isDirectory(path) else { return }
    let parent = path.removingLastComponent()
    if !parent.isEmpty { try makeDirectories(parent) }
    // Somebody else may have made it in the meantime.
    if path.withPlatformString({ mkdir($0, 0o777) }) != 0, errno != EEXIST { throw Errno(rawValue: errno) }
}
