import CSystemCall

/// Set-user-ID, set-group-ID and capabilities: what takes them away, and what directories give.
extension Suite {
    /// What is done to a file that is open.
    private var changes: [(name: String, make: (Answer) -> Answer)] {
        [
            ("write", { self.write($0, "x") }), ("pwrite", { self.pwrite($0, "x", at: 100) }),
            ("ftruncate", { self.ftruncate($0, 1) }), ("truncate", { _ in self.truncate("f", 2) }),
            ("open-trunc", { _ in self.close(self.open("f", O_WRONLY | O_TRUNC)) }),
            ("allocate", { self.fallocate($0, 0, 0, 8192) }), ("punch", { self.fallocate($0, 3, 0, 4096) }),
            ("read", { Answer(value: self.read($0).utf8.count) }), ("empty-write", { self.write($0, "") }),
            ("copy", { self.copyRange(self.open("source", O_RDONLY), at: 0, $0, at: 0, 3) }),
            ("setting-times", { _ in self.setTimesToNow("f") }),
            (
                "mapped-write",
                {
                    let page = self.map($0, 4096)
                    self.poke(page, 0, "x")
                    return self.msync(page, 4096)
                }
            ), ("chmod-to-the-same", { self.fchmod($0, Int(self.status($0).found.stx_mode & 0o7777)) }),
        ]
    }

    func privilegeCases() {
        for mode in [0o4755, 0o2755, 0o2745, 0o6755, 0o6711, 0o6666, 0o6777] {
            let word = String(mode, radix: 8)
            testAsRoot("privileges/\(word)-after-chown-by-root") {
                file("f")
                chmod("f", mode)
                chown("f", 1, -1)
                let first = self.mode("f")
                chmod("f", mode)
                chown("f", -1, 2)
                let second = self.mode("f")
                mkdir("d")
                chmod("d", mode)
                chown("d", 1, 1)
                return "\(first) \(second) directory \(self.mode("d"))"
            }
            testAsRoot("privileges/\(word)-after-writing-by-root") {
                file("f")
                chmod("f", mode)
                write(open("f", O_WRONLY), "x")
                let written = self.mode("f")
                truncate("f", 0)
                return "\(written) \(self.mode("f"))"
            }
            for (change, make) in changes {
                testAsRoot("privileges/\(word)-after-\(change)-by-a-stranger") {
                    chmod(".", 0o777)
                    file("source", "abc")
                    return asStranger {
                        file("f", "contents", mode: 0o666)
                        chmod("f", mode)
                        let answer = make(open("f", O_RDWR))
                        return "\(answer) \(self.mode("f"))"
                    }
                }
            }
        }
        testAsRoot("privileges/another-users-file-that-a-stranger-may-write") {
            chmod(".", 0o777)
            file("f", "x")
            chown("f", 1, 1)
            chmod("f", 0o6777)
            return asStranger { "\(write(open("f", O_WRONLY), "y").number) \(mode("f"))" }
        }
        testAsRoot("privileges/chown-by-the-owner") {
            chmod(".", 0o777)
            return asUser(Suite.stranger, groups: [777]) {
                file("f")
                chmod("f", 0o6755)
                chown("f", -1, 777)
                return mode("f")
            }
        }
        testAsRoot("privileges/chmod-by-an-owner-outside-the-group") {
            chmod(".", 0o777)
            file("f")
            chown("f", Suite.stranger, 1)
            mkdir("d")
            chown("d", Suite.stranger, 1)
            return asStranger { "\(chmod("f", 0o2755)) \(mode("f")) \(chmod("d", 0o2755)) \(mode("d"))" }
        }
        testAsRoot("privileges/capability-after-writing") {
            // VFS_CAP_REVISION_2, cap_net_raw.
            let capability: [UInt8] = [1, 0, 0, 2, 0, 0x20, 0, 0] + [UInt8](repeating: 0, count: 12)
            file("f", "x", mode: 0o777)
            let set = setAttribute("f", "security.capability", capability)
            let before = attributes("f")
            write(open("f", O_WRONLY), "y")
            let after = attributes("f")
            setAttribute("f", "security.capability", capability)
            chown("f", 1, 1)
            return "\(set) \(before) \(after) \(attributes("f"))"
        }
        testAsRoot("setgid-directory/gives-its-group") {
            mkdir("d")
            chown("d", 0, 5555)
            chmod("d", 0o2777)
            file("d/f")
            mkdir("d/s")
            symlink("x", "d/l")
            mkfifo("d/p")
            return ["f", "s", "l", "p"].map { "\(owner(Path("d/\($0)"))) \(mode(Path("d/\($0)")))" }
                .joined(separator: ", ")
        }
        testAsRoot("setgid-directory/for-a-stranger") {
            mkdir("d")
            chown("d", 0, 5555)
            chmod("d", 0o2777)
            return asStranger {
                file("d/f")
                mkdir("d/s")
                close(open("d/x", O_CREAT | O_WRONLY, 0o2775))
                mkfifo("d/p", 0o2775)
                mkdir("d/t", 0o2775)
                let temporary = open("d", CInt(bitPattern: CSC_O_TMPFILE.rawValue) | O_RDWR, 0o2775)
                let found = status(temporary).found
                return ["f", "s", "x", "p", "t"].map { "\(owner(Path("d/\($0)"))) \(mode(Path("d/\($0)")))" }
                    .joined(separator: ", ") + " \(found.stx_gid) \(String(found.stx_mode & 0o7777, radix: 8))"
            }
        }
    }
}
