import CSystemCall

/// rename(2) and renameat2(2): every pair of kinds, every flag.
extension Suite {
    func renameCases() {
        renameMatrix()
        renamePlaces()
        renameWithFlags()
        renameOpen()
    }

    private func make(_ kind: String, _ path: Path, _ contents: String) {
        switch kind {
        case "file": file(path, contents)
        case "directory": mkdir(path)
        case "full-directory":
            mkdir(path)
            file(Path(path.bytes + Array("/\(contents)".utf8)))
        case "link": symlink(Path(contents), path)
        case "fifo": mkfifo(path)
        default: break
        }
    }

    private func renameMatrix() {
        let kinds = ["missing", "file", "directory", "full-directory", "link", "fifo"]
        let flags: [(String, csc_rename?)] = [
            ("plain", nil), ("noreplace", CSC_NOREPLACE), ("exchange", CSC_EXCHANGE), ("whiteout", CSC_WHITEOUT),
        ]
        for (word, flags) in flags {
            for old in kinds {
                for new in kinds {
                    test("rename/\(word)/\(old)-onto-\(new)") {
                        make(old, "a", "old")
                        make(new, "b", "new")
                        let before = (inode("a"), inode("b"))
                        let answer = flags.map { rename("a", "b", flags: $0) } ?? rename("a", "b")
                        let moved = inode("b") == before.0 && before.0 != 0
                        let back = inode("a") == before.1 && before.1 != 0
                        return
                            "\(answer) a: \(shown("a")) b: \(shown("b")) \(moved ? "moved" : "") \(back ? "and back" : "")"
                    }
                }
            }
        }
    }

    private func renamePlaces() {
        test("rename/onto-itself") {
            file("f", "x")
            return "\(rename("f", "f")) \(text("f"))"
        }
        test("rename/onto-another-name-of-itself") {
            file("f", "x")
            link("f", "g")
            return "\(rename("f", "g")) \(names()) \(links("f"))"
        }
        test("rename/into-its-own-child") {
            mkdir("d")
            return "\(rename("d", "d/e")) \(rename("d", "d/e/f"))"
        }
        test("rename/onto-its-parent") {
            mkdir("d")
            mkdir("d/e")
            file("d/f")
            return "\(rename("d/e", "d")) \(rename("d/f", "d"))"
        }
        test("rename/dot-and-dot-dot") {
            mkdir("d")
            return
                "\(rename(".", "x")) \(rename("..", "x")) \(rename("d", ".")) \(rename("d/.", "x")) \(rename("d/..", "x"))"
        }
        test("rename/trailing-slashes") {
            file("f")
            mkdir("d")
            return "\(rename("f/", "g")) \(rename("f", "g/")) \(rename("d/", "e/")) \(names())"
        }
        test("rename/missing-and-below-a-file") {
            file("f")
            return
                "\(rename("x", "y")) \(rename("f/x", "y")) \(rename("f", "f/x")) \(rename("f", "x/y")) \(rename("", "y"))"
        }
        test("rename/into-another-directory") {
            mkdir("d")
            mkdir("e")
            file("d/f", "x")
            return "\(rename("d/f", "e/g")) \(names("d")) \(names("e")) \(text("e/g"))"
        }
        test("rename/directory-into-another-and-its-links") {
            for name in ["d", "e", "d/s"] { mkdir(Path(name)) }
            file("d/s/f", "x")
            let answer = rename("d/s", "e/s")
            let parent = inode("e") == inode("e/s/..")
            return "\(answer) d: \(links("d")) e: \(links("e")) \(parent) \(text("e/s/f"))"
        }
        test("rename/tree-and-reach-its-files") {
            for name in ["a", "a/b", "a/b/c"] { mkdir(Path(name)) }
            file("a/b/c/f", "deep")
            let f = open("a/b/c/f", O_RDWR)
            rename("a/b", "z")
            write(f, "DEEP")
            return "\(text("z/c/f")) \(status("a/b/c/f").answer) \(text("a/b/c/f"))"
        }
        test("rename/to-another-file-system") {
            file("f")
            return "\(rename("f", "/proc/x")) \(rename("/proc/self/status", "x"))"
        }
        test("rename/name-of-255-and-256-bytes") {
            file("f")
            let long = Path(String(repeating: "n", count: 255))
            let longer = Path(String(repeating: "n", count: 256))
            return "\(rename("f", longer)) \(rename("f", long)) \(status(long).answer) \(rename(long, "f"))"
        }
        test("rename/keeps-mode-times-and-attributes") {
            file("f", "x", mode: 0o640)
            setTimes("f", (1000, 1), (2000, 2))
            setAttribute("f", "user.a", "v")
            rename("f", "g")
            return "\(shown("g")) \(times("g")) \(attribute("g", "user.a"))"
        }
        test("rename/onto-one-of-two-names") {
            file("f", "x")
            link("f", "g")
            file("h", "y")
            rename("h", "f")
            return "\(links("g")) \(text("f")) \(text("g"))"
        }
        test("rename/case-only") {
            file("f", "x")
            return "\(rename("f", "F")) \(names())"
        }
        test("rename/a-name-forth-and-back") {
            file("f", "x")
            for _ in 0..<10 {
                rename("f", "g")
                rename("g", "f")
            }
            return "\(names()) \(text("f"))"
        }
        test("rename/files-in-a-ring") {
            for name in ["a", "b", "c"] { file(Path(name), name) }
            rename("a", "x")
            rename("b", "a")
            rename("c", "b")
            rename("x", "c")
            return "\(text("a")) \(text("b")) \(text("c"))"
        }
        test("rename/over-a-name-that-was-looked-at") {
            file("f", "old")
            file("g", "new")
            let before = "\(text("f")) \(size("f"))"
            rename("g", "f")
            return "\(before) \(text("f")) \(size("f")) \(status("g").answer)"
        }
    }

    private func renameWithFlags() {
        test("rename/exchange-and-noreplace-together") {
            file("a")
            file("b")
            return "\(rename("a", "b", flags: 3)) \(rename("a", "c", flags: 6)) \(rename("a", "c", flags: 8))"
        }
        test("rename/exchange-contents") {
            file("a", "1")
            file("b", "22")
            return "\(rename("a", "b", flags: CSC_EXCHANGE)) \(text("a")) \(text("b")) \(size("a")) \(size("b"))"
        }
        test("rename/exchange-across-directories") {
            for name in ["d", "e", "d/x"] { mkdir(Path(name)) }
            file("e/y", "y")
            return
                "\(rename("d/x", "e/y", flags: CSC_EXCHANGE)) \(text("d/x")) \(shown("e/y")) \(links("d")) \(links("e"))"
        }
        test("rename/exchange-parent-and-child") {
            mkdir("d")
            mkdir("d/e")
            return "\(rename("d", "d/e", flags: CSC_EXCHANGE)) \(rename("d/e", "d", flags: CSC_EXCHANGE))"
        }
        test("rename/exchange-two-trees") {
            for name in ["a", "a/x", "b", "b/y"] { mkdir(Path(name)) }
            file("a/x/f", "ax")
            file("b/y/f", "by")
            rename("a", "b", flags: CSC_EXCHANGE)
            return "\(names("a")) \(names("b")) \(text("a/y/f")) \(text("b/x/f")) \(text("a/x/f"))"
        }
        test("rename/exchange-names-of-one-inode") {
            file("a", "x")
            link("a", "b")
            return "\(rename("a", "b", flags: CSC_EXCHANGE)) \(names()) \(links("a"))"
        }
        testAsRoot("rename/whiteout-is-a-device-0-0") {
            file("a", "x")
            let answer = rename("a", "b", flags: CSC_WHITEOUT)
            let found = status("a").found
            return "\(answer) \(shown("a")) \(found.stx_rdev_major):\(found.stx_rdev_minor) \(text("b")) \(unlink("a"))"
        }
    }

    private func renameOpen() {
        test("rename/open-file") {
            file("f", "x")
            let f = open("f", O_RDWR)
            rename("f", "g")
            write(f, "yy")
            return "\(text("g")) \(shown(f)) \(fchmod(f, 0o600)) \(mode("g")) \(ftruncate(f, 1)) \(size("g"))"
        }
        test("rename/open-directory") {
            mkdir("d")
            file("d/f")
            let d = open("d", O_RDONLY | O_DIRECTORY)
            rename("d", "e")
            file("e/g")
            let found = entries(d).map { $0.name.description }.sorted().joined(separator: " ")
            let made = Path("h").withAddress { Suite.call(SYS_openat, d.value, $0, Int(O_CREAT | O_WRONLY), 0o644) }
            return "[\(found)] \(made) \(names("e"))"
        }
        test("rename/working-directory") {
            mkdir("d")
            chdir("d")
            rename("../d", "../e")
            return "\(file("f")) \(names()) \(names("../e")) \(status("../d").answer)"
        }
        test("rename/directory-above-the-working-directory") {
            for name in ["a", "a/b", "z"] { mkdir(Path(name)) }
            chdir("a/b")
            rename("../../a", "../../z/a")
            return "\(file("f")) \(names("../../../z/a/b"))"
        }
        test("rename/over-an-open-file") {
            file("a", "a")
            file("b", "b")
            let b = open("b", O_RDWR)
            rename("a", "b")
            return "\(read(b)) \(shown(b)) \(text("b"))"
        }
        test("rename/over-an-open-empty-directory") {
            mkdir("a")
            file("a/f")
            mkdir("b")
            let b = open("b", O_RDONLY | O_DIRECTORY)
            return "\(rename("a", "b")) \(entries(b).count) \(names("b")) links=\(status(b).found.stx_nlink)"
        }
        test("rename/mapped-file") {
            file("f", "0123")
            let page = map(open("f", O_RDWR), 4096)
            rename("f", "g")
            poke(page, 0, "ABCD")
            msync(page, 4096)
            return text("g")
        }
    }
}
