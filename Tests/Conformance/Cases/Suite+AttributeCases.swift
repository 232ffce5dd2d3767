import CSystemCall

/// chmod(2), chown(2), utimensat(2), statx(2).
extension Suite {
    func attributeCases() {
        modes()
        owners()
        settingTimes()
        statuses()
    }

    private func modes() {
        for mode in [0o000, 0o111, 0o222, 0o444, 0o644, 0o777, 0o1644, 0o2644, 0o4644, 0o2755, 0o4755, 0o7777] {
            test("chmod/\(String(mode, radix: 8))") {
                file("f")
                mkdir("d")
                mkfifo("p")
                return "\(chmod("f", mode)) \(self.mode("f")), \(chmod("d", mode)) \(self.mode("d")), "
                    + "\(chmod("p", mode)) \(self.mode("p"))"
            }
        }
        test("chmod/by-descriptor") {
            let f = open("f", O_CREAT | O_RDWR)
            let d = open(".", O_RDONLY | O_DIRECTORY)
            return "\(fchmod(f, 0o600)) \(mode("f")) \(fchmod(d, 0o711)) \(mode("."))"
        }
        test("chmod/errors") {
            file("f")
            symlink("l", "l")
            return "\(chmod("missing", 0o644)) \(chmod("f/x", 0o644)) \(chmod("l", 0o644)) \(chmod("", 0o644))"
        }
        test("chmod/does-not-touch-the-contents") {
            file("f", "x")
            setTimes("f", (1000, 0), (2000, 0))
            chmod("f", 0o400)
            return "\(times("f")) \(text("f"))"
        }
        test("chmod/open-descriptor-keeps-its-right") {
            let f = open("f", O_CREAT | O_RDWR)
            fchmod(f, 0)
            return "\(write(f, "x").number) \(read(f, at: 0)) \(truncate("f", 4)) \(ftruncate(f, 9)) \(shown(f))"
        }
        test("access/modes") {
            file("f", mode: 0o640)
            file("x", mode: 0o755)
            return "\(access("f", 0)) \(access("f", 4)) \(access("f", 2)) \(access("f", 1)) \(access("x", 1)) "
                + "\(access("missing", 0)) \(access("f/x", 0))"
        }
    }

    private func owners() {
        for (word, owner, group) in [
            ("both-1000-2000", 1000, 2000), ("user-only", 1000, -1), ("group-only", -1, 2000), ("neither", -1, -1),
            ("root", 0, 0), ("large", 0x7FFF_FFFE, 0x7FFF_FFFD), ("larger", 0xFFFF_FFFD, 0xFFFF_FFFE),
        ] {
            testAsRoot("chown/\(word)") {
                file("f")
                mkdir("d")
                symlink("f", "l")
                mkfifo("p")
                return ["f", "d", "l", "p"].map { "\(chown(Path($0), owner, group)) \(self.owner(Path($0)))" }
                    .joined(separator: ", ")
            }
        }
        test("chown/to-what-it-is") {
            file("f")
            return "\(chown("f", user, -1)) \(chown("f", -1, -1)) \(owner("f"))"
        }
        test("chown/errors") {
            file("f")
            return "\(chown("missing", user, -1)) \(chown("f/x", user, -1))"
        }
        testAsRoot("chown/by-descriptor") {
            let f = open("f", O_CREAT | O_RDWR)
            return "\(fchown(f, 1, 2)) \(owner("f"))"
        }
        testAsRoot("chown/by-a-stranger") {
            chmod(".", 0o777)
            file("f")
            return asStranger {
                file("own")
                return "\(chown("f", Suite.stranger, -1)) \(chown("own", 0, -1)) \(chown("own", -1, 0)) "
                    + "\(chown("own", -1, Suite.stranger)) \(chown("own", Suite.stranger, -1)) \(owner("own"))"
            }
        }
        testAsRoot("chown/to-a-supplementary-group") {
            chmod(".", 0o777)
            return asUser(Suite.stranger, groups: [777]) {
                file("own")
                return "\(chown("own", -1, 777)) \(owner("own")) \(chown("own", -1, 778))"
            }
        }
        testAsRoot("owner/of-what-a-stranger-makes") {
            chmod(".", 0o777)
            return asUser(4321, group: 4322) {
                file("f")
                mkdir("d")
                symlink("x", "l")
                mkfifo("p")
                bind("s")
                link("f", "h")
                return ["f", "d", "l", "p", "s", "h"].map { owner(Path($0)) }.joined(separator: " ")
            }
        }
        testAsRoot("owner/of-a-nameless-file") {
            chmod(".", 0o777)
            return asUser(4321, group: 4322) {
                let f = open(".", CInt(bitPattern: CSC_O_TMPFILE.rawValue) | O_RDWR)
                let found = status(f).found
                return "\(f) \(found.stx_uid):\(found.stx_gid)"
            }
        }
    }

    // MARK: Times set and statuses

    private func settingTimes() {
        let now = (0, Int(CSC_UTIME_NOW.rawValue))
        let omit = (0, Int(CSC_UTIME_OMIT.rawValue))
        for (word, access, modification) in [
            ("whole-seconds", (1000, 0), (2000, 0)), ("nanoseconds", (1000, 123_456_789), (2000, 987_654_321)),
            ("one-nanosecond", (1, 1), (1, 999_999_999)), ("before-1970", (-1000, 5), (-1, 999_999_999)),
            ("after-2038", (3_000_000_000, 1), (4_294_967_296, 2)),
            ("after-2200", (8_000_000_000, 0), (9_000_000_000, 0)),
            ("omit-access", omit, (2000, 7)), ("omit-modification", (1000, 7), omit), ("omit-both", omit, omit),
            ("nanoseconds-out-of-range", (0, 1_000_000_000), (0, 0)), ("nanoseconds-negative", (0, 0), (0, -5)),
        ] {
            test("utimensat/\(word)") {
                var found: [String] = []
                file("f")
                mkdir("d")
                symlink("f", "l")
                mkfifo("p")
                for name in ["f", "d", "l", "p"] {
                    setTimes(Path(name), (500, 500), (600, 600))
                    found.append("\(setTimes(Path(name), access, modification)) \(times(Path(name)))")
                }
                return found.joined(separator: ", ")
            }
        }
        test("utimensat/now") {
            file("f")
            setTimes("f", (500, 0), (600, 0))
            let answer = setTimes("f", now, now)
            let found = status("f").found
            return "\(answer) \(found.stx_atime.tv_sec > 1_600_000_000) \(found.stx_mtime.tv_sec > 1_600_000_000) "
                + "\(!Suite.differ(found.stx_atime, found.stx_mtime))"
        }
        test("utimensat/now-and-omit") {
            file("f")
            setTimes("f", (500, 0), (600, 0))
            setTimes("f", now, omit)
            let found = status("f").found
            return "\(found.stx_atime.tv_sec > 1_600_000_000) \(found.stx_mtime.tv_sec)"
        }
        test("utimensat/now-and-a-time") {
            file("f")
            let answer = setTimes("f", now, (600, 0))
            return
                "\(answer) \(status("f").found.stx_mtime.tv_sec) \(status("f").found.stx_atime.tv_sec > 1_600_000_000)"
        }
        test("utimensat/errors") { "\(setTimes("missing", (1, 1), (1, 1))) \(setTimesToNow("missing"))" }
        test("utimensat/by-descriptor") {
            let f = open("f", O_CREAT | O_RDWR)
            let times = [11, 12, 13, 14]
            let answer = times.withUnsafeBytes {
                Suite.call(SYS_utimensat, f.value, 0, Int(bitPattern: $0.baseAddress), 0)
            }
            return "\(answer) \(self.times("f"))"
        }
        test("utimensat/stays-after-the-descriptor-is-closed") {
            let f = open("f", O_CREAT | O_RDWR)
            write(f, "dirty")
            setTimes("f", (1000, 1), (2000, 2))
            close(f)
            return times("f")
        }
        testAsRoot("utimensat/by-a-stranger") {
            file("readable", mode: 0o644)
            file("writable", mode: 0o666)
            chmod("writable", 0o666)
            return asStranger {
                "\(setTimes("readable", (1, 1), (1, 1))) \(setTimesToNow("readable")) \(setTimes("writable", (1, 1), (1, 1))) "
                    + "\(setTimesToNow("writable"))"
            }
        }
    }

    private func statuses() {
        test("statx/what-there-is") {
            file("f", "x")
            let found = status("f").found
            return String(found.stx_mask & 0xFFF, radix: 16) + " blksize=\(found.stx_blksize)"
        }
        test("statx/birth-time-stays") {
            file("f")
            let before = status("f").found.stx_btime
            pause()
            file("f", "x")
            chmod("f", 0o600)
            rename("f", "g")
            return "\(before.tv_sec > 0) \(!Suite.differ(before, status("g").found.stx_btime))"
        }
        test("statx/new-file-has-four-equal-times") {
            file("f")
            let found = status("f").found
            return
                "\(!Suite.differ(found.stx_atime, found.stx_mtime)) \(!Suite.differ(found.stx_mtime, found.stx_ctime)) "
                + "\(!Suite.differ(found.stx_ctime, found.stx_btime))"
        }
        test("statx/later-files-are-younger") {
            file("a")
            pause()
            file("b")
            return "\(Suite.isBefore(status("a").found.stx_mtime, status("b").found.stx_mtime))"
        }
        test("statx/blocks-of-a-sparse-file") {
            file("empty")
            let f = open("sparse", O_CREAT | O_RDWR)
            pwrite(f, "x", at: 1 << 30)
            fsync(f)
            let g = open("full", O_CREAT | O_RDWR)
            write(g, [UInt8](repeating: 1, count: 65536))
            fsync(g)
            return
                "\(status("empty").found.stx_blocks) \(status("sparse").found.stx_blocks < 64) \(status("full").found.stx_blocks)"
        }
        test("statx/one-device") {
            file("f")
            mkdir("d")
            let (f, d) = (status("f").found, status("d").found)
            return "\(f.stx_dev_major == d.stx_dev_major && f.stx_dev_minor == d.stx_dev_minor)"
        }
        test("statx/errors") {
            file("f")
            return "\(status("missing").answer) \(status("f/x").answer) \(status("").answer) \(status("f/").answer)"
        }
        test("statfs/name-length") {
            // struct statfs: type, bsize, blocks, bfree, bavail, files, ffree, fsid, namelen, frsize, flags.
            var found = [Int](repeating: 0, count: 16)
            let answer = Path(".").withAddress { path in
                found.withUnsafeMutableBytes { Suite.call(SYS_statfs, path, Int(bitPattern: $0.baseAddress)) }
            }
            return "\(answer) \(found[8]) \(found[1]) \(found[2] > 0) \(found[3] >= found[4]) \(found[5] >= found[6])"
        }
        test("sync/all-kinds") {
            let f = open("f", O_CREAT | O_RDWR)
            let d = open(".", O_RDONLY | O_DIRECTORY)
            write(f, "x")
            return "\(fsync(f)) \(fsync(f, dataOnly: true)) \(fsync(d)) \(fsync(d, dataOnly: true)) "
                + "\(Suite.call(SYS_syncfs, f.value)) \(Suite.call(SYS_sync_file_range, f.value, 0, 0, 7))"
        }
        test("sync/descriptor-for-reading") {
            file("f")
            mkfifo("p")
            return "\(fsync(open("f", O_RDONLY))) \(fsync(open("p", O_RDWR)))"
        }
    }
}
