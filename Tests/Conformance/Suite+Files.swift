import CSystemCall

/// Calls on files and what is in them.
extension Suite {
    @discardableResult
    func open(_ path: Path, _ flags: CInt, _ mode: Int = 0o644) -> Answer {
        path.withAddress { Suite.call(SYS_openat, Int(AT_FDCWD), $0, Int(flags | O_CLOEXEC), mode) }
    }

    @discardableResult
    func close(_ file: Answer) -> Answer { Suite.call(SYS_close, file.value) }

    @discardableResult
    func write(_ file: Answer, _ text: String) -> Answer { write(file, Array(text.utf8)) }

    @discardableResult
    func write(_ file: Answer, _ bytes: [UInt8]) -> Answer {
        bytes.withUnsafeBytes { Suite.call(SYS_write, file.value, Int(bitPattern: $0.baseAddress), $0.count) }
    }

    @discardableResult
    func pwrite(_ file: Answer, _ text: String, at offset: Int) -> Answer {
        pwrite(file, Array(text.utf8), at: offset)
    }

    @discardableResult
    func pwrite(_ file: Answer, _ bytes: [UInt8], at offset: Int) -> Answer {
        bytes.withUnsafeBytes {
            Suite.call(SYS_pwrite64, file.value, Int(bitPattern: $0.baseAddress), $0.count, offset)
        }
    }

    /// What is read at an offset: text with NUL bytes as dots, or the error.
    func read(_ file: Answer, _ count: Int = 4096, at offset: Int? = nil) -> String {
        var buffer = [UInt8](repeating: 0, count: count)
        let got = buffer.withUnsafeMutableBytes {
            offset == nil
                ? Suite.call(SYS_read, file.value, Int(bitPattern: $0.baseAddress), count)
                : Suite.call(SYS_pread64, file.value, Int(bitPattern: $0.baseAddress), count, offset ?? 0)
        }
        return got.isSuccess ? Suite.shown(buffer[..<got.value]) : got.description
    }

    /// All that a file holds, by a descriptor opened for it. A FIFO is not waited for.
    func text(_ path: Path) -> String {
        let file = open(path, O_RDONLY | O_NONBLOCK)
        guard file.isSuccess else { return file.description }
        defer { close(file) }
        return read(file, 1 << 16)
    }

    /// Runs of a byte in short: 4096 dots are `.*4096`.
    static func shown(_ bytes: some Sequence<UInt8>) -> String {
        var text = ""
        var last: UInt8?
        var count = 0
        func finish() {
            guard let last else { return }
            let one = last == 0 ? "." : Path([last]).description
            text += count > 4 ? "\(one)*\(count) " : String(repeating: one, count: count)
        }
        for byte in bytes {
            if byte == last {
                count += 1
            } else {
                finish()
                (last, count) = (byte, 1)
            }
        }
        finish()
        return "'\(text)'"
    }

    @discardableResult
    func lseek(_ file: Answer, _ offset: Int, _ whence: csc_seek = CSC_SEEK_SET) -> Answer {
        Suite.call(SYS_lseek, file.value, offset, Int(whence.rawValue))
    }

    @discardableResult
    func truncate(_ path: Path, _ size: Int) -> Answer {
        path.withAddress { Suite.call(SYS_truncate, $0, size) }
    }

    @discardableResult
    func ftruncate(_ file: Answer, _ size: Int) -> Answer { Suite.call(SYS_ftruncate, file.value, size) }

    @discardableResult
    func fallocate(_ file: Answer, _ mode: Int, _ offset: Int, _ length: Int) -> Answer {
        Suite.call(SYS_fallocate, file.value, mode, offset, length)
    }

    @discardableResult
    func fsync(_ file: Answer, dataOnly: Bool = false) -> Answer {
        Suite.call(dataOnly ? SYS_fdatasync : SYS_fsync, file.value)
    }

    func copyRange(_ source: Answer, at from: Int, _ target: Answer, at to: Int, _ length: Int, flags: Int = 0)
        -> Answer
    {
        var (from, to) = (Int64(from), Int64(to))
        return withUnsafeMutablePointer(to: &from) { from in
            withUnsafeMutablePointer(to: &to) { to in
                Suite.call(
                    SYS_copy_file_range, source.value, Int(bitPattern: from), target.value, Int(bitPattern: to), length,
                    flags)
            }
        }
    }

    // MARK: Mapping

    /// Maps a file, readable and perhaps writable.
    func map(_ file: Answer, _ length: Int, at offset: Int = 0, shared: Bool = true, writable: Bool = true) -> Answer {
        Suite.call(
            SYS_mmap, 0, length, Int(PROT_READ | (writable ? PROT_WRITE : 0)),
            Int(shared ? MAP_SHARED : MAP_PRIVATE), file.value, offset)
    }

    /// Memory that no file is behind, on a page of its own.
    func memory(_ length: Int) -> Answer {
        Suite.call(SYS_mmap, 0, length, Int(PROT_READ | PROT_WRITE), Int(MAP_PRIVATE | MAP_ANONYMOUS), -1, 0)
    }

    /// What is at an address.
    func peek(_ map: Answer, _ offset: Int, _ count: Int) -> String {
        guard let base = UnsafeRawPointer(bitPattern: map.value), map.isSuccess else { return map.description }
        return Suite.shown(UnsafeRawBufferPointer(start: base + offset, count: count))
    }

    func poke(_ map: Answer, _ offset: Int, _ text: String) {
        guard let base = UnsafeMutableRawPointer(bitPattern: map.value), map.isSuccess else { return }
        UnsafeMutableRawBufferPointer(start: base + offset, count: text.utf8.count).copyBytes(from: text.utf8)
    }

    @discardableResult
    func msync(_ map: Answer, _ length: Int, _ flags: CInt = MS_SYNC) -> Answer {
        Suite.call(SYS_msync, map.value, length, Int(flags))
    }

    @discardableResult
    func unmap(_ map: Answer, _ length: Int) -> Answer { Suite.call(SYS_munmap, map.value, length) }
}
