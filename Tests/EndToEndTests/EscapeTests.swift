import CLinux
import Foundation
import Linux
import Synchronization
import SystemPackage
import TestSupport
import Testing

extension Boots {
    /// Root in a guest, whose kernel is Linux as it is, tries to reach what is beside its shares, and what the launcher's user
    /// may not.
    @Suite(.serialized) struct EscapeTests {
        /// What root does by itself. Each line of its output is an attempt and what came of it.
        private static let attempts = """
            attempt() {
                name=$1; shift
                if "$@" > /tmp/said 2>&1; then echo "$name: done"; else echo "$name: $(sed -n 's/.*: //;$p' /tmp/said)"; fi
                grep -h SECRET /tmp/said
            }
            outside=$1
            cd /s
            # Links, to be followed by nobody but the guest.
            ln -s $outside/secret absolute; ln -s ../outside/secret relative; ln -s ../outside over
            for link in absolute relative over/secret; do
                attempt "read $link" cat $link
                attempt "write $link" sh -c "echo changed | tee $link > /dev/null"
            done
            attempt "own a link" chown -h 7:7 absolute
            attempt "touch a link" touch -h -d 2001-01-01 absolute
            attempt "link a link" ln absolute hard
            attempt "list over" ls over/
            # Up, past the share's root and past the device's.
            attempt "read up" cat /s/../outside/secret
            device=$(dirname "$(sed -n 's|.* \\(/run/sheaf/[^ ]*\\) .*|\\1|p' /proc/self/mountinfo | head -n 1)/x")
            attempt "make in the root" mkdir $device/new
            attempt "remove a share" rmdir $device/*
            attempt "list above" sh -c "ls $device/.. $device/../.. | grep outside"
            # From one share into the other, which is read-only.
            attempt "link between" ln /r/file from
            attempt "write by descriptor" sh -c 'exec 3< /r/file; echo changed | tee /proc/self/fd/3 > /dev/null'
            mount -o remount,bind,rw /r
            attempt "write remounted" sh -c 'echo changed | tee /r/file > /dev/null'
            attempt "set-user-ID" chmod 4755 /r/file
            attempt "rename" mv /r/file /r/other
            attempt "truncate" truncate -s 0 /r/file
            # Devices, and a program with its owner's rights, which is for who has the share to mind.
            attempt "block device" mknod disk b 8 0
            attempt "memory" mknod memory c 1 1
            attempt "FIFO" mkfifo own
            cp /usr/bin/id id; chmod 6755 id
            # What only another user of the host may read.
            if [ -e theirs ]; then
                attempt "read theirs" cat theirs
                attempt "write theirs" sh -c 'echo mine | tee -a theirs > /dev/null'
                attempt "own theirs" chown 12345 theirs
                attempt "open theirs" chmod 666 theirs
                attempt "list theirs" ls closed
                attempt "enter theirs" cat closed/file
                attempt "make in theirs" mkdir closed/new
                attempt "give away" chown 0:0 mine
                attempt "take a link" chown -h 12345 link-of-theirs
            fi
            # What the host has mounted in a share, from within it and around it.
            if [ -d m ]; then
                attempt "read past a mount" sh -c 'cd m; cat ../../outside/secret'
                attempt "link out of a mount" ln m/file from-mount
                attempt "link into a mount" ln id m/id
                attempt "move a mount" mv m n
                attempt "remove a mount" rmdir m
                attempt "exchange a mount" perl -e 'my ($m, $in) = ("m", "in"); syscall(316, -100, $m, -100, $in, 2) < 0 and die "$!\\n"'
                umount m 2> /dev/null
                attempt "read below a mount" cat m/below
                mount --bind / m
                attempt "mount over a mount" cat m/s/../outside/secret
                umount m
            fi
            # A directory that is moved while somebody is in it.
            mkdir -p p/q/r; cd p/q/r
            (cd /s; for i in $(seq 15); do mv p/q z; mv z p/q; done) &
            for i in $(seq 15); do
                cat ../../../outside/secret ../../../../outside/secret ../../../../../outside/secret
            done 2> /dev/null
            wait
            cd /s
            """

        /// What root does while a program of the host swaps names under its hands; and nodes that it guesses.
        private static let races = """
            use Fcntl;
            for (1 .. 150) {
                for my $name ("d", "l") {
                    if (open my $file, "<", "/s/$name/file") { my $text = <$file>; chomp $text; $seen{$text} = 1 }
                    if (open my $file, ">", "/s/$name/made") { }
                    unlink "/s/$name/secret";
                    rename "/s/in", "/s/$name/in" and rename "/s/$name/in", "/s/in";
                    chmod 0777, "/s/$name/file";
                }
                for my $name ("f", "p") {
                    for my $way (O_RDONLY, O_WRONLY, O_RDWR | O_CREAT) {
                        sysopen my $file, "/s/$name", $way | O_NONBLOCK;
                    }
                }
            }
            print "seen: ", join(", ", sort keys %seen), "\\n";
            opendir my $share, "/s";
            my $known = 0;
            for my $node (1 .. 2000) {
                # open_by_handle_at(2), with what FUSE has for a handle.
                my $handle = pack "L l L L L", 12, 0x81, 0, $node, 0;
                my $number = syscall 304, fileno($share), $handle, O_RDONLY | O_NONBLOCK | O_DIRECTORY;
                next if $number < 0;
                $known++;
                opendir my $found, "/proc/self/fd/$number";
                print "node $node has $_\\n" for grep { /secret/ } readdir $found;
            }
            print "nodes: ", ($known < 40 ? "few" : $known), "\\n";
            """

        private static let outcomes = """
            read absolute: No such file or directory
            write absolute: No such file or directory
            read relative: No such file or directory
            write relative: No such file or directory
            read over/secret: No such file or directory
            write over/secret: No such file or directory
            own a link: done
            touch a link: done
            link a link: done
            list over: No such file or directory
            read up: No such file or directory
            make in the root: Read-only file system
            remove a share: Read-only file system
            list above:\u{20}
            link between: Invalid cross-device link
            write by descriptor: Read-only file system
            write remounted: Read-only file system
            set-user-ID: Read-only file system
            rename: Read-only file system
            truncate: Read-only file system
            block device: Operation not permitted
            memory: Operation not permitted
            FIFO: done
            seen: inside
            nodes: few
            read me

            """

        /// What comes of it where an ordinary user of the host has started the VM.
        private static let outcomesForAUser = """
            read theirs: Permission denied
            write theirs: Permission denied
            own theirs: Operation not permitted
            open theirs: Operation not permitted
            list theirs: Permission denied
            enter theirs: Permission denied
            make in theirs: Permission denied
            give away: Operation not permitted
            take a link: Operation not permitted

            """

        /// Where the share has a mount, these stand before what comes of the races.
        private static let outcomesAtAMount = """
            read past a mount: No such file or directory
            link out of a mount: Invalid cross-device link
            link into a mount: Invalid cross-device link
            move a mount: Device or resource busy
            remove a mount: Device or resource busy
            exchange a mount: Device or resource busy
            read below a mount: No such file or directory
            mount over a mount: No such file or directory

            """

        private static func outcomes(and more: String) -> String {
            outcomes.replacing("seen:", with: more + "seen:")
        }

        /// All that there is to know of a directory's content, but for when it was read last.
        private func print(_ directory: String) async throws -> String {
            let script = """
                cd "$0" && find . -printf '%p %i %y %m %U:%G %n %s %T@ %C@ %l\\n' | LC_ALL=C sort
                find . -type f -exec sha256sum {} + | LC_ALL=C sort
                """
            let finished = try await Program(["sh", "-c", script, directory]).finish()
            try #require(finished.status == 0 && finished.text.contains("secret"), "\(finished.errors)")
            return finished.text
        }

        @Test func letsRootInTheGuestReachNothingBesideItsShares() async throws {
            let scratch = try Scratch()
            let (outside, share, tools) = (
                try scratch.directory("outside"), try scratch.directory("share"), try scratch.directory("tools")
            )
            for name in ["outside/deep", "share/d", "share/in", "outside/readonly"] { _ = try scratch.directory(name) }
            try scratch.write("outside/secret", "SECRET\n")
            try scratch.write("outside/file", "SECRET beside\n")
            try scratch.write("outside/deep/file", "SECRET below\n")
            // The read-only share lies in what must not change.
            try scratch.write("outside/readonly/file", "read me\n")
            try scratch.write("share/d/file", "inside\n")
            try scratch.write("share/f", "a file\n")
            symlink(outside, scratch.path("share/l"))
            mkfifo(scratch.path("share/p"), 0o666)
            try scratch.write("tools/attempts", Self.attempts)
            try scratch.write("tools/races", Self.races)
            let mount = TestMount.isAllowed ? try TestMount("tmpfs", at: scratch.directory("share/m")) : nil
            if mount != nil { try scratch.write("share/m/file", "mounted\n") }
            let before = try await print(outside)

            let swapping = try Swapping(in: share, ["d", "l"], ["f", "p"])
            let finished = try await Program(
                Sheaf.run(arguments: [
                    "-v", "\(share):/s:rw,cache=never", "-v", "\(outside)/readonly:/r:ro", "-v", "\(tools):/tools:ro",
                    "--", "sh", "-c", "sh /tools/attempts \(outside); perl /tools/races; cat /r/file",
                ])
            ).finish(limit: 120)
            swapping.end()

            #expect(finished.status == 0, "\(finished.errors)")
            #expect(finished.text == Self.outcomes(and: mount == nil ? "" : Self.outcomesAtAMount))
            #expect(!(finished.text + finished.errors).contains("SECRET"))
            #expect(try await print(outside) == before)
            for name in try FileManager.default.subpathsOfDirectory(atPath: share) {
                _ = statusOfNoDevice("\(share)/\(name)")
            }
        }

        /// What lstat(2) says of an entry, which is no device and no socket.
        private func statusOfNoDevice(_ path: String) -> stat {
            var status = stat()
            #expect(lstat(path, &status) == 0)
            #expect([S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO].contains(status.st_mode & S_IFMT), "\(path)")
            return status
        }

        /// Whoever root in the guest is, on the host he is who has started the VM.
        @Test(.enabled(if: getuid() == 0), arguments: ["host", "mapped"])
        func letsRootInTheGuestDoNoMoreThanWhoStartedIt(owner: String) async throws {
            let user = try OrdinaryUser(kernel: "6.12")
            let (share, number) = (try user.directory("share"), OrdinaryUser.number)
            let outside = try user.scratch.directory("outside")
            for name in ["share/d", "share/in", "outside/readonly"] { _ = try user.directory(name) }
            // Of these the user may change nothing; with `closed` he may do nothing at all.
            _ = try user.scratch.directory("share/closed")
            for name in ["outside/secret", "share/closed/file"] { try user.scratch.write(name, "SECRET\n") }
            for (name, text) in [
                ("outside/readonly/file", "read me\n"), ("share/d/file", "inside\n"), ("share/f", "a file\n"),
                ("share/mine", "mine\n"), ("share/theirs", "SECRET\n"), ("attempts", Self.attempts),
                ("races", Self.races),
            ] {
                try user.scratch.write(name, text)
            }
            for (name, mode) in [("share/theirs", mode_t(0o600)), ("share/closed", 0o700), ("outside/secret", 0o600)] {
                chmod(user.scratch.path(name), mode)
            }
            symlink(outside, "\(share)/l")
            symlink("theirs", "\(share)/link-of-theirs")
            mkfifo("\(share)/p", 0o666)
            for name in ["d/file", "f", "l", "mine", "p"] { lchown("\(share)/\(name)", number, number) }
            let before = try await print(outside)

            let swapping = try Swapping(in: share, ["d", "l"], ["f", "p"])
            let finished = try await Program(
                ["env"]
                    + user.run(
                        "6.12",
                        [
                            "-v", "\(share):/s:rw,cache=never,owner=\(owner)", "-v", "\(outside)/readonly:/r:ro", "-v",
                            "\(user.scratch.path("attempts")):/attempts", "-v", "\(user.scratch.path("races")):/races",
                            "--", "sh", "-c", "sh /attempts \(outside); perl /races; cat /r/file",
                        ])
            ).finish(limit: 120)
            swapping.end()

            #expect(finished.status == 0, "\(finished.errors)")
            var expected = Self.outcomes(and: Self.outcomesForAUser)
            if owner == "mapped" {
                // It looks so in the guest; nothing of it is so on the host.
                for name in ["block device", "memory", "give away", "take a link"] {
                    expected.replace("\(name): Operation not permitted", with: "\(name): done")
                }
            } else {
                expected.replace("own a link: done", with: "own a link: Operation not permitted")
            }
            #expect(finished.text == expected)
            #expect(!(finished.text + finished.errors).contains("SECRET"))
            #expect(try await print(outside) == before)
            for name in try FileManager.default.contentsOfDirectory(atPath: share) {
                let status = statusOfNoDevice("\(share)/\(name)")
                #expect(owner == "host" || status.st_mode & (S_ISUID | S_ISGID) == 0, "\(name)")
                let isTheirs = ["theirs", "closed", "link-of-theirs"].contains(name)
                #expect(status.st_uid == (isTheirs ? 0 : number), "\(name)")
            }
        }
    }
}

/// A program of the host that swaps pairs of names, each as fast as it can.
private final class Swapping: Sendable {
    private let isOver = Atomic(false)
    private let thread = Mutex<Linux.Thread?>(nil)

    init(in directory: String, _ pairs: [String]...) throws {
        let thread = try Linux.Thread(name: "swapping") { [self] in
            while !isOver.load(ordering: .relaxed) {
                for pair in pairs {
                    // RENAME_EXCHANGE
                    let paths = pair.map { "\(directory)/\($0)" }
                    _ = cl_renameat2(CL_AT_FDCWD, paths[0], CL_AT_FDCWD, paths[1], 2)
                }
                // The guest is emulated: it would not see any of them for long.
                usleep(200)
            }
        }
        self.thread.withLock { $0 = thread }
    }

    func end() {
        isOver.store(true, ordering: .relaxed)
        thread.withLock { $0.take() }?.join()
    }
}
