import CSystemCall

/// mkdir(2), rmdir(2), mknod(2), and the listing of directories.
extension Suite {
    func directoryCases() {
        making()
        removing()
        nodes()
        listing()
        longListings()
        deepTrees()
    }

    private func making() {
        for mode in [0o777, 0o755, 0o700, 0o000, 0o1777, 0o2755, 0o4755] {
            test("mkdir/mode-\(String(mode, radix: 8))") { "\(mkdir("d", mode)) \(shown("d"))" }
        }
        for mask in [0o000, 0o022, 0o077, 0o777] {
            test("umask/\(String(mask, radix: 8))") {
                Suite.call(SYS_umask, mask)
                mkdir("d", 0o777)
                close(open("f", O_CREAT | O_WRONLY, 0o666))
                mkfifo("p", 0o666)
                symlink("x", "l")
                bind("s")
                return ["d", "f", "p", "l", "s"].map { mode(Path($0)) }.joined(separator: " ")
            }
        }
        test("mkdir/existing-names") {
            mkdir("d")
            file("f")
            symlink("missing", "l")
            mkfifo("p")
            return "\(mkdir("d")) \(mkdir("f")) \(mkdir("l")) \(mkdir("p")) \(mkdir(".")) \(mkdir("..")) \(mkdir("d/"))"
        }
        test("mkdir/below-others") {
            file("f")
            return "\(mkdir("f/d")) \(mkdir("missing/d")) \(mkdir("")) \(mkdir("d/")) \(names())"
        }
        test("mkdir/links-of-the-parent") {
            var counts: [String] = [links(".")]
            for name in ["a", "b", "a/c"] {
                mkdir(Path(name))
                counts.append("\(links(".")) \(links(Path(name)))")
            }
            rmdir("b")
            counts.append(links("."))
            return counts.joined(separator: ", ")
        }
        test("mkdir/dot-dot-is-the-parent") {
            mkdir("a")
            mkdir("a/b")
            return "\(inode("a") == inode("a/b/..")) \(inode("a") == inode("a/."))"
        }
    }

    private func removing() {
        test("rmdir/empty") {
            mkdir("d")
            return "\(rmdir("d")) \(names())"
        }
        test("rmdir/full") {
            mkdir("d")
            file("d/f")
            return "\(rmdir("d")) \(unlink("d/f")) \(rmdir("d"))"
        }
        test("rmdir/others") {
            file("f")
            symlink("d", "l")
            mkdir("d")
            mkfifo("p")
            return "\(rmdir("f")) \(rmdir("l")) \(rmdir("l/")) \(rmdir("p")) \(rmdir("missing")) \(rmdir("f/x"))"
        }
        test("rmdir/dot-and-dot-dot") {
            mkdir("d")
            return "\(rmdir(".")) \(rmdir("d/.")) \(rmdir("d/..")) \(rmdir(".."))"
        }
        test("rmdir/and-make-again") {
            mkdir("d", 0o700)
            file("d/f")
            unlink("d/f")
            rmdir("d")
            mkdir("d", 0o755)
            return "\(names("d")) \(mode("d"))"
        }
        test("rmdir/replaced-by-a-file") {
            mkdir("x")
            rmdir("x")
            file("x", "file")
            return "\(shown("x")) \(text("x"))"
        }
    }

    private func nodes() {
        for mode in [0o644, 0o600, 0o000, 0o7777] {
            test("mkfifo/mode-\(String(mode, radix: 8))") { "\(mkfifo("p", mode)) \(shown("p"))" }
            test("mknod/file-mode-\(String(mode, radix: 8))") { "\(mknod("f", Int(S_IFREG) | mode)) \(shown("f"))" }
        }
        test("mkfifo/existing-names") {
            file("f")
            symlink("missing", "l")
            return "\(mkfifo("f")) \(mkfifo("l")) \(mkfifo("missing/p")) \(mkfifo("f/p"))"
        }
        test("mkfifo/carries-data") {
            mkfifo("p")
            let p = open("p", O_RDWR | O_NONBLOCK)
            write(p, "through")
            return "\(read(p)) \(shown("p"))"
        }
        test("mkfifo/between-processes") {
            mkfifo("p")
            let r = open("p", O_RDONLY | O_NONBLOCK)
            let child = inChild { "\(write(open("p", O_WRONLY), "from the child").number)" }
            return "\(child) \(read(r))"
        }
        test("mkfifo/writer-without-reader") {
            mkfifo("p")
            return "\(open("p", O_WRONLY | O_NONBLOCK))"
        }
        test("mknod/kinds-that-are-none") {
            "\(mknod("a", 0o644)) \(shown("a")) \(mknod("d", Int(S_IFDIR) | 0o755)) \(mknod("l", Int(S_IFLNK) | 0o777))"
        }
        test("mknod/socket") { "\(mknod("s", Int(S_IFSOCK) | 0o644)) \(shown("s")) \(open("s", O_RDONLY))" }
        test("mknod/character-device-0-0") { "\(mknod("w", Int(S_IFCHR) | 0o600, 0)) \(shown("w"))" }
        test("mknod/devices") {
            "\(mknod("c", Int(S_IFCHR) | 0o600, 0x103)) \(mknod("b", Int(S_IFBLK) | 0o600, 0x700))"
        }
        test("socket/bind") { "\(bind("s")) \(shown("s")) \(bind("s")) \(open("s", O_RDWR))" }
        test("socket/connect") {
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array("s".utf8)) }
            let (server, client) = (
                Suite.call(SYS_socket, Int(AF_UNIX), Int(SOCK_STREAM.rawValue)),
                Suite.call(SYS_socket, Int(AF_UNIX), Int(SOCK_STREAM.rawValue))
            )
            return withUnsafeBytes(of: &address) {
                let at = Int(bitPattern: $0.baseAddress)
                let bound = Suite.call(SYS_bind, server.value, at, $0.count)
                let listening = Suite.call(SYS_listen, server.value, 1)
                let connected = Suite.call(SYS_connect, client.value, at, $0.count)
                return "\(bound) \(listening) \(connected) \(write(client, "hi").number) "
                    + "\(read(Suite.call(SYS_accept4, server.value, 0, 0, 0)))"
            }
        }
        test("socket/connect-after-rename") {
            bind("s")
            return "\(rename("s", "t")) \(shown("t")) \(unlink("t"))"
        }
    }

    private func listing() {
        test("readdir/kinds") {
            file("f")
            mkdir("d")
            symlink("x", "l")
            mkfifo("p")
            bind("s")
            let found = entries(open(".", O_RDONLY | O_DIRECTORY))
            return found.map { "\($0.name)=\($0.type)" }.sorted().joined(separator: " ")
        }
        test("readdir/inode-numbers-are-those-of-stat") {
            for name in ["a", "b", "c"] { file(Path(name)) }
            mkdir("d")
            let found = entries(open(".", O_RDONLY | O_DIRECTORY)).filter { $0.name != ".." }
            return "\(found.count) \(found.allSatisfy { $0.inode == inode($0.name) })"
        }
        test("readdir/dot-dot-inode") {
            mkdir("d")
            let found = entries(open("d", O_RDONLY | O_DIRECTORY)).first { $0.name == ".." }
            return "\(found?.inode == inode("."))"
        }
        test("readdir/odd-bytes") {
            var answers: Set<String> = []
            for byte in UInt8(1)...255 where byte != 0x2F && byte != 0x2E {
                answers.insert(file(Path([byte])).description)
                answers.insert(file(Path([0x78] + [UInt8](repeating: byte, count: 254))).description)
            }
            let found = entries(open(".", O_RDONLY | O_DIRECTORY))
            let stats = Set(found.map { status($0.name).answer.description })
            let removed = Set(found.filter { $0.name != "." && $0.name != ".." }.map { unlink($0.name).description })
            return
                "[\(answers.sorted().joined(separator: " "))] \(found.count) [\(stats.sorted().joined(separator: " "))] [\(removed.sorted().joined(separator: " "))] \(names())"
        }
        test("readdir/of-others") {
            file("f")
            return "\(open("f", O_RDONLY | O_DIRECTORY)) \(names("missing")) "
                + "\(Suite.call(SYS_getdents64, open("f", O_RDONLY).value, 0, 0))"
        }
        test("readdir/into-too-little-room") {
            file("f")
            let d = open(".", O_RDONLY | O_DIRECTORY)
            var buffer = [UInt8](repeating: 0, count: 16)
            let got = buffer.withUnsafeMutableBytes {
                Suite.call(SYS_getdents64, d.value, Int(bitPattern: $0.baseAddress), 16)
            }
            return got.description
        }
        test("readdir/rewound-sees-what-was-made-since") {
            file("a")
            let d = open(".", O_RDONLY | O_DIRECTORY)
            let first = entries(d).count
            file("b")
            lseek(d, 0)
            return "\(first) \(entries(d).count)"
        }
        test("readdir/at-the-end-again") {
            let d = open(".", O_RDONLY | O_DIRECTORY)
            return "\(entries(d).count) \(entries(d).count) \(entries(d).count)"
        }
        test("readdir/two-descriptors") {
            for number in 0..<100 { file(Path("f\(number)")) }
            let (a, b) = (open(".", O_RDONLY | O_DIRECTORY), open(".", O_RDONLY | O_DIRECTORY))
            let first = someEntries(a, buffer: 512).count
            return "\(first > 0) \(entries(b).count) \(entries(a).count + first)"
        }
        test("readdir/lseek-of-a-directory") {
            file("f")
            let d = open(".", O_RDONLY | O_DIRECTORY)
            return "\(lseek(d, -1)) \(lseek(d, 0, CSC_SEEK_CUR).number) \(read(d))"
        }
    }

    private func longListings() {
        test("readdir/1000-entries-in-small-pieces") {
            for number in 0..<1000 { file(Path("file-with-a-rather-long-name-\(number)")) }
            return "\(Set(entries(open(".", O_RDONLY | O_DIRECTORY), buffer: 280).map { $0.name.description }).count)"
        }
        test("readdir/goes-on-at-every-place") {
            for number in 0..<60 { file(Path("f\(number)")) }
            let d = open(".", O_RDONLY | O_DIRECTORY)
            let all = entries(d)
            // From the place after each entry the listing is what followed it.
            let right = all.indices.filter { index in
                lseek(d, all[index].cookie)
                return entries(d).map { $0.name } == all[(index + 1)...].map { $0.name }
            }
            return "\(all.count) \(right.count)"
        }
        test("readdir/removing-all-while-listing") {
            for number in 0..<500 { file(Path("f\(number)")) }
            let d = open(".", O_RDONLY | O_DIRECTORY)
            var seen = 0
            while true {
                let some = someEntries(d, buffer: 1024)
                if some.isEmpty { break }
                for entry in some where entry.name != "." && entry.name != ".." {
                    seen += 1
                    unlink(entry.name)
                }
            }
            return "\(seen) \(names())"
        }
        test("readdir/removing-what-was-not-listed-yet") {
            for number in 0..<300 { file(Path("f\(number)")) }
            let d = open(".", O_RDONLY | O_DIRECTORY)
            let first = Set(someEntries(d, buffer: 512).map { $0.name.description })
            for number in 0..<300 where !first.contains("f\(number)") { unlink(Path("f\(number)")) }
            lseek(d, 0)
            return "\(Set(entries(d).map { $0.name.description }) == first.union([".", ".."]))"
        }
        test("readdir/renaming-while-listing-loses-none") {
            for number in 0..<200 { file(Path("a\(number)")) }
            let d = open(".", O_RDONLY | O_DIRECTORY)
            var seen: Set<String> = []
            while true {
                let some = someEntries(d, buffer: 1024)
                if some.isEmpty { break }
                for entry in some {
                    let name = entry.name.description
                    guard name.hasPrefix("a") || name.hasPrefix("b") else { continue }
                    seen.insert(String(name.dropFirst()))
                    if name.hasPrefix("a") { rename(entry.name, Path("b" + name.dropFirst())) }
                }
            }
            return "\(seen.count)"
        }
        test("readdir/stat-of-every-entry") {
            for number in 0..<200 { file(Path("f\(number)"), String(repeating: "x", count: number)) }
            let found = entries(open(".", O_RDONLY | O_DIRECTORY))
            let right = found.filter { entry in
                let name = entry.name.description
                guard let number = Int(name.dropFirst()), name.hasPrefix("f") else { return false }
                return status(entry.name).found.stx_size == UInt64(number)
            }
            return "\(right.count)"
        }
    }

    private func deepTrees() {
        test("deep/200-levels") {
            for _ in 0..<200 {
                mkdir("level")
                chdir("level")
            }
            file("bottom", "reached")
            let found = text("bottom")
            for _ in 0..<200 { chdir("..") }
            let path = Path(String(repeating: "level/", count: 200) + "bottom")
            return "\(found) \(text(path)) \(rename("level", "other")) \(text(path))"
        }
        test("deep/path-longer-than-a-path-may-be") {
            let name = String(repeating: "n", count: 250)
            for _ in 0..<20 {
                mkdir(Path(name))
                chdir(Path(name))
            }
            file("f", "deep")
            let found = text("f")
            for _ in 0..<20 { chdir("..") }
            return "\(found) \(status(Path(String(repeating: name + "/", count: 20) + "f")).answer)"
        }
        test("deep/wide-and-removed") {
            for a in 0..<8 {
                mkdir(Path("d\(a)"))
                for b in 0..<8 {
                    mkdir(Path("d\(a)/e\(b)"))
                    file(Path("d\(a)/e\(b)/f"))
                }
            }
            for a in 0..<8 { remove(Path("d\(a)")) }
            return names()
        }
    }
}
