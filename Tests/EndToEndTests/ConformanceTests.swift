import Foundation
import Testing

extension Boots {
    /// What a program is answered in a share is what it is answered on the host's own file system.
    ///
    /// `sheaf-conformance` prints a line for each of its cases. The lines of the host and of a guest are compared: whatever
    /// differs is in `Config/conformance-differences.txt` with its reason, and whatever is there differs.
    @Suite(.serialized) struct ConformanceTests {
        private static let limit: Double = 900

        private func program(in directory: String) throws -> String {
            let path = "\(directory)/sheaf-conformance"
            try FileManager.default.copyItem(atPath: "\(Sheaf.products)/sheaf-conformance", toPath: path)
            return path
        }

        /// Runs a program and expects that it says nothing on standard error and all is well.
        private func lines(_ arguments: [String]) async throws -> [String] {
            let finished = try await Program(arguments).finish(limit: Self.limit)
            try #require(finished.status == 0, "\(finished.text.suffix(2000)) \(finished.errors)")
            return finished.text.split(separator: "\n").map(String.init)
        }

        @Test func answersRootAsTheHostDoes() async throws {
            guard getuid() == 0 else { return }
            let scratch = try Scratch()
            let share = try scratch.directory("share")
            for name in ["share/host", "share/guest"] { _ = try scratch.directory(name) }
            let program = try program(in: share)

            let host = try await lines([program, "run", "\(share)/host"])
            let guest = try await lines(
                Sheaf.run(arguments: [
                    "-v", "\(share):/share", "--", "/share/sheaf-conformance", "run", "/share/guest",
                ]))

            try ConformanceDifferences(.root).check(host: host, guest: guest, in: share)
        }

        @Test func goesByAccessListsWhereTheShareSaysSo() async throws {
            guard getuid() == 0 else { return }
            let scratch = try Scratch()
            let share = try scratch.directory("share")
            for name in ["share/host", "share/guest"] { _ = try scratch.directory(name) }
            let program = try program(in: share)

            let host = try await lines([program, "run", "\(share)/host", "acl/"])
            let guest = try await lines(
                Sheaf.run(arguments: [
                    "-v", "\(share):/share,acl", "--", "/share/sheaf-conformance", "run", "/share/guest", "acl/",
                ]))

            #expect(host.count > 3)
            #expect(guest == host)
        }

        /// As nobody in particular on the host, and as the same user in the guest.
        @Test func answersAnOrdinaryUserAsTheHostDoes() async throws {
            let user = try OrdinaryUser(kernel: "6.12")
            let share = try user.directory("share")
            let work = try user.directory("share/host")
            _ = try user.directory("share/guest")
            let program = try program(in: share)
            let number = getuid() == 0 ? OrdinaryUser.number : getuid()
            let become = ["setpriv", "--reuid=\(number)", "--regid=\(number)", "--clear-groups"]

            let host = try await lines((getuid() == 0 ? become : []) + [program, "run", work])
            let guest = try await lines(
                ["env"]
                    + user.run(
                        "6.12",
                        ["-v", "\(share):/share", "--"] + become + [
                            "/share/sheaf-conformance", "run", "/share/guest",
                        ]))

            try ConformanceDifferences(.user).check(host: host, guest: guest, in: share)
        }

        /// Before and after root in the guest has made the mount writable: the first is the guest's answer, the second ours.
        @Test func refusesEveryChangeOfAReadOnlyShare() async throws {
            let scratch = try Scratch()
            let share = try scratch.directory("share")
            let tree = try scratch.directory("tree")
            let program = try program(in: share)
            _ = try await lines([program, "make-tree", tree])
            let script = """
                /share/sheaf-conformance try-tree /tree && mount -o remount,bind,rw /tree && echo remounted &&
                /share/sheaf-conformance try-tree /tree
                """

            let found = try await lines(
                Sheaf.run(arguments: ["-v", "\(share):/share:ro", "-v", "\(tree):/tree:ro", "--", "sh", "-c", script]))

            let parts = found.split(separator: "remounted")
            #expect(parts.count == 2)
            // What does not ask for a change, or is refused for what the descriptor is.
            let others = [
                "fifo/open-to-read-and-write": "ok", "descriptor/write": "EBADF", "descriptor/ftruncate": "EINVAL",
                "descriptor/fallocate": "EBADF", "descriptor/punch-hole": "EBADF",
                "descriptor/copy-file-range": "EBADF",
                "descriptor/map-to-write": "EACCES", "descriptor/map-privately": "ok", "descriptor/fsync": "ok",
                "descriptor/read": "'contents'", "descriptor/getxattr": "'value'",
                "the tree as it was made": "[d f full g l p] [f] 'contents' file 666 links=1 size=8",
            ]
            for part in parts {
                #expect(part.count > 60)
                for line in part {
                    let (name, answer) = ConformanceDifferences.parts(of: line)
                    #expect(answer == others[String(name.dropFirst("read-only/".count))] ?? "EROFS", "\(name)")
                }
            }
        }

        @Test func keepsAFileThatIsExercisedAsItsModelHasIt() async throws {
            let scratch = try Scratch()
            let share = try scratch.directory("share")
            _ = try program(in: share)

            let found = try await lines(
                Sheaf.run(arguments: [
                    "-v", "\(share):/share", "--", "/share/sheaf-conformance", "exercise", "/share", "2000", "1", "2",
                    "3",
                ]))

            #expect(found == (1...3).map { "seed \($0): 2000 operations" })
        }
    }
}
