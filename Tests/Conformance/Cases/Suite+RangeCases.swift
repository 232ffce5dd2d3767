import CSystemCall

/// Parts of files: fallocate(2), SEEK_DATA and SEEK_HOLE, copy_file_range(2), and what ioctl(2) copies and tells.
extension Suite {
    func rangeCases() {
        allocating()
        seeking()
        copying()
        controls()
    }

    /// A file of 64 KiB, each page full of its own letter.
    private func lettered(_ path: Path = "f") -> Answer {
        let f = open(path, O_CREAT | O_RDWR)
        write(f, (0..<65536).map { UInt8(0x61 + $0 / 4096) })
        return f
    }

    private func allocating() {
        let modes: [(String, Int)] = [
            ("allocate", 0), ("keep-size", 1), ("punch-hole", 3), ("punch-without-keep-size", 2), ("collapse", 8),
            ("zero", 0x10), ("zero-keep-size", 0x11), ("insert", 0x20), ("unshare", 0x40), ("unknown", 0x1000),
        ]
        let ranges: [(String, Int, Int)] = [
            ("inside", 8192, 8192), ("unaligned", 5000, 3000), ("across-the-end", 61440, 8192),
            ("behind-the-end", 70000, 5000),
            ("all", 0, 65536), ("at-the-end", 65536, 4096),
        ]
        for (word, mode) in modes {
            for (place, offset, length) in ranges {
                test("fallocate/\(word)/\(place)") {
                    let f = lettered()
                    let answer = fallocate(f, mode, offset, length)
                    return "\(answer) \(shown(f)) \(read(f, 80000, at: 0))"
                }
            }
        }
        test("fallocate/errors") {
            let f = lettered()
            mkfifo("p")
            return
                "\(fallocate(f, 0, -1, 10)) \(fallocate(f, 0, 0, 0)) \(fallocate(f, 0, 0, -1)) \(fallocate(f, 0, Int.max, 10)) "
                + "\(fallocate(open("f", O_RDONLY), 0, 0, 10)) \(fallocate(open(".", O_RDONLY | O_DIRECTORY), 0, 0, 10)) "
                + "\(fallocate(open("p", O_RDWR), 0, 0, 10)) \(fallocate(f, 0, 1 << 60, 4096))"
        }
        test("fallocate/blocks") {
            let f = open("f", O_CREAT | O_RDWR)
            fallocate(f, 0, 0, 1 << 20)
            let blocks = status(f).found.stx_blocks
            fallocate(f, 3, 0, 1 << 20)
            return "\(blocks) \(status(f).found.stx_blocks) \(shown(f))"
        }
        test("fallocate/punched-data-is-gone-from-mappings-too") {
            let f = lettered()
            let page = map(f, 65536)
            let before = peek(page, 8192, 4)
            fallocate(f, 3, 8192, 4096)
            return "\(before) \(peek(page, 8192, 4)) \(peek(page, 12288, 4))"
        }
        test("fallocate/append-only-descriptor") {
            let f = open("f", O_CREAT | O_WRONLY | O_APPEND)
            return "\(fallocate(f, 0, 0, 100)) \(size("f"))"
        }
        test("fallocate/sparse-5-tebibytes") {
            let f = open("f", O_CREAT | O_RDWR)
            ftruncate(f, 5 << 40)
            return "\(fallocate(f, 3, 1 << 40, 1 << 30)) \(fallocate(f, 0, 4 << 40, 4096)) \(shown(f))"
        }
    }

    private func seeking() {
        test("lseek/data-and-holes") {
            let f = open("f", O_CREAT | O_RDWR)
            pwrite(f, [UInt8](repeating: 1, count: 4096), at: 65536)
            pwrite(f, [UInt8](repeating: 1, count: 4096), at: 262144)
            ftruncate(f, 524288)
            fsync(f)
            return [0, 65536, 65537, 69632, 262144, 266240, 524287, 524288, 600000, -1].map {
                "\($0): \(lseek(f, $0, CSC_SEEK_DATA).number) \(lseek(f, $0, CSC_SEEK_HOLE).number)"
            }.joined(separator: ", ")
        }
        test("lseek/data-and-holes-not-yet-synced") {
            let f = open("f", O_CREAT | O_RDWR)
            pwrite(f, [UInt8](repeating: 1, count: 4096), at: 65536)
            return
                "\(lseek(f, 0, CSC_SEEK_DATA).number) \(lseek(f, 0, CSC_SEEK_HOLE).number) \(lseek(f, 65536, CSC_SEEK_HOLE).number)"
        }
        test("lseek/data-in-an-empty-file") {
            let f = open("f", O_CREAT | O_RDWR)
            return "\(lseek(f, 0, CSC_SEEK_DATA)) \(lseek(f, 0, CSC_SEEK_HOLE))"
        }
        test("lseek/moves-the-position") {
            let f = open("f", O_CREAT | O_RDWR)
            pwrite(f, "data", at: 65536)
            lseek(f, 0, CSC_SEEK_DATA)
            return "\(read(f)) \(lseek(f, 0, CSC_SEEK_CUR).number)"
        }
        test("lseek/ends") {
            let f = open("f", O_CREAT | O_RDWR)
            write(f, "0123456789")
            return
                "\(lseek(f, 0, CSC_SEEK_END).number) \(lseek(f, -3, CSC_SEEK_END).number) \(lseek(f, -20, CSC_SEEK_END)) "
                + "\(lseek(f, 100).number) \(lseek(f, -1)) \(lseek(f, 5, CSC_SEEK_CUR).number) \(lseek(f, Int.max)) \(shown(f))"
        }
        test("lseek/end-seen-after-another-descriptor-wrote") {
            let (a, b) = (open("f", O_CREAT | O_RDWR), open("f", O_RDWR))
            write(a, "0123456789")
            return "\(lseek(b, 0, CSC_SEEK_END).number)"
        }
        test("lseek/of-a-fifo") {
            mkfifo("p")
            return "\(lseek(open("p", O_RDWR), 0))"
        }
    }

    private func copying() {
        test("copy/between-files") {
            let f = lettered()
            let g = open("g", O_CREAT | O_RDWR)
            return "\(copyRange(f, at: 4096, g, at: 100, 8192).number) \(shown(g)) \(read(g, 16384, at: 0))"
        }
        test("copy/inside-a-file") {
            let f = lettered()
            return "\(copyRange(f, at: 0, f, at: 32768, 8192).number) \(read(f, 65536, at: 0))"
        }
        test("copy/onto-itself") {
            let f = lettered()
            return "\(copyRange(f, at: 0, f, at: 4096, 8192).number) \(copyRange(f, at: 0, f, at: 0, 10).number)"
        }
        test("copy/past-the-end") {
            let f = lettered()
            let g = open("g", O_CREAT | O_RDWR)
            return "\(copyRange(f, at: 65000, g, at: 0, 4096).number) \(copyRange(f, at: 65536, g, at: 0, 10).number) "
                + "\(copyRange(f, at: 70000, g, at: 0, 10).number) \(shown(g))"
        }
        test("copy/by-positions") {
            file("f", "0123456789")
            let (f, g) = (open("f", O_RDONLY), open("g", O_CREAT | O_RDWR))
            lseek(f, 3)
            let copied = Suite.call(SYS_copy_file_range, f.value, 0, g.value, 0, 4, 0)
            return "\(copied.number) \(read(f)) \(lseek(g, 0, CSC_SEEK_CUR).number) \(text("g"))"
        }
        test("copy/errors") {
            let f = lettered()
            mkfifo("p")
            let (r, w) = (open("f", O_RDONLY), open("f", O_WRONLY))
            let appending = open("g", O_CREAT | O_WRONLY | O_APPEND)
            return
                "\(copyRange(w, at: 0, f, at: 0, 10)) \(copyRange(f, at: 0, r, at: 0, 10)) \(copyRange(f, at: 0, appending, at: 0, 10)) "
                + "\(copyRange(f, at: 0, open(".", O_RDONLY | O_DIRECTORY), at: 0, 10)) \(copyRange(f, at: -1, f, at: 0, 10)) "
                + "\(copyRange(f, at: 0, open("g", O_RDWR), at: 0, 10, flags: 1)) \(copyRange(f, at: 0, open("p", O_RDWR), at: 0, 10)) "
                + "\(copyRange(f, at: 0, open("g", O_RDWR), at: 0, 0))"
        }
        test("copy/data-not-yet-on-disk") {
            let (f, g) = (open("f", O_CREAT | O_RDWR), open("g", O_CREAT | O_RDWR))
            let page = map(f, 4096)
            ftruncate(f, 4096)
            poke(page, 0, "mapped")
            let first = copyRange(f, at: 0, g, at: 0, 6).number
            write(f, "WRITTEN")
            return "\(first) \(read(g, at: 0)) \(copyRange(f, at: 0, g, at: 0, 7).number) \(read(g, at: 0))"
        }
        test("copy/target-that-was-read-before") {
            file("f", "new")
            file("g", "old")
            let before = text("g")
            let copied = copyRange(open("f", O_RDONLY), at: 0, open("g", O_RDWR), at: 0, 3).number
            return "\(before) \(copied) \(text("g"))"
        }
        test("copy/from-another-file-system") {
            // Memory files are on one of their own.
            let memory = Path("m").withAddress { Suite.call(SYS_memfd_create, $0, 0) }
            write(memory, "memory")
            let g = open("g", O_CREAT | O_RDWR)
            return "\(copyRange(memory, at: 0, g, at: 0, 6).number) \(copyRange(g, at: 0, memory, at: 0, 6).number)"
        }
        test("copy/1-mebibyte-and-more") {
            let f = open("f", O_CREAT | O_RDWR)
            ftruncate(f, 3 << 20)
            pwrite(f, "end", at: (3 << 20) - 3)
            let g = open("g", O_CREAT | O_RDWR)
            return "\(copyRange(f, at: 0, g, at: 0, 4 << 20).number) \(read(g, 8, at: (3 << 20) - 4))"
        }
        test("splice/from-a-pipe-and-back") {
            file("f", "0123456789")
            var ends: [CInt] = [-1, -1]
            ends.withUnsafeMutableBytes { _ = Suite.call(SYS_pipe2, Int(bitPattern: $0.baseAddress), 0) }
            let out = Suite.call(SYS_splice, open("f", O_RDONLY).value, 0, Int(ends[1]), 0, 10, 0)
            let into = Suite.call(SYS_splice, Int(ends[0]), 0, open("g", O_CREAT | O_WRONLY).value, 0, 10, 0)
            return "\(out.number) \(into.number) \(text("g"))"
        }
    }

    private func controls() {
        // FS_IOC_GETFLAGS, FS_IOC_FSGETXATTR, FICLONE, FIONREAD and a number that is none.
        for (word, request) in [
            ("getflags", 0x8008_6601), ("fsgetxattr", 0x801C_581F), ("clone", 0x4004_9409), ("unknown", 0x1234_5678),
            ("terminal", 0x5401),
        ] {
            test("ioctl/\(word)") {
                let (f, g) = (open("f", O_CREAT | O_RDWR), open("g", O_CREAT | O_RDWR))
                let memory = memory(4096)
                let argument = word == "clone" ? g.value : memory.value
                return "\(Suite.call(SYS_ioctl, f.value, request, argument))"
            }
        }
        test("ioctl/bytes-to-read") {
            file("f", "0123456789")
            let f = open("f", O_RDONLY)
            let memory = memory(4096)
            return "\(Suite.call(SYS_ioctl, f.value, 0x541B, memory.value)) \(peek(memory, 0, 1))"
        }
        test("ioctl/immutable-flag") {
            let f = open("f", O_CREAT | O_RDWR)
            let memory = memory(4096)
            let got = Suite.call(SYS_ioctl, f.value, 0x8008_6601, memory.value)
            // The flags as they are: what a backup does.
            return "\(got) \(Suite.call(SYS_ioctl, f.value, 0x4008_6602, memory.value))"
        }
    }
}
