import FUSE
import FileService
import Frontend
import Glibc
import Linux
import SystemPackage
import TestSupport
import Testing

@testable import ShareHost

/// Shares that come and go while a guest uses the device.
@Suite struct LiveShareTests {
    @Test(arguments: [0, 1, 100, 1_000])
    func showsAShareAtTheNextLookupHoweverManyThereAre(count: Int) throws {
        try withServedShares { shares, client in
            for number in 0..<count { try shares.share("present-\(number)") }
            #expect(throws: Errno.noSuchFileOrDirectory) { try client.lookup(.root, "live") }

            try shares.share("live")

            let file = try client.walk(.root, "live/file")
            #expect(file.attributes.size == 4)
            #expect(try client.getattr(.root).attributes.linkCount == UInt32(count) + 3)
            #expect(shares.host.deviceSummaries.first?.childCount == count + 1)
            #expect(shares.host.deviceSummaries.first?.isServing == true)
        }
    }

    @Test func servesAThousandLiveSharesAndKeepsNothingOfThem() throws {
        try withServedShares { shares, client in
            let count = 1_000
            let folders = try (0..<count).map { try shares.makeFolder("share-\($0)") }
            let before = try shares.directory.openDescriptors()

            for number in 0..<count {
                try shares.host.add(
                    folders[number], access: .readWrite, name: "share-\(number)", target: "/mnt/\(number)")
            }
            #expect(shares.host.shares.map(\.subname) == (0..<count).map { "share-\($0)" })
            #expect(try shares.directory.openDescriptors() == before + count)

            let listed = try client.list(.root, plus: true, count: 65_536).dropFirst(2)
            #expect(listed.map(\.name.description) == (0..<count).map { "share-\($0)" })
            for (number, listedShare) in listed.enumerated() {
                let root = try #require(listedShare.entry?.node)
                let file = try client.lookup(root, "file").node
                let handle = try client.open(file, flags: 2).handle
                let content = try client.read(file, handle, at: 0, count: 64)
                #expect(String(decoding: content, as: UTF8.self) == "share-\(number)")
                #expect(try client.write(file, handle, at: 0, [1, 2]) == 2)
                if number % 2 == 0 { try client.release(file, handle) }
            }
            let activities = shares.host.activities(in: .readWrite)
            #expect(activities.count == count)
            #expect(activities.values.allSatisfy { $0.liveInodes == 1 && $0.bytesWritten == 2 && $0.errors == 0 })
            #expect(shares.host.activity(of: .readWrite).openHandles == count / 2)

            for number in 0..<count {
                let share = try shares.host.removeTarget("/mnt/\(number)")
                #expect(share.targets.isEmpty)
                try shares.host.remove(named: "share-\(number)", from: .readWrite, revoke: true)
            }
            #expect(shares.host.shares.isEmpty)
            #expect(try client.list(.root).count == 2)
            #expect(try shares.directory.openDescriptors() == before)
        }
    }

    @Test func losesNothingWhileFourThreadsAddAndRemoveAndTwoQueuesWalk() throws {
        try withServedShares(requestQueues: 2) { shares, client in
            let walked = ["walked-0", "walked-1"]
            for name in walked { try shares.share(name) }
            let folders = try (0..<4).map { try shares.makeFolder("passing-\($0)") }
            let before = try shares.directory.openDescriptors()
            let outcomes = Outcomes(count: 6)

            var threads = try (0..<4).map { number in
                try Thread(name: "host-\(number)") {
                    outcomes.record(number) {
                        try Self.comeAndGo(shares.host, folders, number: number, seed: UInt64(number))
                    }
                }
            }
            for number in 0..<2 {
                let queue = try FuseClient(
                    client.frontend, queue: client.frontend.requestQueue(number), dataCapacity: 65_536)
                threads.append(
                    try Thread(name: "guest-\(number)") {
                        outcomes.record(4 + number) { try Self.walk(queue, walked[number]) }
                    })
            }
            for thread in threads { thread.join() }

            #expect(outcomes.failures == [])
            #expect(shares.host.shares.map(\.subname) == walked)
            for name in walked {
                let activity = try #require(shares.activity(name))
                #expect(activity.openHandles == 0)
                #expect(activity.liveInodes == 0)
                #expect(activity.errors == 0)
                #expect(activity.requests > 0)
            }
            #expect(try shares.directory.openDescriptors() == before)
        }
    }

    /// Shares folders that others share as well, under names of its own, and takes them away again.
    private static func comeAndGo(
        _ host: ShareHost, _ folders: [FilePath], number: Int, seed: UInt64
    ) throws {
        var random = SeededRandom(seed: seed)
        var there: [String] = []
        for step in 0..<400 {
            if there.count < 5, random.below(2) == 0 {
                let name = "host-\(number)-\(step)"
                let target = "/\(name)"
                let folder = random.pick(folders)
                let added = try host.add(folder, access: .readWrite, name: name, target: target)
                guard added.isNew, host.share(at: target) == added.share else { throw Errno.badAddress }
                there.append(name)
            } else if let name = there.popLast() {
                if random.below(2) == 0 {
                    try host.addTarget("/more/\(name)", toShareNamed: name, in: .readWrite)
                    guard try host.removeTarget("/\(name)").targets == ["/more/\(name)"] else {
                        throw Errno.badAddress
                    }
                }
                try host.remove(named: name, from: .readWrite, revoke: random.below(2) == 0)
            }
            // One share that all four fight over.
            let shared = try host.add(folders[0], access: .readWrite, target: "/shared/\(number)").share
            _ = try host.removeTarget("/shared/\(number)")
            do throws(Errno) {
                try host.remove(named: shared.subname, from: .readWrite, revoke: true, onlyWithoutTargets: true)
            } catch {
                guard error == .resourceBusy || error == .noSuchFileOrDirectory else { throw error }
            }
        }
        for name in there { try host.remove(named: name, from: .readWrite) }
    }

    /// Uses a share that stays, and looks at those that do not.
    private static func walk(_ client: FuseClient, _ name: String) throws {
        for step in 0..<600 {
            let root = try client.lookup(.root, FileName(name)).node
            let file = try client.lookup(root, "file").node
            let handle = try client.open(file).handle
            guard try client.read(file, handle, at: 0, count: 64) == Array(name.utf8) else { throw Errno.ioError }
            try client.release(file, handle)
            try client.forget([(file, 1), (root, 1)])
            guard step % 10 == 0 else { continue }
            for entry in try client.list(.root, plus: true) {
                guard let node = entry.entry?.node, node != .none else { continue }
                if entry.name.description.hasPrefix("host-") { try use(client, node) }
                try client.forget(node)
            }
        }
    }

    /// Uses a share that may be gone.
    private static func use(_ client: FuseClient, _ root: NodeID) throws {
        do {
            let file = try client.lookup(root, "file").node
            let handle = try? client.open(file).handle
            if let handle { try? client.release(file, handle) }
            try client.forget(file)
        } catch Errno.staleNFSFileHandle {}
    }

    @Test func countsExactlyWhatEachQueueHasDone() throws {
        try withServedShares(requestQueues: 3) { shares, first in
            try shares.share("counted")
            try shares.share("idle")
            let root = try first.lookup(.root, "counted").node
            let outcomes = Outcomes(count: 3)
            let threads = try (0..<3).map { number in
                let client = try FuseClient(
                    first.frontend, queue: first.frontend.requestQueue(number), dataCapacity: 65_536)
                return try Thread(name: "queue-\(number)") {
                    outcomes.record(number) {
                        for step in 0..<200 {
                            let file = try client.lookup(root, "file").node
                            let handle = try client.open(file, flags: 2).handle
                            _ = try client.read(file, handle, at: 0, count: 5)
                            _ = try client.write(file, handle, at: 100, [UInt8](repeating: 0, count: 100))
                            do { try client.rmdir(root, "file") } catch Errno.notDirectory {}
                            if step >= 10 { try client.release(file, handle) }
                        }
                    }
                }
            }
            for thread in threads { thread.join() }

            #expect(outcomes.failures == [])
            let activity = try #require(shares.activity("counted"))
            #expect(activity.requests == 3 * (200 * 5 + 190))
            #expect(activity.bytesRead == 3 * 200 * 5)
            #expect(activity.bytesWritten == 3 * 200 * 100)
            #expect(activity.errors == 3 * 200)
            #expect(activity.lastError?.operation == "rmdir")
            #expect(activity.lastError?.errno == .notDirectory)
            #expect(activity.openHandles == 3 * 10)
            #expect(activity.liveInodes == 1)
            #expect(shares.activity("idle") == ChildActivity())
            #expect(shares.host.activity(of: .readWrite) == activity)

            // By the ring that FORGET comes through.
            let hiprio = try FuseClient(first.frontend, queue: first.frontend.hiprio, dataCapacity: 4096)
            try hiprio.forget(try first.lookup(root, "file").node, count: 601)
            #expect(shares.activity("counted")?.liveInodes == 0)
        }
    }
}
