import Foundation
import Testing

extension Boots {
    /// Owners and modes that a guest's root gives to files of an ordinary user's launcher.
    @Suite(.serialized) struct OwnershipTests {
        private static let make = """
            set -e
            cd /share
            umask 022
            mkdir -p /tmp/tree/sub
            echo text > /tmp/tree/sub/file
            chown 33:44 /tmp/tree/sub; chmod 2750 /tmp/tree/sub; chown 1000:1000 /tmp/tree/sub/file
            tar -C /tmp/tree -cf - . | tar -xpf - --numeric-owner
            echo '#!/bin/sh' > tool; chown 0:50 tool; chmod 4755 tool
            echo secret > key; chmod 400 key; echo more >> key
            mknod null c 1 3; chmod 666 null; mkfifo fifo; chown 7:7 fifo; ln -s tool link; ln key hard
            setpriv --reuid 1000 --regid 1000 --clear-groups sh -c '
                echo > sub/denied; cat key; echo > /share/denied; :' 2> /dev/null
            mkdir open; chmod 1777 open
            setpriv --reuid 1000 --regid 1000 --clear-groups sh -c 'umask 77; echo mine > open/mine'
            echo lost > null
            (echo through > fifo &); read word < fifo; echo $word
            """

        private static let show = """
            cd /share
            find . -mindepth 1 -printf '%p %y %U:%G %m\\n' | LC_ALL=C sort
            stat -c '%t:%T %s' null
            cat key
            """

        @Test func keepsWhatRootInTheGuestSaysForAnOrdinaryUser() async throws {
            let user = try OrdinaryUser(kernel: "6.12")
            let share = try user.directory("share")
            func run(_ script: String) async throws -> String {
                let words = user.run("6.12", ["-v", "\(share):/share,owner=mapped", "--", "sh", "-c", script])
                let finished = try await Program(["env"] + words).finish(limit: 300)
                try #require(finished.status == 0, "\(finished.text.suffix(2000)) \(finished.errors)")
                return finished.text
            }

            let first = try await run(Self.make + "\n" + Self.show)
            let again = try await run(Self.show)

            let expected = """
                ./fifo p 7:7 644
                ./hard f 0:0 400
                ./key f 0:0 400
                ./link l 0:0 777
                ./null c 0:0 666
                ./open d 0:0 1777
                ./open/mine f 1000:1000 600
                ./sub d 33:44 2750
                ./sub/file f 1000:1000 644
                ./tool f 0:50 4755
                1:3 0
                secret
                more

                """
            #expect(first == "through\n" + expected)
            #expect(again == expected)

            let number = getuid() == 0 ? OrdinaryUser.number : getuid()
            let names = try #require(FileManager.default.enumerator(atPath: share)).allObjects as? [String]
            #expect(names?.count == 10)
            for name in names ?? [] {
                var found = stat()
                #expect(lstat("\(share)/\(name)", &found) == 0)
                #expect(found.st_uid == number && found.st_mode & 0o6000 == 0, "\(name)")
                #expect([S_IFREG, S_IFDIR, S_IFLNK].contains(found.st_mode & S_IFMT), "\(name)")
            }
        }
    }
}
