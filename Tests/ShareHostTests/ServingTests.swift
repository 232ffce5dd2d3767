import CLinux
import FUSE
import Frontend
import Linux
import SystemPackage
import TestSupport
import Testing

/// A frontend comes, works and goes.
@Suite struct ServingTests {
    @Test(arguments: Dialect.allCases)
    func servesAFrontendOfEveryAge(_ dialect: Dialect) throws {
        try withServedAggregate { served in
            var configuration = Frontend.Configuration()
            configuration.dialect = dialect

            let client = try served.mount(configuration)

            #expect(try client.getattr(.root).attributes.inode == 1)
        }
    }

    @Test func offersWhatIsNeededAndNothingThatCrashesAFrontend() throws {
        try withServedAggregate { served in
            let frontend = try served.connect()

            #expect(frontend.offeredFeatures.isSuperset(of: [.version1, .eventIndex, .indirectDescriptors]))
            #expect(
                frontend.offeredProtocolFeatures.isSuperset(of: [
                    .multiqueue, .replyAck, .resetDevice, .configureMemorySlots,
                ]))
            #expect(!frontend.offeredProtocolFeatures.contains(.config))
            #expect(frontend.maxQueues >= 2)
            #expect((frontend.maxMemorySlots ?? 0) >= 32)
        }
    }

    @Test func worksOnAChildThroughTheQueue() throws {
        try withServedAggregate { served in
            try served.folder.write("hello", "to the guest")
            let client = try served.mount()
            let child = try client.lookup(.root, served.name).node

            let file = try client.lookup(child, "hello")
            let open = try client.open(file.node)
            let content = try client.read(file.node, open.handle, at: 0, count: 4096)
            let created = try client.create(child, "reply")
            let written = try client.write(created.entry.node, created.open.handle, at: 0, [UInt8]("to the host".utf8))
            try client.release(created.entry.node, created.open.handle)
            try client.release(file.node, open.handle)

            #expect(file.attributes.size == 12)
            #expect(content == [UInt8]("to the guest".utf8))
            #expect(written == 11)
            #expect(try served.folder.text("reply") == "to the host")
        }
    }

    @Test(arguments: [VirtioFeatures.eventIndex, .indirectDescriptors, [.eventIndex, .indirectDescriptors]])
    func doesWithoutFeaturesThatTheDriverLeavesOut(_ missing: VirtioFeatures) throws {
        try withServedAggregate { served in
            var configuration = Frontend.Configuration()
            configuration.features.subtract(missing)

            let client = try served.mount(configuration)

            let answers = try (0..<300).map { _ in try client.getattr(.root).attributes.inode }

            #expect(answers == [UInt64](repeating: 1, count: 300))
        }
    }

    @Test func takesMemoryAsOneTable() throws {
        try withServedAggregate { served in
            var configuration = Frontend.Configuration()
            configuration.usesMemoryTable = true

            let client = try served.mount(configuration)

            #expect(try client.getattr(.root).attributes.inode == 1)
        }
    }

    @Test func servesTheNextFrontendWhenOneLeaves() throws {
        try withServedAggregate { served in
            for _ in 0..<5 {
                let client = try served.mount()
                #expect(try client.lookup(.root, served.name).node.rawValue >= 2)
                client.frontend.socket.hangUp()
            }
        }
    }

    @Test func survivesAFrontendThatLeavesWithRequestsInFlight() throws {
        try withServedAggregate { served in
            try served.folder.write("file", [UInt8](repeating: 1, count: 1 << 20))
            let frontend = try served.connect()
            let client = try FuseClient(frontend, depth: 16, dataCapacity: 64 << 10)
            try client.initialize()
            let file = try client.walk(.root, "\(served.name)/file").node
            let handle = try client.open(file).handle
            while let slot = client.acquire() {
                try client.submit(slot, opcode: .read, node: file, reply: .data(upTo: 64 << 10)) { request in
                    request.append(
                        ReadIn {
                            $0.handle = handle
                            $0.size = 64 << 10
                        })
                }
            }
            client.queue.publish()

            frontend.socket.hangUp()

            #expect(try served.mount().getattr(.root).attributes.inode == 1)
        }
    }

    @Test func signalsEveryNewCallEvent() throws {
        try withServedAggregate { served in
            let client = try served.mount()
            client.queue.refuseCalls()

            try client.frontend.replaceCallEvent(of: client.queue)

            var poll = pollfd(fd: client.queue.callEvent.number, events: Int16(POLLIN), revents: 0)
            #expect(cl_poll(&poll, 1, 5_000) == 1)
        }
    }
}
