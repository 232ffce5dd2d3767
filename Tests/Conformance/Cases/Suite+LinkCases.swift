import CSystemCall

/// link(2), symlink(2), readlink(2), unlink(2), and what stays of a file that has no name any more.
extension Suite {
    func linkCases() {
        hardLinks()
        symbolicLinks()
        unlinking()
        unlinkedFiles()
    }

    private func hardLinks() {
        test("link/file") {
            file("f", "x")
            return "\(link("f", "g")) \(shown("f")) \(inode("f") == inode("g")) \(text("g"))"
        }
        test("link/links-count-up-and-down") {
            file("f")
            var counts: [String] = []
            for number in 0..<5 {
                link("f", Path("l\(number)"))
                counts.append(links("f"))
            }
            for number in 0..<5 {
                unlink(Path("l\(number)"))
                counts.append(links("f"))
            }
            return counts.joined(separator: " ")
        }
        test("link/write-by-one-name-and-read-by-another") {
            file("f", "one")
            link("f", "g")
            file("g", "three")
            return "\(text("f")) \(size("f"))"
        }
        test("link/attributes-are-the-inodes") {
            file("f")
            link("f", "g")
            chmod("f", 0o600)
            setAttribute("g", "user.a", "v")
            return "\(mode("g")) \(attribute("f", "user.a"))"
        }
        test("link/open-by-one-name-unlink-it-and-go-on-by-the-other") {
            file("f", "x")
            link("f", "g")
            let f = open("f", O_RDWR)
            unlink("f")
            write(f, "yy")
            return "\(shown(f)) \(text("g")) \(shown("g"))"
        }
        test("link/onto-an-existing-name") {
            for name in ["f", "g"] { file(Path(name)) }
            mkdir("d")
            symlink("missing", "l")
            return "\(link("f", "g")) \(link("f", "f")) \(link("f", "d")) \(link("f", "l"))"
        }
        test("link/missing") { "\(link("f", "g")) \(link("f/x", "g"))" }
        test("link/directory") {
            mkdir("d")
            return "\(link("d", "e"))"
        }
        test("link/into-a-missing-directory-or-a-file") {
            file("f")
            return "\(link("f", "d/g")) \(link("f", "f/g")) \(link("f", "g/"))"
        }
        test("link/of-a-symbolic-link") {
            file("f")
            symlink("f", "l")
            return "\(link("l", "m")) \(shown("m")) \(link("l", "n", AT_SYMLINK_FOLLOW)) \(shown("n"))"
        }
        test("link/of-a-dangling-link-followed") {
            symlink("missing", "l")
            return "\(link("l", "m", AT_SYMLINK_FOLLOW)) \(link("l", "m"))"
        }
        test("link/of-a-fifo-and-a-socket") {
            mkfifo("p")
            bind("s")
            return "\(link("p", "q")) \(shown("q")) \(link("s", "t")) \(shown("t"))"
        }
        test("link/into-another-directory") {
            file("f", "x")
            mkdir("d")
            return "\(link("f", "d/f")) \(text("d/f")) \(names("d"))"
        }
        test("link/to-another-file-system") {
            file("f")
            return "\(link("/proc/self/status", "g")) \(link("f", "/proc/self/x"))"
        }
        test("link/200-names") {
            file("f")
            for number in 0..<199 { link("f", Path("l\(number)")) }
            return "\(links("f")) \(names().split(separator: " ").count)"
        }
        test("link/descriptor-of-a-file-without-a-name") {
            let f = open("f", O_CREAT | O_RDWR)
            unlink("f")
            return "\(link(descriptor: f, "g")) \(names())"
        }
    }

    private func symbolicLinks() {
        for (word, target) in [
            ("name", "f"), ("path", "a/b/c"), ("absolute", "/a"), ("up", "../f"), ("spaces", "a b"),
            ("slashes", "a//b/"),
            ("dot", "."),
        ] {
            test("symlink/\(word)") { "\(symlink(Path(target), "l")) \(readlink("l")) \(shown("l"))" }
        }
        test("symlink/odd-bytes") {
            let target = Path((1...255).map { UInt8($0) })
            return "\(symlink(target, "l")) \(readlink("l") == target.description) \(shown("l"))"
        }
        for length in [59, 60, 255, 256, 1000, 4094, 4095] {
            test("symlink/target-of-\(length)-bytes") {
                let target = Path(String(repeating: "t", count: length))
                return "\(symlink(target, "l")) \(readlink("l") == target.description) \(shown("l"))"
            }
        }
        test("symlink/target-of-4096-bytes") { "\(symlink(Path(String(repeating: "t", count: 4096)), "l"))" }
        test("symlink/empty-target") { "\(symlink("", "l")) \(names())" }
        test("symlink/onto-an-existing-name") {
            file("f")
            symlink("f", "l")
            return "\(symlink("x", "f")) \(symlink("x", "l")) \(symlink("x", ".")) \(symlink("x", "n/"))"
        }
        test("symlink/below-a-file-or-nowhere") {
            file("f")
            return "\(symlink("x", "f/l")) \(symlink("x", "d/l"))"
        }
        test("readlink/of-others") {
            file("f")
            mkdir("d")
            mkfifo("p")
            return "\(readlink("f")) \(readlink("d")) \(readlink("p")) \(readlink("missing")) \(readlink("f/x"))"
        }
        test("readlink/into-less-room") {
            symlink("0123456789", "l")
            return "\(readlink("l", size: 4)) \(readlink("l", size: 10)) \(readlink("l", size: 1))"
        }
        test("symlink/followed-by-calls") {
            file("f", "x")
            symlink("f", "l")
            let wrote = truncate("l", 5)
            chmod("l", 0o600)
            return "\(wrote) \(shown("f")) \(shown("l")) \(access("l", 4))"
        }
        test("symlink/to-a-directory") {
            mkdir("d")
            file("d/f", "x")
            symlink("d", "l")
            return "\(text("l/f")) \(names("l")) \(rmdir("l")) \(mkdir("l/e")) \(names("d")) \(unlink("l")) \(names())"
        }
        test("symlink/in-a-loop") {
            symlink("b", "a")
            symlink("a", "b")
            return
                "\(open("a", O_RDONLY)) \(status("a", follow: true).answer) \(truncate("a", 0)) \(mkdir("a/x")) \(shown("a"))"
        }
        test("symlink/changed-and-read-again") {
            symlink("one", "l")
            let first = readlink("l")
            unlink("l")
            symlink("two", "l")
            return "\(first) \(readlink("l"))"
        }
        test("symlink/mode-cannot-be-changed") {
            symlink("f", "l")
            let changed = Path("l").withAddress { Suite.call(SYS_fchmodat, Int(AT_FDCWD), $0, 0o600) }
            return "\(changed) \(mode("l"))"
        }
    }

    private func unlinking() {
        test("unlink/file") {
            file("f")
            return "\(unlink("f")) \(names()) \(status("f").answer)"
        }
        test("unlink/missing") { "\(unlink("f")) \(unlink("d/f"))" }
        test("unlink/directory") {
            mkdir("d")
            return "\(unlink("d")) \(names())"
        }
        test("unlink/below-a-file") {
            file("f")
            return "\(unlink("f/x")) \(unlink("f/"))"
        }
        test("unlink/link-and-not-its-target") {
            file("f")
            symlink("f", "l")
            return "\(unlink("l")) \(names())"
        }
        test("unlink/fifo-and-socket") {
            mkfifo("p")
            bind("s")
            return "\(unlink("p")) \(unlink("s")) \(names())"
        }
        test("unlink/read-only-file") {
            file("f", mode: 0o400)
            return "\(unlink("f")) \(names())"
        }
        test("unlink/dot") { "\(unlink(".")) \(unlink(".."))" }
        test("unlink/and-make-again") {
            file("f", "old")
            let before = text("f")
            unlink("f")
            file("f", "new")
            return "\(before) \(text("f")) \(shown("f"))"
        }
    }

    private func unlinkedFiles() {
        test("unlinked/read-and-write") {
            file("f", "0123")
            let f = open("f", O_RDWR)
            unlink("f")
            pwrite(f, "more", at: 4)
            return "\(read(f)) \(shown(f)) \(names())"
        }
        test("unlinked/made-open") {
            let f = open("f", O_CREAT | O_RDWR)
            unlink("f")
            write(f, "abc")
            return "\(read(f, at: 0)) \(shown(f))"
        }
        test("unlinked/attributes") {
            file("f", "x")
            let f = open("f", O_RDWR)
            unlink("f")
            return
                "\(fchmod(f, 0o600)) \(fchown(f, user, -1)) \(ftruncate(f, 100)) \(fallocate(f, 0, 0, 4096)) \(fsync(f)) \(shown(f))"
        }
        test("unlinked/second-descriptor-through-proc") {
            file("f", "x")
            let f = open("f", O_RDWR)
            unlink("f")
            let again = open(Path("/proc/self/fd/\(f.value)"), O_RDWR)
            write(again, "again")
            return "\(again) \(read(f, at: 0))"
        }
        test("unlinked/replaced-by-another-of-the-same-name") {
            file("f", "old")
            let f = open("f", O_RDWR)
            unlink("f")
            file("f", "new")
            return "\(read(f)) \(text("f")) \(shown(f))"
        }
        test("unlinked/replaced-by-rename") {
            file("f", "old")
            file("g", "new")
            let f = open("f", O_RDWR)
            rename("g", "f")
            return "\(read(f)) \(shown(f)) \(text("f")) \(fchmod(f, 0o600)) \(mode("f"))"
        }
        test("unlinked/mapped") {
            file("f", "0123")
            let f = open("f", O_RDWR)
            let page = map(f, 4096)
            unlink("f")
            poke(page, 0, "abcd")
            msync(page, 4096)
            return "\(read(f, at: 0))"
        }
        test("unlinked/descriptor-is-closed-and-mapping-stays") {
            file("f", "0123")
            let f = open("f", O_RDWR)
            let page = map(f, 4096)
            close(f)
            unlink("f")
            poke(page, 0, "ab")
            return "\(peek(page, 0, 4)) \(msync(page, 4096))"
        }
        test("unlinked/directory-that-is-open") {
            mkdir("d")
            let d = open("d", O_RDONLY | O_DIRECTORY)
            rmdir("d")
            let made = Path("x").withAddress { Suite.call(SYS_openat, d.value, $0, Int(O_CREAT | O_WRONLY), 0o644) }
            return "\(entries(d).count) \(made) \(status(d).answer) links=\(status(d).found.stx_nlink)"
        }
        test("unlinked/working-directory") {
            mkdir("d")
            chdir("d")
            rmdir("../d")
            return "\(names()) \(file("x")) \(mkdir("y")) \(status(".").answer) \(status("..").answer)"
        }
        test("unlinked/inherited-by-a-child") {
            file("f", "x")
            let f = open("f", O_RDWR)
            unlink("f")
            let child = inChild {
                write(f, "child")
                return shown(f)
            }
            return "\(child) \(read(f, at: 0))"
        }
    }
}
