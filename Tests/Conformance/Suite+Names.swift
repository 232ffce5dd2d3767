import CSystemCall

/// Calls that make, move and remove names. A descriptor is an `Answer`: what failed to open fails again with EBADF.
extension Suite {
    private func with(_ path: Path, _ call: (Int) -> Answer) -> Answer { path.withAddress(call) }

    private func with(_ one: Path, _ other: Path, _ call: (Int, Int) -> Answer) -> Answer {
        one.withAddress { first in other.withAddress { call(first, $0) } }
    }

    private static var here: Int { Int(AT_FDCWD) }

    @discardableResult
    func mkdir(_ path: Path, _ mode: Int = 0o755) -> Answer {
        with(path) { Suite.call(SYS_mkdirat, Suite.here, $0, mode) }
    }

    @discardableResult
    func mknod(_ path: Path, _ mode: Int, _ device: Int = 0) -> Answer {
        with(path) { Suite.call(SYS_mknodat, Suite.here, $0, mode, device) }
    }

    @discardableResult
    func mkfifo(_ path: Path, _ mode: Int = 0o644) -> Answer { mknod(path, Int(S_IFIFO) | mode) }

    @discardableResult
    func symlink(_ target: Path, _ path: Path) -> Answer {
        with(target, path) { Suite.call(SYS_symlinkat, $0, Suite.here, $1) }
    }

    @discardableResult
    func link(_ path: Path, _ new: Path, _ flags: CInt = 0) -> Answer {
        with(path, new) { Suite.call(SYS_linkat, Suite.here, $0, Suite.here, $1, Int(flags)) }
    }

    /// Names what is open, as linkat(2) has it for O_TMPFILE.
    func link(descriptor: Answer, _ new: Path) -> Answer {
        with(Path("/proc/self/fd/\(descriptor.value)"), new) {
            Suite.call(SYS_linkat, Suite.here, $0, Suite.here, $1, Int(AT_SYMLINK_FOLLOW))
        }
    }

    @discardableResult
    func unlink(_ path: Path) -> Answer { with(path) { Suite.call(SYS_unlinkat, Suite.here, $0, 0) } }

    @discardableResult
    func rmdir(_ path: Path) -> Answer { with(path) { Suite.call(SYS_unlinkat, Suite.here, $0, Int(AT_REMOVEDIR)) } }

    @discardableResult
    func rename(_ old: Path, _ new: Path) -> Answer {
        with(old, new) { Suite.call(SYS_renameat2, Suite.here, $0, Suite.here, $1, 0) }
    }

    @discardableResult
    func rename(_ old: Path, _ new: Path, flags: csc_rename) -> Answer {
        with(old, new) { Suite.call(SYS_renameat2, Suite.here, $0, Suite.here, $1, Int(flags.rawValue)) }
    }

    @discardableResult
    func rename(_ old: Path, _ new: Path, flags: Int) -> Answer {
        with(old, new) { Suite.call(SYS_renameat2, Suite.here, $0, Suite.here, $1, flags) }
    }

    @discardableResult
    func chdir(_ path: Path) -> Answer { with(path) { Suite.call(SYS_chdir, $0) } }

    /// Binds a unix socket at a path.
    @discardableResult
    func bind(_ path: Path) -> Answer {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.bytes.prefix(107)) }
        let socket = Suite.call(SYS_socket, Int(AF_UNIX), Int(SOCK_STREAM.rawValue))
        return withUnsafeBytes(of: &address) {
            Suite.call(SYS_bind, socket.value, Int(bitPattern: $0.baseAddress), $0.count)
        }
    }

    /// Makes a regular file that holds a text.
    @discardableResult
    func file(_ path: Path, _ text: String = "", mode: Int = 0o644) -> Answer {
        let opened = open(path, O_CREAT | O_WRONLY | O_TRUNC, mode)
        if !text.isEmpty { write(opened, text) }
        close(opened)
        return opened
    }

    /// The target of a symbolic link.
    func readlink(_ path: Path, size: Int = 8192) -> String {
        var buffer = [UInt8](repeating: 0, count: size)
        let got = with(path) { path in
            buffer.withUnsafeMutableBytes {
                Suite.call(SYS_readlinkat, Suite.here, path, Int(bitPattern: $0.baseAddress), size)
            }
        }
        return got.isSuccess ? Path(Array(buffer[..<got.value])).description : got.description
    }

    /// The entries of a directory in order of their names, but for the two that each has; separated by spaces.
    func names(_ path: Path = ".") -> String {
        let opened = open(path, O_RDONLY | O_DIRECTORY)
        guard opened.isSuccess else { return opened.description }
        defer { close(opened) }
        let entries = entries(opened).filter { $0.name != "." && $0.name != ".." }
        return "[" + entries.map { $0.name.description }.sorted().joined(separator: " ") + "]"
    }

    /// Removes a path and everything below it, whatever it forbids and however deep it is.
    func remove(_ path: Path) { remove(path, in: Suite.here) }

    private func remove(_ name: Path, in parent: Int) {
        name.withAddress { name in
            if Suite.call(SYS_unlinkat, parent, name, 0).isSuccess { return }
            Suite.call(SYS_fchmodat, parent, name, 0o700)
            let flags = Int(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            let opened = Suite.call(SYS_openat, parent, name, flags)
            if opened.isSuccess {
                for entry in entries(opened) where entry.name != "." && entry.name != ".." {
                    remove(entry.name, in: opened.value)
                }
            }
            close(opened)
            Suite.call(SYS_unlinkat, parent, name, Int(AT_REMOVEDIR))
        }
    }
}

/// An entry of a directory.
struct Entry {
    let inode: UInt64
    /// The place after it.
    let cookie: Int
    let type: UInt8
    let name: Path
}

extension Suite {
    /// All entries from a directory's present position on.
    func entries(_ directory: Answer, buffer size: Int = 16384) -> [Entry] {
        var entries: [Entry] = []
        while true {
            let more = someEntries(directory, buffer: size)
            if more.isEmpty { return entries }
            entries += more
        }
    }

    /// What one getdents64(2) gives.
    func someEntries(_ directory: Answer, buffer size: Int) -> [Entry] {
        var buffer = [UInt8](repeating: 0, count: size)
        let filled = buffer.withUnsafeMutableBytes {
            Suite.call(SYS_getdents64, directory.value, Int(bitPattern: $0.baseAddress), size)
        }
        var entries: [Entry] = []
        var offset = 0
        buffer.withUnsafeBytes { bytes in
            while offset + 19 < filled.value {
                let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 16, as: UInt16.self))
                let name = bytes[(offset + 19)..<(offset + length)].prefix { $0 != 0 }
                entries.append(
                    Entry(
                        inode: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self),
                        cookie: bytes.loadUnaligned(fromByteOffset: offset + 8, as: Int.self),
                        type: bytes[offset + 18], name: Path(Array(name))))
                offset += length
            }
        }
        return entries
    }
}
