import Foundation
import Testing

extension LiveBoots {
    @Suite(.serialized) struct LiveShareStressTests {
        /// Adds and removes at random, with a seed, until it has done so many of both; then it removes what is left. Ends with 1
        /// where any of them fails.
        private static let client = """
            RANDOM=$1; sources=$2; count=$3; sheaf=$4; me=$1; have=(); done=0; next=0
            run() { "$sheaf" share "$@" -q 2>&1 || { echo "failed: $*"; exit 1; }; }
            remove() {
                local index=$((RANDOM % ${#have[@]})) options=()
                case $((RANDOM % 4)) in 0) options=(--force) ;; 1) options=(--revoke) ;; esac
                "$sheaf" share rm "${have[$index]}" "${options[@]}" > /dev/null || { echo "failed: rm ${have[$index]}"; exit 1; }
                have=("${have[@]:0:$index}" "${have[@]:$((index + 1))}")
            }
            while [ $done -lt $count ]; do
                if [ ${#have[@]} -eq 0 ] || { [ ${#have[@]} -lt 12 ] && [ $((RANDOM % 2)) -eq 0 ]; }; then
                    # The same folders as the other clients', in both ways, at targets of its own.
                    target=/mnt/client$me/$((RANDOM % 3))/$next; next=$((next + 1))
                    access=rw; [ $((RANDOM % 3)) -gt 0 ] || access=ro
                    run add "$sources/$((RANDOM % 10)):$target:$access"
                    have+=("$target")
                else
                    remove
                fi
                done=$((done + 1))
            done
            while [ ${#have[@]} -gt 0 ]; do remove; done
            """

        /// What the guest does all the while in shares that stay: it looks, copies and watches in rounds, and says how many.
        private static let work = """
            rm -f /tmp/stop /tmp/*.log
            inotifywait -m -r -e create --format %f /out > /tmp/inotify.log 2> /tmp/inotify.errors & watcher=$!
            while ! grep -q established /tmp/inotify.errors; do
                kill -0 $watcher || { cat /tmp/inotify.errors; exit; }
                sleep 0.1
            done
            ( n=0; while ! [ -e /tmp/stop ]; do
                [ "$(find /tree /tree-ro -type f | wc -l)" = 400 ] || { echo find failed; break; }; n=$((n + 1))
            done; echo "find $n" ) > /tmp/find.log 2>&1 & finder=$!
            ( n=0; while ! [ -e /tmp/stop ]; do
                tar cf - -C /tree . > /tmp/tree.tar && mkdir /out/$n && tar xf /tmp/tree.tar -C /out/$n &&
                [ "$(cat /out/$n/*/* | sha256sum)" = "$(cat /tree-ro/*/* | sha256sum)" ] && rm -r /out/$n ||
                { echo tar failed; break; }; n=$((n + 1))
            done; echo "tar $n" ) > /tmp/tar.log 2>&1 & copier=$!
            echo works
            """

        private static let rest = """
            touch /tmp/stop; wait $finder $copier; sleep 0.5
            kill $watcher || echo inotifywait failed; wait $watcher 2>/dev/null
            cat /tmp/find.log /tmp/tar.log
            grep -v -e established -e 'Setting up watches' /tmp/inotify.errors
            echo inotifywait $(grep -c '^f' /tmp/inotify.log)
            rm -f /tmp/*.log /tmp/tree.tar
            """

        /// How often something is added or removed in all.
        private static let count =
            ProcessInfo.processInfo.environment["SHEAF_STRESS"].flatMap { Int($0) } ?? 200

        @Test(arguments: [1, 2])
        func changesSharesUnderAGuestAtWork(cpus: Int) async throws {
            let guest = try await LiveGuest("6.12", ["--cpus", "\(cpus)"])
            let tree = try guest.scratch.directory("tree")
            for directory in 0..<10 {
                _ = try guest.scratch.directory("tree/d\(directory)")
                for file in 0..<20 {
                    try guest.scratch.write("tree/d\(directory)/f\(file)", "\(directory) \(file)\n")
                }
            }
            let out = try guest.scratch.directory("out")
            for number in 0..<10 {
                _ = try guest.scratch.directory("sources/\(number)")
                try guest.scratch.write("sources/\(number)/file", "\(number)\n")
            }
            for share in ["\(tree):/tree", "\(tree):/tree-ro:ro", "\(out):/out"] {
                #expect(try await guest.sheaf("share", "add", share).status == 0)
            }
            let before = try await guest.traces()
            let inodes = try await guest.liveInodes
            #expect(try await guest.ask(Self.work).hasSuffix("works"))

            let began = ContinuousClock.now
            let clients = try (1...4).map { seed in
                try guest.startScript(
                    Self.client, ["\(seed)", guest.scratch.path("sources"), "\(Self.count / 4)"])
            }
            for client in clients {
                let finished = try await client.finish(limit: 300)
                #expect(finished.status == 0, "\(finished.text)\(finished.errors)")
            }
            let took = ContinuousClock.now - began
            let report = try await guest.ask(Self.rest, limit: 180)
            print(
                "\(Self.count) changes by 4 clients with \(cpus) CPUs: \(took); \(report.replacing("\n", with: ", "))")

            #expect(!report.contains("failed"), "\(report)")
            let rounds = Dictionary(
                uniqueKeysWithValues: report.split(separator: "\n").compactMap { line -> (String, Int)? in
                    let words = line.split(separator: " ")
                    return words.count == 2 ? Int(words[1]).map { (String(words[0]), $0) } : nil
                })
            let copies = try #require(rounds["tar"], "\(report)")
            #expect(copies > 0)
            #expect(rounds["find"] ?? 0 > 0, "\(report)")
            // Its watch on a new directory may come after the first files in that.
            #expect(rounds["inotifywait"] ?? 0 > 0, "\(report)")
            // A directory that was made for one share stays while others are below it, and then for good.
            _ = try await guest.ask("find /mnt -mindepth 1 -xdev -type d -empty -delete")
            let after = try await guest.settles(to: before)
            #expect(after == before)
            #expect(try await guest.liveInodes == inodes)
            #expect(try await guest.end().status == 0)
        }
    }
}

extension LiveGuest {
    /// How many inodes the guest remembers of each share, once it has forgotten what it can.
    fileprivate var liveInodes: [String: Int] {
        get async throws {
            let status = try await json("status", name)
            let shares = try #require(status["shares"] as? [[String: Any]])
            return Dictionary(
                uniqueKeysWithValues: shares.compactMap { share -> (String, Int)? in
                    guard let source = share["source"] as? String, source.hasPrefix(scratch.root),
                        let activity = share["activity"] as? [String: Any], let count = activity["liveInodes"] as? Int
                    else { return nil }
                    return ("\(source) \(share["access"] ?? "")", count)
                })
        }
    }
}
