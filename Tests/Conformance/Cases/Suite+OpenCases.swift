import CSystemCall

/// open(2): every kind of object with every flag that makes a difference to it.
extension Suite {
    func openCases() {
        openMatrix()
        openFlags()
        openErrors()
        openTemporary()
        openDirect()
        openPathOnly()
    }

    /// What is opened: a name, and how it is made.
    private var objects: [(name: String, make: () -> Void)] {
        [
            ("missing", {}),
            ("file", { self.file("x", "contents") }),
            ("directory", { self.mkdir("x") }),
            (
                "link-to-file",
                {
                    self.file("y", "contents"); self.symlink("y", "x")
                }
            ),
            (
                "link-to-directory",
                {
                    self.mkdir("y"); self.symlink("y", "x")
                }
            ),
            ("dangling-link", { self.symlink("y", "x") }),
            ("link-to-itself", { self.symlink("x", "x") }),
            ("fifo", { self.mkfifo("x") }),
            ("socket", { self.bind("x") }),
        ]
    }

    private func openMatrix() {
        let extras: [(String, CInt)] = [
            ("plain", 0), ("creat", O_CREAT), ("creat-excl", O_CREAT | O_EXCL), ("trunc", O_TRUNC),
            ("creat-trunc", O_CREAT | O_TRUNC), ("append", O_APPEND), ("nofollow", O_NOFOLLOW),
            ("creat-nofollow", O_CREAT | O_NOFOLLOW), ("directory", O_DIRECTORY), ("excl", O_EXCL),
            ("path", O_PATH), ("path-nofollow", O_PATH | O_NOFOLLOW), ("path-directory", O_PATH | O_DIRECTORY),
            ("sync", O_SYNC), ("dsync", O_DSYNC), ("noatime", O_NOATIME),
            ("directory-nofollow", O_DIRECTORY | O_NOFOLLOW),
        ]
        for object in objects {
            for (word, flags) in extras {
                test("open/\(object.name)/\(word)") {
                    var found: [String] = []
                    for (word, access) in [("r", O_RDONLY), ("w", O_WRONLY), ("rw", O_RDWR)] {
                        object.make()
                        let opened = open("x", access | flags | O_NONBLOCK)
                        found.append("\(word)=\(opened) \(names()) \(text("x"))")
                        close(opened)
                        for name in ["x", "y"] { remove(Path(name)) }
                    }
                    return found.joined(separator: ", ")
                }
            }
        }
    }

    private func openFlags() {
        test("open/append-writes-at-the-end") {
            file("f", "one")
            let a = open("f", O_WRONLY | O_APPEND)
            let b = open("f", O_WRONLY | O_APPEND)
            write(a, "two")
            write(b, "three")
            write(a, "four")
            return "\(text("f")) at \(lseek(a, 0, CSC_SEEK_CUR).number) and \(lseek(b, 0, CSC_SEEK_CUR).number)"
        }
        test("open/append-ignores-the-offset-of-pwrite") {
            file("f", "one")
            let a = open("f", O_RDWR | O_APPEND)
            return "\(pwrite(a, "X", at: 0).number) \(text("f"))"
        }
        test("open/append-after-truncate") {
            file("f", "0123456789")
            let a = open("f", O_WRONLY | O_APPEND)
            truncate("f", 2)
            write(a, "X")
            return text("f")
        }
        test("open/append-turned-on-by-fcntl") {
            file("f", "0123456789")
            let a = open("f", O_RDWR)
            let set = Suite.call(SYS_fcntl, a.value, Int(F_SETFL), Int(O_APPEND))
            write(a, "X")
            return "\(set) \(text("f"))"
        }
        test("open/truncation-keeps-the-inode") {
            file("f", "0123456789", mode: 0o640)
            let before = inode("f")
            close(open("f", O_WRONLY | O_TRUNC))
            return "\(before == inode("f")) \(shown("f"))"
        }
        test("open/create-gives-a-read-only-file-a-writable-descriptor") {
            let f = open("f", O_CREAT | O_RDWR | O_EXCL, 0o400)
            return "\(f) \(write(f, "abc").number) \(shown("f")) \(text("f"))"
        }
        test("open/create-with-mode-0") {
            let f = open("f", O_CREAT | O_RDWR, 0)
            return "\(f) \(write(f, "abc").number) \(shown("f"))"
        }
        for mode in [0o777, 0o666, 0o7777, 0o4755, 0o2755, 0o1755, 0o000] {
            test("open/create-mode-\(String(mode, radix: 8))") {
                close(open("f", O_CREAT | O_WRONLY, mode))
                return self.mode("f")
            }
        }
        test("open/read-of-a-descriptor-for-writing") {
            let f = open("f", O_CREAT | O_WRONLY)
            return read(f)
        }
        test("open/write-to-a-descriptor-for-reading") {
            file("f")
            return "\(write(open("f", O_RDONLY), "x")) \(ftruncate(open("f", O_RDONLY), 5))"
        }
        test("open/access-mode-3") {
            file("f")
            let f = open("f", O_ACCMODE)
            return "\(f) \(read(f)) \(write(f, "x"))"
        }
        test("open/flags-as-fcntl-tells-them") {
            let f = open("f", O_CREAT | O_RDWR | O_APPEND | O_SYNC | O_TRUNC | O_NOFOLLOW)
            let flags = Suite.call(SYS_fcntl, f.value, Int(F_GETFL)).value & ~Int(O_LARGEFILE) & ~0o100000
            return String(flags, radix: 8)
        }
        test("open/two-descriptors-see-each-others-data") {
            let a = open("f", O_CREAT | O_RDWR)
            let b = open("f", O_RDWR)
            write(a, "hello")
            let seen = read(b)
            pwrite(b, "J", at: 0)
            return "\(seen) \(read(a, at: 0))"
        }
        test("open/positions-are-of-descriptors") {
            file("f", "0123456789")
            let a = open("f", O_RDONLY)
            let b = open("f", O_RDONLY)
            let d = Suite.call(SYS_dup, a.value)
            return "\(read(a, 3)) \(read(b, 2)) \(read(d, 2)) \(read(a, 1))"
        }
        test("open/create-in-parallel-names-one-file") {
            let a = open("f", O_CREAT | O_RDWR)
            let b = open("f", O_CREAT | O_RDWR)
            return "\(status(a).found.stx_ino == status(b).found.stx_ino) \(links("f"))"
        }
    }

    private func openErrors() {
        test("open/empty-path") { "\(open("", O_RDONLY)) \(open("", O_CREAT | O_WRONLY))" }
        test("open/below-a-file") {
            file("f")
            return
                "\(open("f/x", O_RDONLY)) \(open("f/x", O_CREAT | O_WRONLY)) \(open("f/", O_RDONLY)) \(open("f/.", O_RDONLY))"
        }
        test("open/below-a-missing-directory") { "\(open("d/x", O_RDONLY)) \(open("d/x", O_CREAT | O_WRONLY))" }
        test("open/create-with-trailing-slash") { "\(open("f/", O_CREAT | O_WRONLY)) \(names())" }
        test("open/create-dot-and-dot-dot") {
            "\(open(".", O_CREAT | O_RDONLY)) \(open("..", O_CREAT | O_RDONLY)) \(open(".", O_CREAT | O_EXCL | O_WRONLY))"
        }
        test("open/create-through-a-dangling-link-elsewhere") {
            symlink("missing/y", "x")
            return "\(open("x", O_CREAT | O_WRONLY)) \(names())"
        }
        test("open/name-of-255-bytes") {
            let name = Path(String(repeating: "n", count: 255))
            return "\(file(name, "x")) \(text(name)) \(unlink(name)) \(names())"
        }
        test("open/name-of-256-bytes") {
            let name = Path(String(repeating: "n", count: 256))
            return "\(open(name, O_CREAT | O_WRONLY)) \(open(name, O_RDONLY)) \(mkdir(name)) \(symlink("a", name)) "
                + "\(unlink(name)) \(rmdir(name)) \(status(name).answer) \(mkfifo(name))"
        }
        test("open/path-of-4095-and-4096-bytes") {
            file("f", "x")
            let long = Path(String(repeating: "./", count: 2047) + "f")
            let longer = Path(String(repeating: "./", count: 2047) + "/f")
            return "\(long.bytes.count) \(open(long, O_RDONLY)) \(longer.bytes.count) \(open(longer, O_RDONLY))"
        }
        test("open/40-and-41-links") {
            file("f", "x")
            symlink("f", "l1")
            for number in 2...41 { symlink(Path("l\(number - 1)"), Path("l\(number)")) }
            return "\(open("l40", O_RDONLY)) \(open("l41", O_RDONLY))"
        }
        test("open/write-a-directory") {
            mkdir("d")
            return
                "\(open("d", O_WRONLY)) \(open("d", O_RDWR)) \(read(open("d", O_RDONLY))) \(open("d", O_RDONLY | O_TRUNC))"
        }
        test("open/many-files-at-once") {
            var opened = 0
            for number in 0..<900 where open(Path("f\(number)"), O_CREAT | O_RDWR).isSuccess { opened += 1 }
            return "\(opened)"
        }
    }

    private func openTemporary() {
        let temporary = CInt(bitPattern: CSC_O_TMPFILE.rawValue)
        for (word, access) in [("r", O_RDONLY), ("w", O_WRONLY), ("rw", O_RDWR)] {
            test("open/tmpfile-\(word)") { "\(open(".", temporary | access)) \(names())" }
        }
        test("open/tmpfile-is-written-and-read") {
            let f = open(".", temporary | O_RDWR, 0o640)
            write(f, "abc")
            return "\(shown(f)) \(read(f, at: 0)) \(names())"
        }
        test("open/tmpfile-gets-a-name") {
            let f = open(".", temporary | O_RDWR, 0o640)
            write(f, "abc")
            return "\(link(descriptor: f, "x")) \(shown("x")) \(text("x")) \(shown(f))"
        }
        test("open/tmpfile-exclusive-gets-no-name") {
            let f = open(".", temporary | O_RDWR | O_EXCL)
            return "\(f) \(link(descriptor: f, "x")) \(names())"
        }
        test("open/tmpfile-onto-an-existing-name") {
            file("x")
            return "\(link(descriptor: open(".", temporary | O_RDWR), "x"))"
        }
        test("open/tmpfile-in-a-file-or-nowhere") {
            file("f")
            return "\(open("f", temporary | O_RDWR)) \(open("missing", temporary | O_RDWR))"
        }
        test("open/tmpfile-mode-and-umask") {
            Suite.call(SYS_umask, 0o027)
            return shown(open(".", temporary | O_RDWR, 0o777))
        }
    }

    private func openDirect() {
        test("open/direct-write-and-read") {
            let f = open("f", O_CREAT | O_RDWR | O_DIRECT)
            let page = memory(8192)
            poke(page, 0, String(repeating: "d", count: 4096))
            let wrote = Suite.call(SYS_pwrite64, f.value, page.value, 4096, 0)
            let read = Suite.call(SYS_pread64, f.value, page.value + 4096, 4096, 0)
            return "\(f) \(wrote.number) \(read.number) \(peek(page, 4096, 4096)) \(text("f"))"
        }
        test("open/direct-read-past-the-end") {
            file("f", "short")
            let f = open("f", O_RDONLY | O_DIRECT)
            let page = memory(8192)
            return "\(Suite.call(SYS_pread64, f.value, page.value, 4096, 0).number) \(peek(page, 0, 5)) "
                + "\(Suite.call(SYS_pread64, f.value, page.value, 4096, 4096).number)"
        }
        test("open/direct-unaligned") {
            file("f", "0123456789")
            let f = open("f", O_RDWR | O_DIRECT)
            let page = memory(8192)
            return "\(Suite.call(SYS_pread64, f.value, page.value + 1, 3, 1).number) "
                + "\(Suite.call(SYS_pwrite64, f.value, page.value, 3, 1).number)"
        }
        test("open/direct-sees-buffered-data-and-the-reverse") {
            let direct = open("f", O_CREAT | O_RDWR | O_DIRECT)
            let buffered = open("f", O_RDWR)
            let page = memory(4096)
            write(buffered, [UInt8](repeating: 0x62, count: 4096))
            Suite.call(SYS_pread64, direct.value, page.value, 4096, 0)
            let seen = peek(page, 0, 4096)
            poke(page, 0, String(repeating: "c", count: 4096))
            Suite.call(SYS_pwrite64, direct.value, page.value, 4096, 0)
            return "\(seen) \(read(buffered, at: 0))"
        }
    }

    private func openPathOnly() {
        test("open/path-only-refuses-the-contents") {
            file("f", "x")
            let f = open("f", O_PATH)
            return
                "\(read(f)) \(write(f, "x")) \(fchmod(f, 0o600)) \(fchown(f, 0, 0)) \(ftruncate(f, 0)) \(fsync(f)) \(shown(f))"
        }
        test("open/path-only-of-what-nobody-may-read") {
            file("f", "x", mode: 0)
            return shown(open("f", O_PATH))
        }
        test("open/path-only-of-a-link") {
            symlink("target", "l")
            let l = open("l", O_PATH | O_NOFOLLOW)
            var buffer = [UInt8](repeating: 0, count: 64)
            let got = Path("").withAddress { empty in
                buffer.withUnsafeMutableBytes {
                    Suite.call(SYS_readlinkat, l.value, empty, Int(bitPattern: $0.baseAddress), 64)
                }
            }
            return "\(shown(l)) \(got.number)"
        }
        test("open/path-only-is-opened-again-through-proc") {
            file("f", "contents")
            let f = open("f", O_PATH)
            return text(Path("/proc/self/fd/\(f.value)"))
        }
    }
}
