import CSystemCall

/// Who may do what: mode bits, groups, sticky directories, for users that are not root.
extension Suite {
    func accessCases() {
        if isRoot {
            modesForOthers()
            directoriesForOthers()
            stickyDirectories()
            rootItself()
        } else {
            ownersRefused()
        }
    }

    private func modesForOthers() {
        for mode in [0o000, 0o004, 0o002, 0o006, 0o001, 0o005, 0o040, 0o020, 0o400, 0o600, 0o060, 0o700] {
            test("access/\(String(mode, radix: 8))-to-owner-group-and-others") {
                chmod(".", 0o777)
                file("f", "x")
                chown("f", 1111, 2222)
                chmod("f", mode)
                let attempts = {
                    "r \(self.open("f", O_RDONLY)) w \(self.open("f", O_WRONLY)) rw \(self.open("f", O_RDWR)) "
                        + "x \(self.access("f", 1)) truncate \(self.truncate("f", 1)) "
                        + "xattr \(self.attribute("f", "user.none")) \(self.setAttribute("f", "user.a", "v"))"
                }
                return "owner: \(asUser(1111, attempts)) group: \(asUser(3333, group: 2222, attempts)) "
                    + "supplementary: \(asUser(3333, groups: [2222], attempts)) others: \(asStranger(attempts))"
            }
        }
        test("access/exec") {
            chmod(".", 0o777)
            file("script", "#!/bin/missing\n", mode: 0o755)
            file("plain", "x")
            return asStranger {
                ["script", "plain", "missing", "."].map { name in
                    Path(name).withAddress { "\(Suite.call(SYS_execve, $0, 0, 0))" }
                }.joined(separator: " ")
            }
        }
    }

    private func directoriesForOthers() {
        for mode in [0o700, 0o701, 0o702, 0o703, 0o704, 0o705, 0o706, 0o707] {
            test("access/directory-\(String(mode, radix: 8))") {
                mkdir("d")
                mkdir("d/e")
                file("d/f", "x")
                symlink("f", "d/l")
                chmod("d", mode)
                return asStranger {
                    "list \(names("d")) read \(text("d/f")) stat \(status("d/f").answer) make \(file("d/g")) "
                        + "mkdir \(mkdir("d/h")) symlink \(symlink("x", "d/m")) link \(link("d/f", "d/n")) unlink \(unlink("d/f")) "
                        + "rename \(rename("d/l", "d/k")) rmdir \(rmdir("d/e")) readlink \(readlink("d/k")) chdir \(chdir("d"))"
                }
            }
        }
        test("access/search-of-a-directory-above") {
            mkdir("a", 0o700)
            mkdir("a/b", 0o777)
            chmod("a/b", 0o777)
            file("a/b/f", "x")
            return asStranger { "\(text("a/b/f")) \(file("a/b/g")) \(status("a/b").answer) \(status("a").answer)" }
        }
        test("access/held-directory-serves-after-its-parent-is-closed") {
            mkdir("a", 0o755)
            mkdir("a/b", 0o755)
            file("a/b/f", "x")
            return asStranger {
                let b = open("a/b", O_RDONLY | O_DIRECTORY)
                chmod("a", 0)
                let f = Path("f").withAddress { Suite.call(SYS_openat, b.value, $0, Int(O_RDONLY)) }
                return read(f)
            }
        }
        test("access/rights-taken-away-are-gone-at-once") {
            mkdir("d", 0o755)
            file("d/f", "x")
            let before = asStranger { text("d/f") }
            chmod("d", 0o700)
            let after = asStranger { text("d/f") }
            chmod("d", 0o755)
            chmod("d/f", 0o600)
            return "\(before) \(after) \(asStranger { text("d/f") })"
        }
    }

    private func stickyDirectories() {
        for (word, owner, directoryOwner) in [
            ("own-file", Suite.stranger, 0), ("file-of-another", 1111, 0),
            ("file-of-another-in-own-directory", 1111, Suite.stranger),
        ] {
            test("sticky/\(word)") {
                mkdir("d")
                chmod("d", 0o1777)
                file("d/f")
                mkdir("d/e")
                file("d/t")
                for name in ["d/f", "d/e", "d/t"] { chown(Path(name), owner, owner) }
                chown("d", directoryOwner, directoryOwner)
                return asStranger {
                    file("d/own")
                    return "rename \(rename("d/f", "d/g")) over \(rename("d/own", "d/t")) exchange "
                        + "\(rename("d/own", "d/e", flags: CSC_EXCHANGE)) unlink \(unlink("d/f")) \(unlink("d/g")) rmdir \(rmdir("d/e"))"
                }
            }
        }
        test("sticky/link-to-another-users-file") {
            mkdir("d")
            chmod("d", 0o1777)
            file("d/f", "x", mode: 0o600)
            return asStranger { "\(link("d/f", "d/g"))" }
        }
    }

    private func rootItself() {
        test("root/is-refused-nothing-by-modes") {
            file("f", "x")
            chown("f", 1111, 1111)
            chmod("f", 0)
            mkdir("d")
            chown("d", 1111, 1111)
            chmod("d", 0)
            return "\(text("f")) \(open("f", O_RDWR)) \(file("d/g", "y")) \(text("d/g")) \(names("d")) \(owner("d/g"))"
        }
        test("root/executes-only-what-somebody-may") {
            file("f", "x", mode: 0o644)
            file("g", "x", mode: 0o100)
            return "\(access("f", 1)) \(access("g", 1))"
        }
        test("root/noatime-of-another-users-file") {
            file("f", "x")
            chown("f", 1111, 1111)
            return "\(open("f", O_RDONLY | O_NOATIME)) \(asStranger { "\(open("f", O_RDONLY | O_NOATIME))" })"
        }
        test("root/attributes-that-only-root-has") {
            file("f")
            chmod("f", 0o666)
            setAttribute("f", "trusted.a", "v")
            return asStranger {
                "\(setAttribute("f", "trusted.b", "v")) \(attribute("f", "trusted.a")) \(attributes("f"))"
            }
        }
    }

    /// What an ordinary user is refused in its own directory.
    private func ownersRefused() {
        for mode in [0o000, 0o400, 0o200, 0o600, 0o100, 0o500] {
            test("access/own-file-\(String(mode, radix: 8))") {
                file("f", "x")
                chmod("f", mode)
                return "r \(open("f", O_RDONLY)) w \(open("f", O_WRONLY)) rw \(open("f", O_RDWR)) x \(access("f", 1)) "
                    + "truncate \(truncate("f", 0)) xattr \(setAttribute("f", "user.a", "v")) \(attribute("f", "user.a")) "
                    + "chmod \(chmod("f", 0o600)) unlink \(unlink("f"))"
            }
            test("access/own-directory-\(String(mode, radix: 8))") {
                mkdir("d")
                file("d/f", "x")
                chmod("d", mode)
                let found =
                    "list \(names("d")) read \(text("d/f")) make \(file("d/g")) unlink \(unlink("d/f")) rename \(rename("d/f", "x")) "
                    + "into \(rename("d", "e")) chdir \(chdir("e"))"
                return found
            }
        }
        test("access/chown-and-devices") {
            file("f")
            return
                "\(chown("f", 0, -1)) \(chown("f", -1, 0)) \(mknod("c", Int(S_IFCHR) | 0o600, 0x103)) \(mknod("b", Int(S_IFBLK) | 0o600, 0x700))"
        }
        test("access/trusted-and-security-attributes") {
            file("f")
            return
                "\(setAttribute("f", "trusted.a", "v")) \(attribute("f", "trusted.a")) \(setAttribute("f", "security.a", "v")) "
                + "\(attribute("f", "security.a"))"
        }
    }
}
