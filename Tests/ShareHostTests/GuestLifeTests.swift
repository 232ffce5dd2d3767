import CLinux
import FUSE
import Frontend
import SystemPackage
import TestSupport
import Testing

/// What a guest goes through between power on and power off.
@Suite struct GuestLifeTests {
    @Test(arguments: Dialect.allCases)
    func survivesARebootOfTheGuest(_ dialect: Dialect) throws {
        try withServedAggregate { served in
            try served.folder.write("file", "content")
            var configuration = Frontend.Configuration()
            configuration.dialect = dialect
            let client = try served.mount(configuration)
            let before = try client.lookup(.root, served.name)
            let file = try client.lookup(before.node, "file").node
            let handle = try client.open(file).handle

            try client.frontend.reboot()
            let again = try FuseClient(client.frontend)
            try again.initialize()

            #expect(throws: Errno.self) { try again.read(file, handle, at: 0, count: 16) }
            let after = try again.lookup(.root, served.name)
            #expect(after.node.rawValue == 2)
            #expect(after.attributes.inode == before.attributes.inode)
            #expect(try again.lookup(after.node, "file").attributes.size == 7)
        }
    }

    @Test func startsAnewWhenTheDriverIsReloaded() throws {
        try withServedAggregate { served in
            let client = try served.mount()
            _ = try client.lookup(.root, served.name)
            try client.destroy()

            try client.frontend.stop()
            for queue in client.frontend.queues { queue.reset() }
            try client.frontend.start()
            let again = try FuseClient(client.frontend)
            try again.initialize()

            #expect(try again.lookup(.root, served.name).node.rawValue == 2)
        }
    }

    @Test func losesNothingWhenTheGuestIsStoppedAndGoesOn() throws {
        try withServedAggregate { served in
            try served.folder.write("file", "content")
            let client = try served.mount()
            let child = try client.lookup(.root, served.name).node
            let file = try client.lookup(child, "file").node
            let handle = try client.open(file).handle

            for _ in 0..<3 {
                let bases = try client.frontend.stop()
                #expect(bases[1] == client.queue.nextAvailableIndex)
                try client.frontend.start(bases: bases)
            }

            #expect(try client.read(file, handle, at: 0, count: 16) == [UInt8]("content".utf8))
            #expect(try client.getattr(child).attributes.linkCount >= 2)
        }
    }

    @Test func answersWhatWasOfferedWhileTheRingWasStopped() throws {
        try withServedAggregate { served in
            let client = try served.mount()
            let bases = try client.frontend.stop()
            let slot = try #require(client.acquire())
            try client.submit(slot, opcode: .getattr, node: .root, reply: .exactly(AttrOut.byteCount)) {
                $0.append(GetattrIn())
            }
            client.queue.expose()
            #expect(client.queue.readyCount == 0)

            try client.frontend.start(bases: bases)

            #expect(try client.complete().structure(AttrOut.self).attributes.inode == 1)
        }
    }

    @Test func doesNotLoseAKickThatComesBeforeTheRingIsEnabled() throws {
        try withServedAggregate { served in
            let client = try served.mount()
            try client.frontend.enable(client.queue, false)
            try client.frontend.synchronise()
            let slot = try #require(client.acquire())
            try client.submit(slot, opcode: .getattr, node: .root, reply: .exactly(AttrOut.byteCount)) {
                $0.append(GetattrIn())
            }
            client.queue.expose()
            client.queue.kick()
            try client.frontend.synchronise()

            try client.frontend.enable(client.queue, true)

            #expect(try client.complete().structure(AttrOut.self).attributes.inode == 1)
        }
    }

    @Test func usesMemoryThatIsPluggedIntoTheRunningGuest() throws {
        try withServedAggregate { served in
            let client = try served.mount()

            let region = try client.frontend.plug(1 << 20)
            let memory = client.frontend.memory
            let request = try memory.allocate(4096, alignment: 4096, in: region)
            let reply = try memory.allocate(4096, alignment: 4096, in: region)
            request.store(HostileDriver.request(.getattr, HostileDriver.bytes(GetattrIn())))
            client.queue.add([.request(request.part(0, 56)), .reply(reply.part(0, 16 + AttrOut.byteCount))])
            client.queue.publish()
            try client.queue.wait()

            #expect(try client.queue.pop()?.length == UInt32(16 + AttrOut.byteCount))
            let answer = reply.bytes(16 + AttrOut.byteCount)
            #expect(VhostUserSocket.integer(answer, at: 4) as Int32 == 0)
            #expect(VhostUserSocket.integer(answer, at: 32) as UInt64 == 1)
        }
    }

    @Test func dropsMemoryThatIsUnplugged() throws {
        try withServedAggregate { served in
            let client = try served.mount()
            let region = try client.frontend.plug(1 << 20)

            try client.frontend.command(.removeMemoryRegion, MessagePayload(adding: region))

            #expect(try client.getattr(.root).attributes.inode == 1)
        }
    }

    @Test func forgetsEverythingAtASecondInit() throws {
        try withServedAggregate { served in
            let client = try served.mount()
            let first = try client.lookup(.root, served.name).node
            try served.folder.write("file", "content")
            let file = try client.lookup(first, "file").node

            try client.initialize()

            #expect(throws: Errno.self) { try client.getattr(file) }
            #expect(try client.lookup(.root, served.name).node.rawValue == 2)
        }
    }

    @Test func answersDestroyAndNeverForget() throws {
        try withServedAggregate { served in
            let client = try served.mount()
            let child = try client.lookup(.root, served.name).node

            try client.forget(child)
            try client.forget([(node: child, count: 1), (node: .root, count: 1)])
            try client.destroy()
        }
    }

    @Test func takesForgetsOnTheQueueForThem() throws {
        try withServedAggregate { served in
            let client = try served.mount()
            let child = try client.lookup(.root, served.name).node
            let hiprio = try FuseClient(client.frontend, queue: client.frontend.hiprio)
            // A device may leave this queue alone until something else makes it look.
            let slot = try #require(hiprio.acquire())
            try hiprio.submit(slot, opcode: .forget, node: child, reply: .none) { request in
                request.append(ForgetIn { $0.count = 1 })
            }
            hiprio.queue.expose()
            hiprio.queue.kick()

            while hiprio.queue.readyCount == 0 { _ = try client.getattr(.root) }

            #expect(try hiprio.complete().error == nil)
        }
    }
}
