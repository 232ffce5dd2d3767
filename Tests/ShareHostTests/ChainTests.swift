import FUSE
import Frontend
import Linux
import SystemPackage
import TestSupport
import Testing

/// However a request is cut into descriptors, it is the same request.
@Suite struct ChainTests {
    static let layouts: [ChainLayout] = [
        .linux, .direct, .bytewise, ChainLayout(isIndirect: false, headerPiece: 7, dataPiece: 100),
        ChainLayout(isIndirect: true, headerPiece: 41, dataPiece: 4095),
    ]

    @Test(arguments: layouts)
    func answersTheSameForEveryLayout(_ layout: ChainLayout) throws {
        try withServedAggregate { served in
            var configuration = Frontend.Configuration()
            configuration.queueSize = 1024
            let client = try served.mount(configuration)
            client.layout = layout
            let data = (0..<600).map { UInt8(truncatingIfNeeded: $0 &* 7) }

            let child = try client.lookup(.root, served.name).node
            let created = try client.create(child, "pieces")
            let (file, handle) = (created.entry.node, created.open.handle)
            let written = try client.write(file, handle, at: 3, data)
            let read = try client.read(file, handle, at: 0, count: 610)
            let entries = try client.list(child, plus: true, count: 700)

            #expect(written == 600)
            #expect(read == [0, 0, 0] + data)
            #expect(Set(entries.map(\.name)) == [".", "..", "pieces"])
        }
    }

    @Test func movesAMebibyteInOneRequest() throws {
        try withServedAggregate { served in
            var configuration = Frontend.Configuration()
            configuration.queueSize = 1024
            let frontend = try served.connect(configuration)
            let client = try FuseClient(frontend, dataCapacity: 1 << 20)
            let limits = try client.initialize()
            let data = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 12) }

            let child = try client.lookup(.root, served.name).node
            let created = try client.create(child, "large")
            let (file, handle) = (created.entry.node, created.open.handle)
            let written = try client.write(file, handle, at: 0, data)
            let read = try client.read(file, handle, at: 0, count: 1 << 20)

            #expect(limits.maxWrite == 1 << 20)
            #expect(limits.maxPages == 256)
            #expect(written == 1 << 20)
            #expect(read == data)
            #expect(try served.folder.read("large") == data)
        }
    }

    @Test func keepsARingFullOfRequests() throws {
        try withServedAggregate { served in
            let frontend = try served.connect()
            let client = try FuseClient(frontend, depth: 128, dataCapacity: 4096)
            try client.initialize()

            var done = 0
            var right = 0
            while done < 5_000 {
                while let slot = client.acquire() {
                    try client.submit(slot, opcode: .getattr, node: .root, reply: .exactly(AttrOut.byteCount)) {
                        $0.append(GetattrIn())
                    }
                }
                client.queue.publish()
                let reply = try client.complete()
                if try reply.structure(AttrOut.self).attributes.inode == 1 { right += 1 }
                client.release(reply.slot)
                done += 1
            }
            while client.inFlight > 0 { client.release(try client.complete().slot) }

            #expect(right == done)
        }
    }

    @Test func servesFourQueuesAtOnce() throws {
        try withServedAggregate(requestQueues: 4) { served in
            let content = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 13) }
            try served.folder.write("shared", content)
            var configuration = Frontend.Configuration()
            configuration.requestQueues = 4
            let first = try served.mount(configuration)
            let child = try first.lookup(.root, served.name).node

            let outcomes = Outcomes(count: 4)
            var threads: [Thread] = []
            for number in 0..<4 {
                let client = try FuseClient(first.frontend, queue: first.frontend.requestQueue(number))
                threads.append(
                    try Thread(name: "queue-\(number)") {
                        outcomes.record(number) { try Self.work(client, in: child, number: number, content: content) }
                    })
            }
            for thread in threads { thread.join() }

            #expect(outcomes.failures == [])
        }
    }

    private static func work(_ client: FuseClient, in child: NodeID, number: Int, content: [UInt8]) throws {
        let shared = try client.lookup(child, "shared").node
        let handle = try client.open(shared).handle
        for round in 0..<100 {
            let name: FileName = "\(number)-\(round)"
            guard try client.read(shared, handle, at: 0, count: 65_536) == content else { throw Errno.ioError }
            let created = try client.create(child, name)
            guard try client.write(created.entry.node, created.open.handle, at: 0, content) == content.count else {
                throw Errno.ioError
            }
            try client.release(created.entry.node, created.open.handle)
            guard try client.lookup(child, name).node == created.entry.node else { throw Errno.ioError }
            try client.unlink(child, name)
            try client.forget(created.entry.node, count: 2)
        }
        try client.release(shared, handle)
    }
}
