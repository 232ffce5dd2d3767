import CSystemCall

/// Extended attributes: all calls, all namespaces, all sizes.
extension Suite {
    private static var create: Int { 1 }
    private static var replace: Int { 2 }

    func extendedAttributeCases() {
        settingAttributes()
        readingAttributes()
        namespaces()
        accessLists()
    }

    private func settingAttributes() {
        test("xattr/set-get-list-remove") {
            file("f")
            return "\(setAttribute("f", "user.a", "value")) \(attribute("f", "user.a")) \(attributes("f")) "
                + "\(removeAttribute("f", "user.a")) \(attribute("f", "user.a")) \(attributes("f"))"
        }
        test("xattr/create-and-replace") {
            file("f")
            return
                "\(setAttribute("f", "user.a", "1", Suite.replace)) \(setAttribute("f", "user.a", "2", Suite.create)) "
                + "\(setAttribute("f", "user.a", "3", Suite.create)) \(setAttribute("f", "user.a", "4", Suite.replace)) "
                + "\(attribute("f", "user.a")) \(setAttribute("f", "user.b", "5", 3)) \(setAttribute("f", "user.b", "5", 4))"
        }
        test("xattr/empty-value") {
            file("f")
            return
                "\(setAttribute("f", "user.a", "")) \(attribute("f", "user.a")) \(attribute("f", "user.a", size: 0)) \(attributes("f"))"
        }
        test("xattr/value-of-any-bytes") {
            file("f")
            let value = (0...255).map { UInt8($0) }
            return "\(setAttribute("f", "user.a", value)) \(attribute("f", "user.a") == Suite.shown(value))"
        }
        for size in [1, 100, 1000, 3000, 4000, 4096, 8192, 65536, 65537] {
            test("xattr/value-of-\(size)-bytes") {
                file("f")
                let answer = setAttribute("f", "user.a", [UInt8](repeating: 0x76, count: size))
                return "\(answer) \(attribute("f", "user.a", size: 0))"
            }
        }
        test("xattr/more-and-more-until-there-is-no-room") {
            file("f")
            var answers: Set<String> = []
            for number in 0..<60 {
                answers.insert(setAttribute("f", Path("user.\(number)"), [UInt8](repeating: 1, count: 200)).description)
            }
            return "[\(answers.sorted().joined(separator: " "))]"
        }
        test("xattr/names-of-255-and-256-bytes") {
            file("f")
            let long = Path("user." + String(repeating: "n", count: 250))
            let longer = Path("user." + String(repeating: "n", count: 251))
            return "\(setAttribute("f", long, "v")) \(attribute("f", long)) \(setAttribute("f", longer, "v")) "
                + "\(attribute("f", longer)) \(removeAttribute("f", longer)) \(removeAttribute("f", long))"
        }
        test("xattr/odd-names") {
            file("f")
            return [
                "", "user.", "user", "a", "user.a/b", "user..", "User.a", "unknown.a", "user.a b", "user.\u{e9}", ".",
            ].map {
                "\(setAttribute("f", Path($0), "v")) \(attribute("f", Path($0)))"
            }.joined(separator: ", ")
        }
        test("xattr/remove-what-is-not-there") {
            file("f")
            return
                "\(removeAttribute("f", "user.a")) \(removeAttribute("f", "unknown.a")) \(removeAttribute("missing", "user.a"))"
        }
        test("xattr/of-a-missing-file") {
            "\(setAttribute("f", "user.a", "v")) \(attribute("f", "user.a")) \(attributes("f"))"
        }
        test("xattr/value-replaced-by-a-longer-and-a-shorter-one") {
            file("f")
            setAttribute("f", "user.a", "medium")
            setAttribute("f", "user.a", "a much longer value")
            let longer = attribute("f", "user.a")
            setAttribute("f", "user.a", "s")
            return "\(longer) \(attribute("f", "user.a"))"
        }
    }

    private func readingAttributes() {
        test("xattr/into-less-room") {
            file("f")
            setAttribute("f", "user.a", "0123456789")
            return
                "\(attribute("f", "user.a", size: 9)) \(attribute("f", "user.a", size: 10)) \(attribute("f", "user.a", size: 11)) "
                + "\(attribute("f", "user.a", size: 0))"
        }
        test("xattr/list-into-less-room") {
            file("f")
            setAttribute("f", "user.a", "v")
            setAttribute("f", "user.bb", "v")
            return "\(attributes("f", size: 0)) \(attributes("f", size: 14)) \(attributes("f", size: 15))"
        }
        test("xattr/list-of-nothing") {
            file("f")
            return "\(attributes("f")) \(attributes("f", size: 0))"
        }
        test("xattr/list-of-many") {
            file("f")
            for number in 0..<100 { setAttribute("f", Path("user.name-\(number)"), "") }
            return "\(attributes("f").split(separator: " ").count) \(attributes("f", size: 0))"
        }
        test("xattr/by-descriptor") {
            let f = open("f", O_CREAT | O_RDWR)
            let set = Path("user.a").withAddress { name in
                Array("v".utf8).withUnsafeBytes {
                    Suite.call(SYS_fsetxattr, f.value, name, Int(bitPattern: $0.baseAddress), 1, 0)
                }
            }
            return "\(set) \(attribute("f", "user.a"))"
        }
        test("xattr/of-directories-links-fifos-and-sockets") {
            mkdir("d")
            symlink("d", "l")
            mkfifo("p")
            bind("s")
            return ["d", "l", "p", "s"].map {
                "\(setAttribute(Path($0), "user.a", "v")) \(attribute(Path($0), "user.a")) \(attributes(Path($0)))"
            }.joined(separator: ", ")
        }
        test("xattr/stay-over-rename-link-and-truncate") {
            file("f", "x")
            setAttribute("f", "user.a", "v")
            rename("f", "g")
            link("g", "h")
            truncate("g", 0)
            return "\(attribute("g", "user.a")) \(attribute("h", "user.a"))"
        }
        test("xattr/are-not-those-of-the-next-file-of-the-name") {
            file("f")
            setAttribute("f", "user.a", "v")
            unlink("f")
            file("f")
            return attribute("f", "user.a")
        }
        test("xattr/of-a-read-only-file") {
            file("f", mode: 0o444)
            return "\(setAttribute("f", "user.a", "v"))"
        }
    }

    private func namespaces() {
        for name in [
            "user.a", "trusted.a", "security.a", "system.a", "system.posix_acl", "security.selinux", "btrfs.a",
        ] {
            testAsRoot("xattr/namespace-\(name)") {
                file("f")
                mkdir("d")
                symlink("f", "l")
                return ["f", "d", "l"].map {
                    "\(setAttribute(Path($0), Path(name), "value")) \(attribute(Path($0), Path(name))) \(attributes(Path($0))) "
                        + "\(removeAttribute(Path($0), Path(name)))"
                }.joined(separator: ", ")
            }
        }
        testAsRoot("xattr/capability") {
            file("f")
            let right: [UInt8] = [1, 0, 0, 2, 0, 0x20, 0, 0] + [UInt8](repeating: 0, count: 12)
            return
                "\(setAttribute("f", "security.capability", right)) \(attribute("f", "security.capability", size: 0)) "
                + "\(setAttribute("f", "security.capability", "nonsense"))"
        }
        testAsRoot("xattr/user-attributes-in-a-sticky-directory-of-another") {
            mkdir("d")
            chmod("d", 0o1777)
            return asStranger { "\(setAttribute("d", "user.a", "v"))" }
        }
    }

    /// POSIX access-control lists as they are on the wire: a version, then tag, permissions and id of each entry.
    private func list(_ entries: [(tag: UInt8, permissions: UInt8, id: UInt32)]) -> [UInt8] {
        [2, 0, 0, 0]
            + entries.flatMap { entry in
                [entry.tag, 0, entry.permissions, 0] + (0..<4).map { UInt8(truncatingIfNeeded: entry.id >> ($0 * 8)) }
            }
    }

    private func accessLists() {
        let none = UInt32.max
        let more = list([(1, 6, none), (2, 4, 12345), (4, 4, none), (0x10, 6, none), (0x20, 0, none)])
        let same = list([(1, 6, none), (4, 4, none), (0x20, 0, none)])
        test("acl/that-says-what-the-mode-says") {
            file("f")
            return "\(setAttribute("f", "system.posix_acl_access", same)) \(mode("f")) \(attributes("f")) "
                + "\(attribute("f", "system.posix_acl_access", size: 0))"
        }
        test("acl/with-a-named-user") {
            file("f")
            return "\(setAttribute("f", "system.posix_acl_access", more)) \(mode("f")) \(attributes("f")) "
                + "\(attribute("f", "system.posix_acl_access", size: 0))"
        }
        test("acl/default-of-a-directory") {
            mkdir("d")
            file("f")
            let set = setAttribute("d", "system.posix_acl_default", more)
            close(open("d/f", O_CREAT | O_WRONLY, 0o666))
            mkdir("d/e", 0o777)
            return "\(set) \(mode("d/f")) \(attributes("d/f")) \(mode("d/e")) \(attributes("d/e")) "
                + "\(setAttribute("f", "system.posix_acl_default", more))"
        }
        test("acl/nonsense") {
            file("f")
            return
                "\(setAttribute("f", "system.posix_acl_access", "nonsense")) \(attribute("f", "system.posix_acl_access")) "
                + "\(attribute("f", "system.posix_acl_default"))"
        }
        testAsRoot("acl/lets-a-named-user-in") {
            chmod(".", 0o755)
            file("f", "x", mode: 0o600)
            setAttribute("f", "system.posix_acl_access", more)
            return asStranger { "\(text("f")) \(open("f", O_WRONLY))" }
        }
        test("acl/chmod-sets-the-mask") {
            file("f")
            setAttribute("f", "system.posix_acl_access", more)
            chmod("f", 0o600)
            return "\(mode("f")) \(attribute("f", "system.posix_acl_access", size: 0))"
        }
    }
}
