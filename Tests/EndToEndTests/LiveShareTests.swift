import Foundation
import Testing

extension LiveBoots {
    /// Shares that come, change and go while a guest runs.
    @Suite(.serialized) struct LiveShareTests {
        @Test(arguments: ["6.1", "6.12"])
        func plugsInTheDeviceOfTheFirstWritableShare(version: String) async throws {
            let guest = try await LiveGuest(version)
            let (a, b) = (try guest.scratch.directory("a"), try guest.scratch.directory("b"))
            let c = try guest.scratch.directory("c")
            try guest.scratch.write("a/file", "from the host\n")
            try guest.scratch.write("b/file", "read me\n")
            #expect(try await guest.devices == ["sheaf-ro boot 1"])

            let first = try await guest.json("share", "add", "\(a):/x")
            #expect(first["isHotPlugged"] as? Bool == true)
            #expect(first["isNew"] as? Bool == true)
            #expect(first["target"] as? String == "/x")
            #expect(try await guest.devices == ["sheaf-rw hot-plugged 1", "sheaf-ro boot 1"])
            #expect(try await guest.ask("cat /x/file; echo from the guest > /x/new") == "from the host")
            #expect(guest.scratch.text("a/new") == "from the guest\n")

            let second = try await guest.json("share", "add", "\(c):/mnt/deep/c")
            #expect(second["isHotPlugged"] as? Bool == false)
            #expect(try await guest.devices == ["sheaf-rw hot-plugged 2", "sheaf-ro boot 1"])

            let added = try await guest.sheaf("share", "add", "\(b):/y:ro")
            #expect(added.text.hasPrefix("\(b) is at /y (read-only) in live, after "), "\(added.text)\(added.errors)")
            let answer = try await guest.ask(
                "id -u; cat /y/file; echo no > /y/new; mount -o remount,bind,rw /y && echo remounted; echo no > /y/new")
            #expect(answer.hasPrefix("0\nread me\n"))
            #expect(answer.components(separatedBy: "Read-only file system").count == 3, "\(answer)")
            #expect(answer.contains("remounted"))
            #expect(!FileManager.default.fileExists(atPath: guest.scratch.path("b/new")))
            #expect(try await guest.shares == ["/x rw mounted", "/mnt/deep/c rw mounted", "/y ro mounted"])

            #expect(try await guest.sheaf("share", "rm", "/x").status == 0)
            let gone = try await guest.ask("ls /x; grep -c sheaf-rw /proc/self/mountinfo")
            #expect(gone.hasSuffix("2"), "\(gone)")
            #expect(try await guest.shares == ["/mnt/deep/c rw mounted", "/y ro mounted"])
            #expect(try await guest.end().status == 0)
        }

        @Test func sharesSingleFiles() async throws {
            let scratch = try Scratch()
            for name in ["config", "notes", "beside"] { try scratch.write(name, "\(name)\n") }
            let guest = try await LiveGuest(
                "6.12",
                [
                    "-v", "\(scratch.path("config")):/root/.config.d/tool:ro",
                    "-v", "\(scratch.path("notes")):/root/notes",
                ])

            let first = try await guest.ask(
                "cat /root/.config.d/tool /root/notes; echo no > /root/.config.d/tool; echo more >> /root/notes")
            #expect(first.hasPrefix("config\nnotes\n") && first.contains("Read-only file system"), "\(first)")
            #expect(scratch.text("config") == "config\n" && scratch.text("notes") == "notes\nmore\n")
            // The hidden mounts have these files, and nothing beside them leads anywhere.
            let hidden = try await guest.ask(
                "cd /run/sheaf; stat -c %F rw/* ro/* | sort | uniq -c; ls rw/*/.. ; rm -f rw/*; cd /")
            #expect(hidden.contains("1 directory") && hidden.contains("2 regular file"), "\(hidden)")
            #expect(hidden.contains("Read-only file system") && !hidden.contains("beside"), "\(hidden)")
            // As an editor saves: the guest has the file that it was given.
            try scratch.write("new", "replaced\n")
            #expect(rename(scratch.path("new"), scratch.path("notes")) == 0)
            #expect(try await guest.ask("cat /root/notes") == "notes\nmore")

            // Live: a target that is made, and one that is there.
            let before = try await guest.traces()
            try scratch.write("live", "alive\n")
            let added = try await guest.json("share", "add", "\(scratch.path("live")):/made/for/it/file")
            #expect((added["share"] as? [String: Any])?["kind"] as? String == "file")
            _ = try await guest.ask("echo mine > /root/there")
            #expect(try await guest.sheaf("share", "add", "\(scratch.path("live")):/root/there").status == 0)
            #expect(try await guest.ask("cat /made/for/it/file; echo x >> /root/there") == "alive")
            #expect(scratch.text("live") == "alive\nx\n")
            let below = try await guest.sheaf("share", "add", "\(scratch.root):/root/there/below")
            #expect(below.status == 1 && below.errors.contains("nothing can be below a file"), "\(below.errors)")
            #expect(try await guest.sheaf("share", "set", "/root/there", "--ro").status == 0)
            #expect(try await guest.ask("cat /root/there; echo no >> /root/there").hasSuffix("Read-only file system"))

            // Gone again, with what was made for it and not more.
            _ = try await guest.ask("exec 9< /made/for/it/file")
            #expect(try await guest.sheaf("share", "rm", "/made/for/it/file").errors.contains("EBUSY"))
            _ = try await guest.ask("exec 9<&-")
            for target in ["/made/for/it/file", "/root/there"] {
                #expect(try await guest.sheaf("share", "rm", target).status == 0)
            }
            #expect(try await guest.ask("ls -d /made; cat /root/there").hasSuffix("mine"))
            let after = try await guest.settles(to: before)
            #expect(after == before)
            #expect(try await guest.end().status == 0)
        }

        @Test func addsAndListsInEveryForm() async throws {
            let guest = try await LiveGuest()
            let a = try guest.scratch.directory("a")
            let odd = try guest.scratch.directory("o d:d,\u{fc}")
            try guest.scratch.write("a/file", "1\n")
            try guest.scratch.write("o d:d,\u{fc}/file", "2\n")

            let first = try await guest.json("share", "add", "live", "\(a):/a")
            let again = try await guest.json("share", "add", "\(a)/../a/:/a/")
            #expect(again["isNew"] as? Bool == false)
            #expect(try await guest.ask("grep -c ' /a ' /proc/self/mountinfo") == "1")
            // Somebody unmounts it, and it comes back.
            #expect(try await guest.ask("umount /a && ls /a") == "")
            #expect(try await guest.shares == ["/a rw gone"])
            #expect(try await guest.sheaf("share", "add", "\(a):/a").status == 0)
            #expect(try await guest.ask("cat /a/file") == "1")

            let second = try await guest.json("share", "add", "\(a):/mnt/second")
            #expect(second["isNew"] as? Bool == false)
            let subname = try #require((first["share"] as? [String: Any])?["subname"] as? String)
            #expect((second["share"] as? [String: Any])?["subname"] as? String == subname)

            let escaped = odd.replacingOccurrences(of: ":", with: "\\:").replacingOccurrences(of: ",", with: "\\,")
            let byDefault = try await guest.json("share", "add", escaped)
            #expect(byDefault["target"] as? String == odd)
            #expect(try await guest.ask("cat '\(odd)/file'") == "2")

            let keyed = try await guest.sheaf("share", "add", "-q", "source=\(a),target=/k,name=kk,ro")
            #expect(keyed.status == 0 && keyed.text == "", "\(keyed.errors)")
            #expect(try await guest.ask("ls /run/sheaf/ro/kk; stat -c %a /run/sheaf") == "file\n700")
            #expect(
                try await guest.shares == [
                    "/a rw mounted", "/mnt/second rw mounted", "\(odd) rw mounted", "/k ro mounted",
                ])

            let table = try await guest.sheaf("share", "ls", "live")
            let lines = table.text.split(separator: "\n")
            #expect(lines.first?.split(separator: " ") == ["TARGET", "SOURCE", "ACCESS", "STATE", "SUBNAME"])
            #expect(lines.contains { $0.hasPrefix("/mnt/second ") && $0.hasSuffix(" mounted  \(subname)") }, "\(table)")
            let quiet = try await guest.sheaf("share", "ls", "-q")
            #expect(quiet.text.split(separator: "\n") == ["/", "/a", "/mnt/second", odd[...], "/k"])
            let listed = try await guest.start(["share", "ls", "--format", "json"]).finish(limit: 30)
            let objects = try #require(try JSONSerialization.jsonObject(with: listed.output) as? [[String: Any]])
            #expect(objects.count == 4)

            // By target, by directory and by name.
            #expect(try await guest.sheaf("share", "rm", "/mnt/second").text.contains("the share has other targets"))
            #expect(try await guest.sheaf("share", "rm", "live", "kk").status == 0)
            #expect(try await guest.sheaf("share", "rm", odd).status == 0)
            let unknown = try await guest.sheaf("share", "rm", "kk")
            #expect(unknown.status == 1 && unknown.errors.contains("'kk'"), "\(unknown.errors)")
            let root = try await guest.sheaf("share", "rm", "/", "--force")
            #expect(root.status == 1 && root.errors.contains("root"))
            #expect(try await guest.shares == ["/a rw mounted"])
            #expect(try await guest.end().status == 0)
        }

        @Test func removesAndChangesWhatIsInUseOnlyByForce() async throws {
            let guest = try await LiveGuest()
            let a = try guest.scratch.directory("a")
            let b = try guest.scratch.directory("b")
            for name in ["a/file", "b/file"] { try guest.scratch.write(name, "\(name)\n") }
            #expect(try await guest.sheaf("share", "add", "\(a):/a").status == 0)
            #expect(try await guest.sheaf("share", "add", "\(b):/b").status == 0)
            _ = try await guest.ask("exec 7< /a/file; exec 8< /b/file; cd /a; (exec sleep 1000) & cd /")
            let before = try await guest.traces()

            let busy = try await guest.sheaf("share", "rm", "/a")
            #expect(busy.status == 1)
            #expect(busy.errors.contains("/a") && busy.errors.contains("EBUSY") && busy.errors.contains("--force"))
            let unchanged = try await guest.sheaf("share", "set", "/a", "--ro")
            #expect(unchanged.status == 1 && unchanged.errors.contains("EBUSY"), "\(unchanged.errors)")
            #expect(try await guest.settles(to: before) == before)

            let forced = try await guest.sheaf("share", "rm", "/a", "--force")
            #expect(forced.status == 0, "\(forced.errors)")
            // What is open stays open, and nothing new is found.
            #expect(
                try await guest.ask("cat <&7; cat /proc/$!/cwd/file >/dev/null && echo still; ls -d /a")
                    == "a/file\nstill\nls: cannot access '/a': No such file or directory")
            let revoked = try await guest.sheaf("share", "rm", "/b", "--revoke")
            #expect(revoked.status == 0, "\(revoked.errors)")
            #expect(try await guest.ask("cat <&8").contains("Stale file handle"))
            #expect(try await guest.shares == [])
            #expect(try await guest.sheaf("share", "add", "\(b):/b").status == 0)
            #expect(try await guest.ask("cat /b/file") == "b/file")
            #expect(try await guest.end().status == 0)
        }

        @Test func changesTargetAndAccess() async throws {
            let guest = try await LiveGuest()
            let a = try guest.scratch.directory("a")
            try guest.scratch.write("a/file", "1\n")
            #expect(try await guest.sheaf("share", "add", "\(a):/a").status == 0)

            let moved = try await guest.json("share", "set", "/a", "--target", "/mnt/b")
            #expect(moved["target"] as? String == "/mnt/b")
            #expect(
                try await guest.ask("cat /mnt/b/file; ls /a") == "1\nls: cannot access '/a': No such file or directory")
            #expect(try await guest.shares == ["/mnt/b rw mounted"])

            #expect(try await guest.sheaf("share", "set", a, "--ro").status == 0)
            #expect(try await guest.ask("echo no > /mnt/b/new; cat /mnt/b/file").contains("Read-only file system"))
            #expect(try await guest.shares == ["/mnt/b ro mounted"])
            #expect(try await guest.sheaf("share", "set", "/mnt/b", "--rw", "--target", "/c").status == 0)
            #expect(try await guest.ask("echo yes > /c/new; cat /c/file") == "1")
            #expect(guest.scratch.text("a/new") == "yes\n")
            #expect(try await guest.shares == ["/c rw mounted"])
            let nothing = try await guest.sheaf("share", "set", "/c")
            #expect(nothing.status == 64)
            #expect(try await guest.end().status == 0)
        }
    }
}
