import Foundation
import Testing

extension Boots {
    @Suite(.serialized) struct FileWorkTests {
        /// Else make(1) says of what it has made that it is of the future, and that the build may be incomplete.
        @Test(arguments: ["6.12", "6.1"])
        func hasTheTimeByWhichTheHostWritesFiles(version: String) async throws {
            let scratch = try Scratch()
            let share = try scratch.directory("share")
            let script = "cd /share; for i in 1 2 3; do date +%s.%N; touch now; stat -c %.9Y now; date +%s.%N; done"

            let finished = try await Program(
                Sheaf.run(version, ["-v", "\(share):/share", "--", "sh", "-c", script])
            ).finish(limit: 120)

            #expect(finished.status == 0, "\(finished.errors)")
            let times = finished.text.split(separator: "\n").compactMap { Double($0) }
            try #require(times.count == 9, "\(finished.text)")
            // The host's files have the time of its last tick, 10 ms ago at most.
            let isInTime = [0, 3, 6].contains { (first: Int) -> Bool in
                let (before, file, after) = (times[first], times[first + 1], times[first + 2])
                return file > before - 0.05 && file < after + 0.01
            }
            #expect(isInTime, "\(times)")
        }

        @Test func copiesTreesThereAndBackUnchanged() async throws {
            let scratch = try Scratch()
            let share = try scratch.directory("share")
            // 1,000 files in 100 directories, made on the host.
            let made = try await Program([
                "sh", "-c",
                """
                cd "$0" && mkdir tree && cd tree &&
                for d in $(seq 1 100); do mkdir d$d; for f in $(seq 1 10); do echo "$d $f" > d$d/f$f; done; done
                ln -s d1/f1 link; ln d1/f2 hard; chmod 600 d1/f3; touch -d @1000000000 d1/f4
                git init -q ../repository && cp -a . ../repository/tree && cd ../repository &&
                git -c user.name=t -c user.email=t@example.org add -A && git -c user.name=t -c user.email=t@example.org commit -qm all
                """, share,
            ]).finish()
            #expect(made.status == 0, "\(made.errors)")

            let script = """
                set -e
                cd /share
                cp -a tree copied
                tar cf tree.tar tree && mkdir out && tar xf tree.tar -C out
                git clone -q repository clone
                mkdir /tmp/local && cp -a tree /tmp/local && cp -a /tmp/local/tree back
                sum() { (cd $1 && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum); }
                for d in tree copied out/tree back clone/tree; do sum $d; done
                stat -c '%a %Y' copied/d1/f3 copied/d1/f4
                """
            let finished = try await Program(
                Sheaf.run(arguments: ["-e", "HOME=/tmp", "-v", "\(share):/share", "--", "sh", "-c", script])
            ).finish(limit: 600)

            #expect(finished.status == 0, "\(finished.errors)")
            let lines = finished.text.split(separator: "\n")
            #expect(lines.count == 7)
            #expect(Set(lines.prefix(5)).count == 1)
            #expect(lines.dropFirst(5).first?.hasPrefix("600 ") == true)
            #expect(lines.last?.hasSuffix(" 1000000000") == true)
            // The host sees what the guest saw.
            let host = try await Program([
                "sh", "-c", "cd \"$0/back\" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum",
                share,
            ]).finish()
            #expect(host.text.split(separator: "\n").first == lines.first)
        }

        @Test func writesAGibibyteAndReadsItBack() async throws {
            let scratch = try Scratch()
            let share = try scratch.directory("share")
            let made = try await Program([
                "sh", "-c", "head -c 67108864 /dev/urandom > \"$0/part\"", share,
            ]).finish()
            #expect(made.status == 0)
            let script = """
                set -e
                cd /share
                for n in $(seq 16); do cat part; done > big
                echo 3 > /proc/sys/vm/drop_caches
                cat big > back
                """

            let finished = try await Program(
                Sheaf.run(arguments: ["-v", "\(share):/share", "--", "sh", "-c", script])
            ).finish(limit: 600)
            let host = try await Program([
                "sh", "-c",
                "cd \"$0\" && for n in $(seq 16); do cat part; done | cmp - big && cmp big back && stat -c %s back",
                share,
            ]).finish()

            #expect(finished.status == 0, "\(finished.errors)")
            #expect(host.text == "1073741824\n", "\(host.errors)")
        }

        @Test func readsWhatIsUnlinkedWhileOpenAndCreatesAsTheCallerInTheGuest() async throws {
            let scratch = try Scratch()
            let share = try scratch.directory("share")
            chmod(share, 0o777)
            let script = """
                cd /share; echo alive > f; exec 3<f; rm f; ls; cat <&3; echo more > g; exec 4<>g; rm g; echo again >&4; cat /proc/self/fd/4
                touch root; setpriv --reuid 4321 --regid 4322 --clear-groups sh -c 'touch user; mkdir dir'
                """

            let finished = try await Program(
                Sheaf.run(arguments: ["-v", "\(share):/share", "--", "sh", "-c", script])
            ).finish()
            let owners = try await Program(["sh", "-c", "cd \"$0\" && stat -c '%n %u %g' root user dir", share])
                .finish()

            #expect(finished.text.hasPrefix("alive\n"), "\(finished.text) \(finished.errors)")
            guard getuid() == 0 else { return }
            #expect(finished.status == 0, "\(finished.errors)")
            #expect(owners.text == "root 0 0\nuser 4321 4322\ndir 4321 4322\n")
        }
    }
}
