import FUSE
import Frontend
import Linux
import Synchronization
import SystemPackage
import TestSupport
import Testing

/// Hostility in quantity: random, concurrent, repeated.
@Suite struct HostileStormTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func survivesRandomRequests(seed: UInt64) throws {
        try withServedAggregate { served in
            try served.directory.write("outside", "canary")
            try served.folder.write("file", "content")
            try served.folder.makeFolder("folder")
            let client = try served.mount()
            let share = try client.lookup(.root, served.name).node
            let file = try client.lookup(share, "file").node
            let folder = try client.lookup(share, "folder").node
            let handles = [try client.open(file, flags: 2).handle, try client.opendir(folder).handle]
            let driver = try HostileDriver(client.frontend)
            var random = SeededRandom(seed: seed)
            var errors: Set<Int32?> = []

            for _ in 0..<2_000 {
                let node = random.pick([.root, share, file, folder, NodeID(rawValue: random.next()), .none])
                let bytes = Self.request(&random, node: node, nodes: [.root, share, file, folder], handles: handles)
                let verdict = try driver.send(bytes, replyRoom: random.pick([0, 8, 16, 24, 96, 120, 144, 160, 4096]))
                #expect(verdict.isSound, "\(bytes)")
                errors.insert(verdict.error)
            }

            // Not all were turned away at one door.
            #expect(errors.count >= 10)
            #expect(errors.contains(0))

            #expect(try served.directory.names() == ["child", "outside"])
            #expect(try served.directory.text("outside") == "canary")
            try client.initialize()
            #expect(try client.lookup(.root, served.name).node.rawValue == 2)
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func survivesRandomChains(seed: UInt64) throws {
        try withServedAggregate { served in
            let client = try served.mount()
            let driver = try HostileDriver(client.frontend)
            var random = SeededRandom(seed: seed)

            for _ in 0..<200 {
                driver.request.store(HostileDriver.request(.getattr, HostileDriver.bytes(GetattrIn())))
                let descriptors = (0..<random.below(12) + 1).map { _ in Self.descriptor(&random, driver) }
                let verdict =
                    random.once(in: 2)
                    ? try driver.offer(descriptors, head: random.once(in: 10) ? UInt16(random.below(65_536)) : 0)
                    : try driver.offerIndirect(
                        descriptors, size: random.once(in: 5) ? UInt32(random.below(1 << 20)) : nil)
                #expect(verdict.outcome != .hungUp)
                if verdict.outcome == .broken { try client.frontend.reboot() }
            }

            try client.frontend.reboot()
            let again = try FuseClient(client.frontend)
            try again.initialize()
            #expect(try again.lookup(.root, served.name).node.rawValue == 2)
        }
    }

    @Test func readsARequestOnceWhileTheGuestChangesIt() throws {
        try withServedAggregate { served in
            try served.directory.write("outside", "canary")
            let client = try served.mount()
            let share = try client.lookup(.root, served.name).node
            let driver = try HostileDriver(client.frontend)
            let request = driver.request
            let isOver = Flag()
            // The name flickers between a good one and one that leads out of the share; the length between two as well.
            let attacker = try Thread(name: "attacker") {
                while !isOver.isRaised {
                    request.start.storeBytes(of: 0x2F2E, toByteOffset: 49, as: UInt16.self)
                    request.start.storeBytes(of: UInt32.max, as: UInt32.self)
                    request.start.storeBytes(of: 0x6161, toByteOffset: 49, as: UInt16.self)
                    request.start.storeBytes(of: UInt32(40 + 8 + 12), as: UInt32.self)
                }
            }
            let name: [UInt8] = [0x2E, 0x61, 0x61] + [UInt8]("outside\0".utf8) + [0]

            for number in 0..<3_000 {
                let body = HostileDriver.bytes(MkdirIn { $0.mode = 0o755 }) + name + [UInt8](repeating: 0, count: 1)
                let verdict = try driver.send(HostileDriver.request(.mkdir, node: share, unique: UInt64(number), body))
                #expect(verdict.isSound)
            }
            isOver.raise()
            attacker.join()

            #expect(try served.directory.names() == ["child", "outside"])
            #expect(try served.directory.text("outside") == "canary")
        }
    }

    @Test func answersWhileMemoryIsReplacedAgainAndAgain() throws {
        try withServedAggregate { served in
            let content = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 13) }
            try served.folder.write("file", content)
            let client = try served.mount()
            let file = try client.walk(.root, "\(served.name)/file").node
            let handle = try client.open(file).handle
            let outcomes = Outcomes(count: 1)
            let reader = try Thread(name: "reader") {
                outcomes.record(0) {
                    for _ in 0..<500 {
                        guard try client.read(file, handle, at: 0, count: 65_536) == content else {
                            throw Errno.ioError
                        }
                    }
                }
            }

            let memory = client.frontend.memory
            for _ in 0..<100 {
                try client.frontend.command(
                    .setMemoryTable, MessagePayload(table: memory.regions),
                    descriptors: memory.regions.map { $0.file.number })
            }
            reader.join()

            #expect(outcomes.failures == [])
        }
    }

    @Test func survivesAStormOfKicks() throws {
        try withServedAggregate { served in
            let client = try served.mount()

            for _ in 0..<20_000 { client.queue.kick() }

            #expect(try client.getattr(.root).attributes.inode == 1)
        }
    }

    @Test func survivesAStormOfReboots() throws {
        try withServedAggregate(requestQueues: 2) { served in
            try served.folder.write("file", "content")
            var configuration = Frontend.Configuration()
            configuration.requestQueues = 2
            configuration.dialect = .qemu11
            let frontend = try served.connect(configuration)

            for _ in 0..<50 {
                let client = try FuseClient(frontend, queue: frontend.requestQueue(1), dataCapacity: 4096)
                try client.initialize()
                let file = try client.walk(.root, "\(served.name)/file").node
                let handle = try client.open(file).handle
                #expect(try client.read(file, handle, at: 0, count: 16) == [UInt8]("content".utf8))
                try frontend.reboot()
            }
        }
    }

    // MARK: Random parts

    /// Values at which arithmetic goes wrong. None lies where a host would really allocate that much.
    private static let edges: [UInt64] = [
        0, 1, 2, 15, 16, 39, 40, 255, 4095, 4096, 4097, 1 << 62, 1 << 63 - 1, 1 << 63, 1 << 63 + 1, .max - 4095,
        .max - 1,
        .max,
    ]

    private static func request(
        _ random: inout SeededRandom, node: NodeID, nodes: [NodeID], handles: [HandleID]
    ) -> [UInt8] {
        var opcode = Opcode(rawValue: UInt32(random.below(60)))
        // One INIT or DESTROY would end what the others are to be tried on.
        if opcode == .destroy || opcode == .initialize { opcode = .lookup }
        var body: [UInt8] = []
        for _ in 0..<random.below(8) {
            var field = MessagePayload()
            switch random.below(5) {
            case 0: field.append(random.pick(handles).rawValue)
            case 1: field.append(random.pick(nodes).rawValue)
            case 2: field.append(random.pick(edges))
            case 3: field.append(UInt32(truncatingIfNeeded: random.pick(edges)))
            default: field.append(UInt32(random.below(1 << 16)))
            }
            body += field.bytes
        }
        let names = ["file", "folder", "new", "..", ".", "", "a/b", "../outside", "/etc/passwd", "outside"]
        for _ in 0..<random.below(3) {
            body += [UInt8](random.pick(names).utf8)
            if !random.once(in: 8) { body.append(0) }
        }
        if random.once(in: 10) { body += random.bytes(random.below(300)) }
        let length = random.once(in: 10) ? UInt32(truncatingIfNeeded: random.pick(edges)) : nil
        let bytes = HostileDriver.request(opcode, node: node, length: length, unique: random.next(), body)
        return random.once(in: 20) ? Array(bytes.prefix(random.below(bytes.count))) : bytes
    }

    private static func descriptor(_ random: inout SeededRandom, _ driver: HostileDriver) -> RingDescriptor {
        let memory = driver.frontend.memory
        let address = random.pick([
            driver.request.address, driver.reply.address, driver.reply.address, driver.table.address,
            memory.low.end - 8, memory.high.end - 100, 0, .max, random.next(),
        ])
        let length = random.pick([0, 1, 16, 40, 56, 120, 4096, 65_536, .max, UInt32(truncatingIfNeeded: random.next())])
        var flags = RingDescriptor.Flags(rawValue: UInt16(random.below(4)))
        if random.once(in: 8) { flags.insert(.indirect) }
        return RingDescriptor(
            address: address, length: length, flags: flags,
            next: random.once(in: 8) ? UInt16(truncatingIfNeeded: random.next()) : UInt16(random.below(13)))
    }
}

/// Something one thread tells another.
private final class Flag: Sendable {
    private let value = Atomic<Bool>(false)
    var isRaised: Bool { value.load(ordering: .relaxed) }
    func raise() { value.store(true, ordering: .relaxed) }
}
