import CSystemCall

/// Which times an operation changes, of what it is done to and of the directory around it.
extension Suite {
    func timeCases() {
        namesAndTimes()
        contentsAndTimes()
        orders()
    }

    private func namesAndTimes() {
        test("times/create") {
            mkdir("d"); return touched("d") { file("d/f") }
        }
        test("times/open-existing-with-creat") {
            mkdir("d")
            file("d/f", "x")
            return touched(["d", "d/f"]) { close(open("d/f", O_CREAT | O_RDWR)) }
        }
        test("times/mkdir") {
            mkdir("d"); return touched("d") { mkdir("d/e") }
        }
        test("times/mkfifo") {
            mkdir("d"); return touched("d") { mkfifo("d/p") }
        }
        test("times/symlink") {
            mkdir("d"); return touched("d") { symlink("x", "d/l") }
        }
        test("times/bind") {
            mkdir("d"); return touched("d") { bind("d/s") }
        }
        test("times/create-refused") {
            mkdir("d")
            file("d/f")
            return touched("d") { open("d/f", O_CREAT | O_EXCL | O_WRONLY) }
        }
        test("times/unlink") {
            mkdir("d")
            file("d/f")
            link("d/f", "g")
            return touched(["d", "g"]) { unlink("d/f") }
        }
        test("times/unlink-refused") {
            mkdir("d"); return touched("d") { unlink("d/f") }
        }
        test("times/rmdir") {
            mkdir("d")
            mkdir("d/e")
            return touched("d") { rmdir("d/e") }
        }
        test("times/link") {
            mkdir("d")
            file("f")
            return touched(["d", "f"]) { link("f", "d/g") }
        }
        test("times/rename-inside-a-directory") {
            mkdir("d")
            file("d/f")
            link("d/f", "g")
            return touched(["d", "g"]) { rename("d/f", "d/h") }
        }
        test("times/rename-between-directories") {
            mkdir("d")
            mkdir("e")
            file("d/f")
            link("d/f", "g")
            return touched(["d", "e", "g"]) { rename("d/f", "e/f") }
        }
        test("times/rename-over-a-file") {
            mkdir("d")
            file("d/f")
            file("d/g")
            link("d/g", "h")
            return touched(["d", "h"]) { rename("d/f", "d/g") }
        }
        test("times/rename-of-a-directory") {
            for name in ["d", "e", "d/x"] { mkdir(Path(name)) }
            return touched(["d", "e"]) { rename("d/x", "e/x") }
        }
        test("times/exchange") {
            for name in ["d", "e"] { mkdir(Path(name)) }
            file("d/f")
            file("e/g")
            return touched(["d", "e"]) { rename("d/f", "e/g", flags: CSC_EXCHANGE) }
        }
        test("times/chmod") {
            file("f"); return touched("f") { chmod("f", 0o600) }
        }
        test("times/chmod-to-the-same") {
            file("f"); return touched("f") { chmod("f", 0o644) }
        }
        test("times/chown-to-the-same") {
            file("f"); return touched("f") { chown("f", user, -1) }
        }
        test("times/chown-to-nobody") {
            file("f"); return touched("f") { chown("f", -1, -1) }
        }
        testAsRoot("times/chown") {
            file("f"); return touched("f") { chown("f", 1, 1) }
        }
        test("times/utimensat") {
            file("f"); return touched("f") { setTimes("f", (1, 1), (2, 2)) }
        }
        test("times/setxattr") {
            file("f"); return touched("f") { setAttribute("f", "user.a", "v") }
        }
        test("times/removexattr") {
            file("f")
            setAttribute("f", "user.a", "v")
            return touched("f") { removeAttribute("f", "user.a") }
        }
        test("times/stat-and-access") {
            file("f")
            return touched("f") {
                _ = access("f", 4)
                return status("f").answer
            }
        }
    }

    private func contentsAndTimes() {
        test("times/write") {
            file("f", "x")
            let f = open("f", O_RDWR)
            return touched("f") { write(f, "y") }
        }
        test("times/write-of-nothing") {
            file("f", "x")
            let f = open("f", O_RDWR)
            return touched("f") { write(f, "") }
        }
        test("times/append") {
            file("f", "x")
            let f = open("f", O_WRONLY | O_APPEND)
            return touched("f") { write(f, "y") }
        }
        test("times/write-then-close") {
            let f = open("f", O_CREAT | O_RDWR)
            write(f, "x")
            return touched("f") { close(f) }
        }
        test("times/write-then-fsync") {
            let f = open("f", O_CREAT | O_RDWR)
            write(f, "x")
            return touched("f") { fsync(f) }
        }
        test("times/read-of-a-fresh-file") {
            file("f", "x")
            return touched("f") {
                _ = text("f")
                return Answer(value: 0)
            }
        }
        test("times/read-of-a-file-never-read-since-it-was-changed") {
            file("f", "x")
            setTimes("f", (1000, 0), (2000, 0))
            return touched("f") {
                _ = text("f")
                return Answer(value: 0)
            }
        }
        test("times/read-with-noatime") {
            file("f", "x")
            setTimes("f", (1000, 0), (2000, 0))
            return touched("f") {
                _ = read(open("f", O_RDONLY | O_NOATIME))
                return Answer(value: 0)
            }
        }
        test("times/readdir") {
            mkdir("d")
            setTimes("d", (1000, 0), (2000, 0))
            return touched("d") {
                _ = names("d")
                return Answer(value: 0)
            }
        }
        test("times/readlink") {
            symlink("x", "l")
            setTimes("l", (1000, 0), (2000, 0))
            return touched("l") {
                _ = readlink("l")
                return Answer(value: 0)
            }
        }
        test("times/truncate-shorter") {
            file("f", "0123"); return touched("f") { truncate("f", 2) }
        }
        test("times/truncate-longer") {
            file("f", "0123"); return touched("f") { truncate("f", 8) }
        }
        test("times/truncate-to-the-same") {
            file("f", "0123"); return touched("f") { truncate("f", 4) }
        }
        test("times/ftruncate-to-the-same") {
            file("f", "0123")
            let f = open("f", O_RDWR)
            return touched("f") { ftruncate(f, 4) }
        }
        test("times/open-with-trunc") {
            file("f", "0123")
            return touched("f") { close(open("f", O_WRONLY | O_TRUNC)) }
        }
        test("times/open-with-trunc-of-an-empty-file") {
            file("f")
            return touched("f") { close(open("f", O_WRONLY | O_TRUNC)) }
        }
        test("times/creat-of-an-existing-file") {
            file("f")
            return touched("f") { close(open("f", O_CREAT | O_WRONLY | O_TRUNC)) }
        }
        for (word, mode) in [
            ("allocate", 0), ("keep-size", 1), ("punch-hole", 3), ("zero-range", 0x10), ("zero-range-keep-size", 0x11),
        ] {
            test("times/fallocate-\(word)") {
                let f = open("f", O_CREAT | O_RDWR)
                write(f, [UInt8](repeating: 1, count: 8192))
                return touched("f") { fallocate(f, mode, 4096, 8192) }
            }
        }
        test("times/copy-file-range") {
            file("f", "0123")
            file("g", "")
            let (f, g) = (open("f", O_RDONLY), open("g", O_RDWR))
            return touched("g") { copyRange(f, at: 0, g, at: 0, 4) }
        }
        test("times/map-and-write") {
            file("f", "0123")
            let page = map(open("f", O_RDWR), 4096)
            return touched("f") {
                poke(page, 0, "abcd")
                return msync(page, 4096)
            }
        }
    }

    /// How the times of what was done one after the other compare.
    private func orders() {
        test("times/write-comes-after-create") {
            let f = open("f", O_CREAT | O_RDWR)
            let before = status("f").found
            pause()
            write(f, "x")
            let after = status("f").found
            return
                "\(Suite.isBefore(before.stx_mtime, after.stx_mtime)) \(!Suite.differ(after.stx_mtime, after.stx_ctime))"
        }
        test("times/directory-is-not-older-than-its-newest-entry") {
            file("f")
            return "\(!Suite.isBefore(status(".").found.stx_mtime, status("f").found.stx_ctime))"
        }
        test("times/explicit-now-is-not-before-an-earlier-write") {
            file("f", "x")
            let written = status("f").found.stx_mtime
            _ = setTimesToNow("f")
            return "\(!Suite.isBefore(status("f").found.stx_mtime, written))"
        }
        test("times/written-file-is-not-younger-than-one-made-later") {
            file("a", "x")
            file("b", "x")
            return "\(!Suite.isBefore(status("b").found.stx_mtime, status("a").found.stx_mtime))"
        }
        test("times/make-sees-a-newer-target") {
            file("source", "x")
            pause()
            file("target", text("source"))
            return "\(Suite.isBefore(status("source").found.stx_mtime, status("target").found.stx_mtime))"
        }
    }
}
