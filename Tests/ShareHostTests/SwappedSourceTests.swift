import CLinux
import FUSE
import FileService
import Frontend
import Linux
import ShareHost
import Synchronization
import SystemPackage
import TestSupport
import Testing

/// A source that somebody swaps for a link while it is being added.
@Suite struct SwappedSourceTests {
    @Test func servesUnderAPathWhatIsThereAndNothingElse() throws {
        try withServedShares { served, client in
            let folder = served.directory
            try folder.makeFolder("mine").write("mine", "")
            try folder.makeFolder("outside").write("outside", "")
            try folder.link("link", to: folder.path(of: "outside"))
            let path = FilePath(folder.path(of: "mine"))
            let isOver = Atomic(false)
            var count = 0
            try withoutActuallyEscaping({ @Sendable () -> Void in
                // RENAME_EXCHANGE
                while !isOver.load(ordering: .relaxed) {
                    _ = cl_renameat2(
                        CL_AT_FDCWD, folder.path(of: "mine"), CL_AT_FDCWD, folder.path(of: "link"), 2)
                }
            }) { body in
                let swapping = try Thread(name: "swap", body)
                defer {
                    isOver.store(true, ordering: .relaxed)
                    swapping.join()
                }
                for _ in 0..<1000 {
                    // Refused; or by the path that the link led to; or by its own.
                    guard let share = try? served.host.add(path, access: .readWrite, name: "share").share else {
                        continue
                    }
                    defer { _ = try? served.host.remove(named: "share", from: .readWrite) }
                    guard share.hostPath == path else { continue }
                    count += 1
                    let node = try client.lookup(.root, "share").node
                    let names = try client.list(node).map(\.name)
                    guard names.contains("mine") else {
                        Issue.record("under \(path) there is \(names)")
                        break
                    }
                }
            }
            #expect(count > 0)
        }
    }
}
