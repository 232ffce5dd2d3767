import CSystemCall

/// Calls on what is said of a file: status, mode, owner, times, extended attributes.
extension Suite {
    /// statx(2) of a path, links not followed.
    func status(_ path: Path, follow: Bool = false) -> (answer: Answer, found: statx) {
        path.withAddress { status($0, Int(AT_FDCWD), follow ? 0 : AT_SYMLINK_NOFOLLOW) }
    }

    func status(_ file: Answer) -> (answer: Answer, found: statx) {
        Path("").withAddress { status($0, file.value, AT_EMPTY_PATH) }
    }

    private func status(_ path: Int, _ directory: Int, _ flags: CInt) -> (answer: Answer, found: statx) {
        var found = statx()
        let answer = withUnsafeMutablePointer(to: &found) {
            // STATX_BASIC_STATS and STATX_BTIME.
            Suite.call(SYS_statx, directory, path, Int(flags), 0xFFF, Int(bitPattern: $0))
        }
        return (answer, found)
    }

    /// Type, mode, links and size.
    func shown(_ path: Path) -> String { Suite.shown(status(path)) }

    func shown(_ file: Answer) -> String { Suite.shown(status(file)) }

    private static func shown(_ status: (answer: Answer, found: statx)) -> String {
        guard status.answer.isSuccess else { return status.answer.description }
        let found = status.found
        let size = found.stx_mode & 0o170000 == 0o040000 ? "" : " size=\(found.stx_size)"
        return "\(type(found.stx_mode)) \(octal(found.stx_mode)) links=\(found.stx_nlink)\(size)"
    }

    private static func type(_ mode: UInt16) -> String {
        switch mode & 0o170000 {
        case 0o010000: "fifo"
        case 0o020000: "character"
        case 0o040000: "directory"
        case 0o060000: "block"
        case 0o100000: "file"
        case 0o120000: "link"
        case 0o140000: "socket"
        default: "unknown"
        }
    }

    private static func octal(_ mode: UInt16) -> String { String(mode & 0o7777, radix: 8) }

    /// The permission bits.
    func mode(_ path: Path) -> String {
        let status = status(path)
        return status.answer.isSuccess ? Suite.octal(status.found.stx_mode) : status.answer.description
    }

    func size(_ path: Path) -> String {
        let status = status(path)
        return status.answer.isSuccess ? "\(status.found.stx_size)" : status.answer.description
    }

    func links(_ path: Path) -> String {
        let status = status(path)
        return status.answer.isSuccess ? "\(status.found.stx_nlink)" : status.answer.description
    }

    func owner(_ path: Path) -> String {
        let status = status(path)
        return status.answer.isSuccess ? "\(status.found.stx_uid):\(status.found.stx_gid)" : status.answer.description
    }

    func inode(_ path: Path) -> UInt64 { status(path).found.stx_ino }

    @discardableResult
    func chmod(_ path: Path, _ mode: Int) -> Answer {
        path.withAddress { Suite.call(SYS_fchmodat, Int(AT_FDCWD), $0, mode) }
    }

    @discardableResult
    func fchmod(_ file: Answer, _ mode: Int) -> Answer { Suite.call(SYS_fchmod, file.value, mode) }

    /// An id of -1 leaves what is there. Links are not followed.
    @discardableResult
    func chown(_ path: Path, _ user: Int, _ group: Int) -> Answer {
        path.withAddress { Suite.call(SYS_fchownat, Int(AT_FDCWD), $0, user, group, Int(AT_SYMLINK_NOFOLLOW)) }
    }

    @discardableResult
    func fchown(_ file: Answer, _ user: Int, _ group: Int) -> Answer {
        Suite.call(SYS_fchown, file.value, user, group)
    }

    /// access(2) with the effective ids left aside.
    func access(_ path: Path, _ mode: Int) -> Answer {
        path.withAddress { Suite.call(SYS_faccessat, Int(AT_FDCWD), $0, mode) }
    }

    // MARK: Times

    /// utimensat(2): seconds and nanoseconds of the access, then of the modification. Links are not followed.
    @discardableResult
    func setTimes(_ path: Path, _ access: (Int, Int), _ modification: (Int, Int)) -> Answer {
        let times = [access.0, access.1, modification.0, modification.1]
        return path.withAddress { path in
            times.withUnsafeBytes {
                Suite.call(
                    SYS_utimensat, Int(AT_FDCWD), path, Int(bitPattern: $0.baseAddress), Int(AT_SYMLINK_NOFOLLOW))
            }
        }
    }

    /// utimensat(2) with no times: both are now.
    func setTimesToNow(_ path: Path) -> Answer {
        path.withAddress { Suite.call(SYS_utimensat, Int(AT_FDCWD), $0, 0, 0) }
    }

    func times(_ path: Path) -> String {
        let found = status(path).found
        return
            "a=\(found.stx_atime.tv_sec).\(found.stx_atime.tv_nsec) m=\(found.stx_mtime.tv_sec).\(found.stx_mtime.tv_nsec)"
    }

    /// What of a path's times an operation changes: of `atime mtime ctime`.
    func touched(_ path: Path, _ body: () -> Answer) -> String { touched([path], body) }

    /// The same of several paths, each with its name.
    func touched(_ paths: [Path], _ body: () -> Answer) -> String {
        let before = paths.map { status($0).found }
        pause()
        let answer = body()
        // What is gone is not compared.
        let changes = zip(paths, before).map { path, before in
            let after = status(path)
            guard after.answer.isSuccess, after.found.stx_ino == before.stx_ino else { return "\(path) is another" }
            var changed: [String] = []
            if Suite.differ(before.stx_atime, after.found.stx_atime) { changed.append("atime") }
            if Suite.differ(before.stx_mtime, after.found.stx_mtime) { changed.append("mtime") }
            if Suite.differ(before.stx_ctime, after.found.stx_ctime) { changed.append("ctime") }
            return "\(path) " + (changed.isEmpty ? "unchanged" : changed.joined(separator: "+"))
        }
        return "\(answer), " + changes.joined(separator: ", ")
    }

    static func differ(_ one: statx_timestamp, _ other: statx_timestamp) -> Bool {
        one.tv_sec != other.tv_sec || one.tv_nsec != other.tv_nsec
    }

    static func isBefore(_ one: statx_timestamp, _ other: statx_timestamp) -> Bool {
        (one.tv_sec, one.tv_nsec) < (other.tv_sec, other.tv_nsec)
    }

    /// Waits for longer than a tick of the clock of files.
    func pause(milliseconds: Int = 25) {
        let time = [milliseconds / 1000, milliseconds % 1000 * 1_000_000]
        time.withUnsafeBytes { _ = Suite.call(SYS_nanosleep, Int(bitPattern: $0.baseAddress)) }
    }

    // MARK: Extended attributes

    @discardableResult
    func setAttribute(_ path: Path, _ name: Path, _ value: [UInt8], _ flags: Int = 0) -> Answer {
        path.withAddress { path in
            name.withAddress { name in
                value.withUnsafeBytes {
                    Suite.call(SYS_lsetxattr, path, name, Int(bitPattern: $0.baseAddress), value.count, flags)
                }
            }
        }
    }

    @discardableResult
    func setAttribute(_ path: Path, _ name: Path, _ value: String, _ flags: Int = 0) -> Answer {
        setAttribute(path, name, Array(value.utf8), flags)
    }

    /// A value, or its size where there is no room for any.
    func attribute(_ path: Path, _ name: Path, size: Int = 65536) -> String {
        var buffer = [UInt8](repeating: 0, count: max(size, 1))
        let got = path.withAddress { path in
            name.withAddress { name in
                buffer.withUnsafeMutableBytes {
                    Suite.call(SYS_lgetxattr, path, name, Int(bitPattern: $0.baseAddress), size)
                }
            }
        }
        return got.isSuccess && size > 0 ? Suite.shown(buffer[..<got.value]) : got.number
    }

    /// The names of all attributes but those that the system of the machine adds, in order.
    func attributes(_ path: Path, size: Int = 65536) -> String {
        var buffer = [UInt8](repeating: 0, count: max(size, 1))
        let got = path.withAddress { path in
            buffer.withUnsafeMutableBytes { Suite.call(SYS_llistxattr, path, Int(bitPattern: $0.baseAddress), size) }
        }
        guard got.isSuccess, size > 0 else { return got.number }
        let names = buffer[..<got.value].split(separator: 0).map { Path(Array($0)).description }
        return "[" + names.filter { $0 != "security.selinux" }.sorted().joined(separator: " ") + "]"
    }

    @discardableResult
    func removeAttribute(_ path: Path, _ name: Path) -> Answer {
        path.withAddress { path in name.withAddress { Suite.call(SYS_lremovexattr, path, $0) } }
    }
}
