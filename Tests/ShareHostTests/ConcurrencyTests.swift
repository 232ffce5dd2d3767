import FUSE
import FileService
import Frontend
import Linux
import SystemPackage
import TestSupport
import Testing

/// Many at once, over the same things.
@Suite struct ConcurrencyTests {
    @Test func staysWholeWhileFourQueuesFightOverTheSameNames() throws {
        try withServedAggregate(requestQueues: 4) { served in
            var configuration = Frontend.Configuration()
            configuration.requestQueues = 4
            let first = try served.mount(configuration)
            let share = try first.lookup(.root, served.name).node
            let outcomes = Outcomes(count: 4)

            var threads: [Thread] = []
            for number in 0..<4 {
                let client = try FuseClient(
                    first.frontend, queue: first.frontend.requestQueue(number), dataCapacity: 4096)
                threads.append(
                    try Thread(name: "queue-\(number)") {
                        outcomes.record(number) { try Self.fight(client, in: share, seed: UInt64(number)) }
                    })
            }
            for thread in threads { thread.join() }

            #expect(outcomes.failures == [])
            let listed = try first.list(share).map(\.name.description).filter { $0 != "." && $0 != ".." }
            #expect(try listed.sorted() == served.folder.names())
            for name in listed { #expect(try first.lookup(share, FileName(name)).node.rawValue > 1) }
        }
    }

    @Test func showsEveryChildThatIsThereWhileOthersComeAndGo() throws {
        try withServedAggregate { served in
            let client = try served.mount()
            let folder = FilePath(try served.directory.makeFolder("guest").path)
            let aggregate = served.aggregate
            let outcomes = Outcomes(count: 1)
            let host = try Thread(name: "host") {
                outcomes.record(0) {
                    for number in 0..<300 {
                        try aggregate.addChild(name: "passing-\(number)", hostPath: folder, access: .readWrite)
                        if number >= 5 {
                            try aggregate.removeChild(named: "passing-\(number - 5)", revoke: number % 2 == 0)
                        }
                    }
                }
            }

            let node = try client.lookup(.root, served.name).node
            for listings in 0..<200 {
                let names = try client.list(.root, plus: listings % 2 == 0, count: 512).map(\.name)
                guard names.prefix(3) == [".", "..", served.name], Set(names).count == names.count else {
                    Issue.record("a listing shows \(names)")
                    break
                }
                for name in names.dropFirst(3) {
                    do { _ = try client.lookup(.root, name) } catch Errno.noSuchFileOrDirectory { continue }
                }
                guard try client.lookup(.root, served.name).node == node else { throw Errno.staleNFSFileHandle }
            }
            host.join()

            #expect(outcomes.failures == [])
            #expect(try client.list(.root).count == 3 + 5)
        }
    }

    /// Makes, renames, links, reads and removes a handful of names; the others do the same to them meanwhile.
    private static func fight(_ client: FuseClient, in share: NodeID, seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let names: [FileName] = ["a", "b", "c", "d"]
        for _ in 0..<1_500 {
            let name = random.pick(names)
            do {
                switch random.below(7) {
                case 0:
                    let created = try client.create(share, name)
                    _ = try client.write(
                        created.entry.node, created.open.handle, at: 0, [UInt8](repeating: 1, count: 64))
                    try client.release(created.entry.node, created.open.handle)
                    try client.forget(created.entry.node)
                case 1: try client.unlink(share, name)
                case 2: try client.rename(share, name, to: share, random.pick(names))
                case 3:
                    let target = try client.lookup(share, name).node
                    _ = try client.link(target, share, random.pick(names))
                    try client.forget(target, count: 2)
                case 4:
                    let file = try client.lookup(share, name).node
                    let handle = try client.open(file).handle
                    let bytes = try client.read(file, handle, at: 0, count: 64)
                    guard bytes.allSatisfy({ $0 == 1 }) else { throw BackendFault.malformed("read \(bytes)") }
                    try client.release(file, handle)
                    try client.forget(file)
                case 5:
                    for entry in try client.list(share, plus: true) {
                        if let node = entry.entry?.node, node != .none { try client.forget(node) }
                    }
                default: try client.forget(try client.lookup(share, name).node, count: 2)
                }
            } catch let error as Errno {
                // What the others did to the name, and nothing else. EINVAL: they forgot the node as well.
                let expected: [Errno] = [
                    .noSuchFileOrDirectory, .fileExists, .staleNFSFileHandle, .invalidArgument,
                ]
                guard expected.contains(error) else { throw error }
            }
        }
    }
}
