import FUSE
import FileService
import Frontend
import Glibc
import Linux
import Logging
import ShareHost
import Synchronization
import SystemPackage
import TestSupport
import Testing

/// A host directory that does not answer holds up nobody but who wants to share it.
@Suite struct HungHostTests {
    /// Adds shares on a thread of its own.
    private final class Adder: Sendable {
        private let result = Mutex<Result<ShareHost.Addition, ShareError>?>(nil)
        private let thread = Mutex<Linux.Thread?>(nil)

        init(_ host: ShareHost, _ path: FilePath, target: String) throws {
            let thread = try Linux.Thread(name: "adder") {
                let outcome = Result { () throws(ShareError) in
                    try host.add(path, access: .readWrite, name: "hung", target: target)
                }
                self.result.withLock { $0 = outcome }
            }
            self.thread.withLock { $0 = thread }
        }

        /// Waits for what became of it.
        func wait() -> Result<ShareHost.Addition, ShareError>? {
            thread.withLock { $0.take() }?.join()
            return result.withLock { $0 }
        }
    }

    /// Runs a test with a mount that hangs when it is shared; not at all where this process may not mount.
    private func withHungMount(_ body: (ServedShares, FuseClient, HostMount, FilePath) throws -> Void) throws {
        try withServedShares { shares, client in
            let folder = try shares.directory.makeFolder("hung")
            guard let mount = try HostMount(at: folder.path) else { return }
            mount.hold(.statfs)
            try body(shares, client, mount, FilePath(folder.path))
        }
    }

    @Test func sharesOthersWhileOneDirectoryHangs() throws {
        try withHungMount { shares, client, mount, path in
            let adder = try Adder(shares.host, path, target: "/hung")
            try #require(mount.waitForHeld())

            try shares.share("other")
            #expect(try client.walk(.root, "other/file").node.rawValue > 1)
            try shares.host.addTarget("/other", toShareNamed: "other", in: .readWrite)
            #expect(shares.host.share(at: "/other")?.subname == "other")
            #expect(shares.host.shares.map(\.subname) == ["other"])
            #expect(shares.host.activities(in: .readWrite).count == 1)
            #expect(try shares.host.makeDevice(for: .readOnly, requestQueues: 1).isServing == false)
            try shares.host.remove(named: "other", from: .readWrite)

            mount.release()
            #expect(try adder.wait()?.get().share.targets == ["/hung"])
            #expect(try client.lookup(.root, "hung").node.rawValue > 1)
            try shares.host.remove(named: "hung", from: .readWrite, revoke: true)
        }
    }

    @Test func keepsNameAndTargetOfAShareThatIsBeingAdded() throws {
        try withHungMount { shares, _, mount, path in
            let adder = try Adder(shares.host, path, target: "/hung")
            try #require(mount.waitForHeld())
            let folder = try shares.makeFolder("other")

            #expect(throws: ShareError.targetInUse(target: "/hung", by: path)) {
                try shares.host.add(folder, access: .readOnly, target: "/hung")
            }
            let refusal = #expect(throws: ShareError.self) {
                try shares.host.add(folder, access: .readWrite, name: "hung")
            }
            #expect(refusal?.errno == .fileExists)
            #expect(throws: Errno.noSuchFileOrDirectory) {
                try shares.host.remove(named: "hung", from: .readWrite, revoke: true)
            }
            #expect(throws: Errno.noSuchFileOrDirectory) { try shares.host.removeTarget("/hung") }
            #expect(throws: ShareError.noShare(named: "hung", .readWrite)) {
                try shares.host.addTarget("/more", toShareNamed: "hung", in: .readWrite)
            }
            #expect(shares.host.share(at: "/hung") == nil)

            mount.fail()
            #expect(throws: ShareError.self) { try adder.wait()?.get() }
            #expect(try shares.host.add(folder, access: .readWrite, name: "hung", target: "/hung").isNew)
        }
    }

    @Test func makesOneShareOfTwoAddsAtOnce() throws {
        try withHungMount { shares, _, mount, path in
            let first = try Adder(shares.host, path, target: "/first")
            try #require(mount.waitForHeld())
            let second = try Adder(shares.host, path, target: "/second")
            // So that it waits, as a rule; what comes of it is the same if it does not.
            usleep(20_000)

            mount.release()
            let additions = try [first, second].map { try #require(try $0.wait()?.get()) }

            #expect(additions.map(\.isNew) == [true, false])
            #expect(shares.host.shares.map(\.targets) == [["/first", "/second"]])
            #expect(shares.host.share(at: "/second") == additions[1].share)
            try shares.host.remove(named: "hung", from: .readWrite, revoke: true)
        }
    }

    @Test func letsTheSecondTryWhenTheFirstHasFailed() throws {
        try withHungMount { shares, _, mount, path in
            let first = try Adder(shares.host, path, target: "/first")
            try #require(mount.waitForHeld())
            let second = try Adder(shares.host, path, target: "/second")
            usleep(20_000)

            mount.release(.ioError)

            #expect(throws: ShareError.source(path, .ioError)) { try first.wait()?.get() }
            #expect(try second.wait()?.get().isNew == true)
            #expect(shares.host.shares.map(\.targets) == [["/second"]])
            #expect(shares.host.share(at: "/first") == nil)
            try shares.host.remove(named: "hung", from: .readWrite, revoke: true)
        }
    }

    @Test func givesANameAwayWhileTheHostTakesItsTimeToCloseAFile() throws {
        try withHungMount { shares, client, mount, path in
            mount.release()
            try shares.host.add(path, access: .readWrite, name: "hung", target: "/hung")
            let file = try client.walk(.root, "hung/file").node
            _ = try client.open(file)
            mount.hold(.flush)

            let outcomes = Outcomes(count: 1)
            let remover = try Linux.Thread(name: "remover") {
                outcomes.record(0) { try shares.host.remove(named: "hung", from: .readWrite, revoke: true) }
            }
            try #require(mount.waitForHeld())
            #expect(shares.host.shares.isEmpty)
            let folder = try shares.makeFolder("next")
            #expect(try shares.host.add(folder, access: .readWrite, name: "hung", target: "/hung").isNew)
            #expect(throws: Errno.staleNFSFileHandle) { try client.getattr(file) }
            #expect(try client.walk(.root, "hung/file").attributes.size == 4)

            mount.release()
            remover.join()
            #expect(outcomes.failures == [])
        }
    }
}
