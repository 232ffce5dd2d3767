import CSystemCall

/// A tree that is made where it may be, and everything that would change it, tried where it is read-only.
struct ReadOnlyTree {
    let suite: Suite
    let directory: Path

    /// Makes the tree. Everybody may change everything in it, so that nothing but being read-only is in the way.
    func make() {
        suite.chdir(directory)
        Suite.call(SYS_umask, 0)
        suite.file("f", "contents", mode: 0o666)
        suite.file("g", "more", mode: 0o666)
        suite.mkdir("d", 0o777)
        suite.mkdir("full", 0o777)
        suite.file("full/f", mode: 0o666)
        suite.symlink("f", "l")
        suite.mkfifo("p", 0o666)
        suite.setAttribute("f", "user.a", "value")
    }

    /// Tries everything and prints a line for each: what should be EROFS, and then what should not.
    func tryAll() {
        guard suite.chdir(directory).isSuccess, suite.status("f").answer.isSuccess else {
            Suite.print("there is no tree\n")
            return
        }
        names()
        contents()
        attributes()
        descriptors()
        say("the tree as it was made", "\(suite.names()) \(suite.names("full")) \(suite.text("f")) \(suite.shown("f"))")
    }

    private func say(_ name: String, _ answer: Answer) { say(name, answer.description) }

    private func say(_ name: String, _ found: String) { Suite.print("read-only/\(name): \(found)\n") }

    private func names() {
        say("mkdir", suite.mkdir("new"))
        say("rmdir", suite.rmdir("d"))
        say("rmdir-full", suite.rmdir("full"))
        say("unlink", suite.unlink("f"))
        say("unlink-link", suite.unlink("l"))
        say("unlink-fifo", suite.unlink("p"))
        say("symlink", suite.symlink("f", "new"))
        say("link", suite.link("f", "new"))
        say("mkfifo", suite.mkfifo("new"))
        say("mknod-file", suite.mknod("new", Int(S_IFREG) | 0o644))
        say("mknod-socket", suite.mknod("new", Int(S_IFSOCK) | 0o644))
        say("mknod-device", suite.mknod("new", Int(S_IFCHR) | 0o644, 0))
        say("bind", suite.bind("new"))
        say("rename", suite.rename("f", "new"))
        say("rename-over", suite.rename("f", "g"))
        say("rename-directory", suite.rename("d", "new"))
        say("rename-into-another-directory", suite.rename("f", "d/f"))
        say("rename-noreplace", suite.rename("f", "new", flags: CSC_NOREPLACE))
        say("rename-exchange", suite.rename("f", "g", flags: CSC_EXCHANGE))
        say("rename-whiteout", suite.rename("f", "new", flags: CSC_WHITEOUT))
    }

    private func contents() {
        let opens: [(String, CInt)] = [
            ("write", O_WRONLY), ("read-and-write", O_RDWR), ("append", O_WRONLY | O_APPEND),
            ("trunc", O_WRONLY | O_TRUNC),
            ("read-only-trunc", O_RDONLY | O_TRUNC), ("creat-write", O_WRONLY | O_CREAT), ("direct", O_RDWR | O_DIRECT),
        ]
        for (word, flags) in opens { say("open-\(word)", suite.open("f", flags)) }
        say("open-creat-missing", suite.open("new", O_RDONLY | O_CREAT))
        say("open-creat-excl-missing", suite.open("new", O_WRONLY | O_CREAT | O_EXCL))
        say("open-link-to-write", suite.open("l", O_WRONLY))
        say("open-tmpfile", suite.open(".", CInt(bitPattern: CSC_O_TMPFILE.rawValue) | O_RDWR))
        say("truncate", suite.truncate("f", 0))
        say("truncate-longer", suite.truncate("f", 100))
        say("truncate-to-the-same", suite.truncate("f", 8))
    }

    private func attributes() {
        for name in ["f", "d", "p"] { say("chmod-\(name)", suite.chmod(Path(name), 0o600)) }
        for name in ["f", "d", "l", "p"] {
            say("chown-\(name)", suite.chown(Path(name), suite.user, -1))
            say("utimensat-\(name)", suite.setTimes(Path(name), (1, 1), (1, 1)))
        }
        say("chown-to-nobody", suite.chown("f", -1, -1))
        say("utimensat-now", suite.setTimesToNow("f"))
        say("setxattr", suite.setAttribute("f", "user.b", "v"))
        say("setxattr-directory", suite.setAttribute("d", "user.b", "v"))
        say("removexattr", suite.removeAttribute("f", "user.a"))
        say("removexattr-missing", suite.removeAttribute("f", "user.b"))
    }

    private func descriptors() {
        let (f, d) = (suite.open("f", O_RDONLY), suite.open("d", O_RDONLY | O_DIRECTORY))
        say("fchmod", suite.fchmod(f, 0o600))
        say("fchmod-directory", suite.fchmod(d, 0o700))
        say("fchown", suite.fchown(f, suite.user, -1))
        let times = [1, 1, 1, 1]
        times.withUnsafeBytes {
            say("futimens", Suite.call(SYS_utimensat, f.value, 0, Int(bitPattern: $0.baseAddress), 0))
        }
        Path("user.b").withAddress { say("fsetxattr", Suite.call(SYS_fsetxattr, f.value, $0, $0, 1, 0)) }
        say("fifo/open-to-read-and-write", suite.open("p", O_RDWR))
        say("descriptor/write", suite.write(f, "x"))
        say("descriptor/ftruncate", suite.ftruncate(f, 0))
        say("descriptor/fallocate", suite.fallocate(f, 0, 0, 100))
        say("descriptor/punch-hole", suite.fallocate(f, 3, 0, 100))
        say("descriptor/copy-file-range", suite.copyRange(suite.open("g", O_RDONLY), at: 0, f, at: 0, 4))
        say("descriptor/map-to-write", suite.map(f, 4096))
        say("descriptor/map-privately", suite.map(f, 4096, shared: false))
        say("descriptor/fsync", suite.fsync(f))
        say("descriptor/read", suite.read(f))
        say("descriptor/getxattr", suite.attribute("f", "user.a"))
    }
}
