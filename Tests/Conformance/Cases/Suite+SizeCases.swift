import CSystemCall

/// truncate(2), write(2) and their limits: sizes up to terabytes, holes, transfers of every shape.
extension Suite {
    func sizeCases() {
        for size in [0, 1, 4095, 4096, 4097, 1 << 20, 5 << 30, 5 << 40] {
            test("truncate/to-\(size)") {
                file("f", "0123456789")
                let answer = truncate("f", size)
                let f = open("f", O_RDWR)
                let end = lseek(f, 0, CSC_SEEK_END).number
                return "\(answer) \(shown("f")) \(read(f, 20, at: 0)) \(read(f, 20, at: max(size - 5, 0))) end \(end)"
            }
            test("ftruncate/to-\(size)") {
                let f = open("f", O_CREAT | O_RDWR)
                write(f, "0123456789")
                let answer = ftruncate(f, size)
                return "\(answer) \(shown(f)) at \(lseek(f, 0, CSC_SEEK_CUR).number)"
            }
            test("write/at-\(size)") {
                let f = open("f", O_CREAT | O_RDWR)
                return "\(pwrite(f, "end", at: size).number) \(shown(f)) \(read(f, 10, at: max(size - 3, 0)))"
            }
        }
        test("truncate/errors") {
            file("f")
            mkdir("d")
            mkfifo("p")
            return
                "\(truncate("missing", 0)) \(truncate("d", 0)) \(truncate("f/x", 0)) \(truncate("f", -1)) \(truncate("p", 0)) \(truncate("", 0))"
        }
        test("truncate/beyond-what-a-file-may-be") {
            file("f")
            let f = open("f", O_RDWR)
            return "\(truncate("f", Int.max)) \(ftruncate(f, Int.max)) \(pwrite(f, "x", at: Int.max - 1)) "
                + "\(pwrite(f, "x", at: -1)) \(truncate("f", 1 << 62)) \(size("f"))"
        }
        test("truncate/shows-zeroes-when-it-grows-again") {
            file("f", "0123456789")
            truncate("f", 3)
            truncate("f", 6)
            return text("f")
        }
        test("truncate/zeroes-behind-the-end-of-a-page") {
            let f = open("f", O_CREAT | O_RDWR)
            write(f, [UInt8](repeating: 0x61, count: 8192))
            ftruncate(f, 4100)
            ftruncate(f, 8192)
            return read(f, 8192, at: 0)
        }
        test("truncate/descriptor-for-reading") {
            file("f", "x")
            return "\(ftruncate(open("f", O_RDONLY), 0)) \(ftruncate(open(".", O_RDONLY | O_DIRECTORY), 0))"
        }
        test("truncate/limit-of-the-process") {
            // RLIMIT_FSIZE of 8192 bytes, SIGXFSZ ignored.
            let limit: [UInt64] = [8192, 8192]
            limit.withUnsafeBytes { _ = Suite.call(SYS_prlimit64, 0, 1, Int(bitPattern: $0.baseAddress), 0) }
            let ignored: [Int] = [1, 0, 0, 0]
            ignored.withUnsafeBytes { _ = Suite.call(SYS_rt_sigaction, 25, Int(bitPattern: $0.baseAddress), 0, 8) }
            let f = open("f", O_CREAT | O_RDWR)
            return
                "\(pwrite(f, "0123456789", at: 8188).number) \(pwrite(f, "x", at: 8192).number) \(ftruncate(f, 9000)) "
                + "\(fallocate(f, 0, 0, 9000)) \(size("f"))"
        }
        test("write/in-one-piece-of-3-mebibytes") {
            let f = open("f", O_CREAT | O_RDWR)
            let bytes = (0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0 / 4096) }
            let wrote = write(f, bytes)
            return "\(wrote.number) \(size("f")) \(read(f, 16, at: 4096 * 700 - 8)) \(read(f, 4, at: 3 << 20))"
        }
        test("write/of-nothing") {
            let f = open("f", O_CREAT | O_RDWR)
            return "\(write(f, "").number) \(pwrite(f, "", at: 100).number) \(size("f"))"
        }
        test("write/holes-are-zeroes") {
            let f = open("f", O_CREAT | O_RDWR)
            pwrite(f, "a", at: 10000)
            pwrite(f, "b", at: 0)
            return read(f, 16384, at: 0)
        }
        test("write/from-and-to-several-pieces") {
            let f = open("f", O_CREAT | O_RDWR)
            let memory = memory(4096)
            poke(memory, 0, "onetwothree")
            let pieces = [memory.value, 3, memory.value + 6, 5, memory.value + 3, 3]
            let wrote = pieces.withUnsafeBytes { Suite.call(SYS_writev, f.value, Int(bitPattern: $0.baseAddress), 3) }
            let got = pieces.withUnsafeBytes { Suite.call(SYS_preadv, f.value, Int(bitPattern: $0.baseAddress), 3, 0) }
            return "\(wrote.number) \(text("f")) \(got.number)"
        }
        test("write/sendfile") {
            file("f", "0123456789")
            let g = open("g", O_CREAT | O_RDWR)
            return "\(Suite.call(SYS_sendfile, g.value, open("f", O_RDONLY).value, 0, 100).number) \(text("g"))"
        }
        test("write/bad-address") {
            let f = open("f", O_CREAT | O_RDWR)
            return
                "\(Suite.call(SYS_write, f.value, 8, 100)) \(Suite.call(SYS_pread64, f.value, 8, 100, 0).number) \(size("f"))"
        }
    }
}
