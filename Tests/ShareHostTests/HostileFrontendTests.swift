import CLinux
import FUSE
import Frontend
import Glibc
import Linux
import SystemPackage
import TestSupport
import Testing

/// Messages that make no sense. Each may cost the frontend its connection, and nobody else anything.
@Suite struct HostileFrontendTests {
    enum Attack: String, CaseIterable, Sendable {
        case hugePayload, shortPayload, longPayload, noPayload, halfAHeader, halfAPayload
        case unknownRequest, unknownRequestThatWantsAReply, wrongVersion, replyFlag
        case ringOfNoSize, ringOfOddSize, ringOfHugeSize, ringOfGreatestSize, unknownRing, ringBaseBeyond
        case ringBaseElsewhere, enableOfNonsense, shapeOfARunningRing
        case ringOutsideMemory, ringAcrossTheEnd, ringThatWraps, ringUnaligned, ringOverItself
        case kickWithoutDescriptor, kickWithAFile, kickWithASocket, callWithAFile, callThatBlocks
        case callWithNobodyToHear
        case callWithThreeDescriptors, enableWithoutKick, baseOfAStoppedRing
        case featuresNobodyOffered, protocolFeaturesNobodyOffered
        case regionWithoutDescriptor, regionOfAPipe, regionLongerThanItsFile, regionThatWraps, regionOfNoSize
        case overlappingRegions, sameRegionTwice, unknownRegionRemoved, usedRegionRemoved
        case tableOfTooMany, tableThatLies, emptyTable
    }

    @Test(arguments: Attack.allCases)
    func survives(_ attack: Attack) throws {
        try withServedAggregate { served in
            try withServedAggregate { bystander in
                let neighbour = try bystander.mount()
                let frontend = try served.connect()

                try Self.run(attack, frontend)

                Self.settle(frontend)
                #expect(try neighbour.lookup(.root, bystander.name).node.rawValue == 2)
                frontend.socket.hangUp()
                #expect(try served.mount().getattr(.root).attributes.inode == 1)
            }
        }
    }

    @Test func survivesAFrontendThatLeavesAtAnyPoint() throws {
        try withServedAggregate { served in
            for count in 0...Self.greetingLength {
                let frontend = try served.attach()
                for step in 0..<count { try Self.greet(frontend, step: step) }
                frontend.socket.hangUp()
            }

            #expect(try served.mount().getattr(.root).attributes.inode == 1)
        }
    }

    /// The messages of a greeting, one by one; answers are left unread.
    private static let greetingLength = 15

    private static func greet(_ frontend: Frontend, step: Int) throws {
        let queue = frontend.requestQueue(0)
        let region = frontend.memory.low
        func set(_ request: VhostUserRequest, _ value: UInt32) throws {
            try frontend.socket.send(request, MessagePayload(ring: 1, value))
        }
        switch step {
        case 0: try frontend.socket.send(.getFeatures)
        case 1:
            try frontend.socket.send(.setProtocolFeatures, MessagePayload(1 << 0 | 1 << 3 | 1 << 13 | 1 << 15))
        case 2: try frontend.socket.send(.getQueueCount)
        case 3: try frontend.socket.send(.setOwner)
        case 4: try frontend.replaceCallEvent(of: queue)
        case 5: try frontend.socket.send(.setFeatures, MessagePayload(1 << 28 | 1 << 29 | 1 << 30 | 1 << 32))
        case 6:
            try frontend.socket.send(
                .addMemoryRegion, MessagePayload(adding: region), descriptors: [region.file.number])
        case 7: try set(.setRingSize, 128)
        case 8: try set(.setRingBase, 0)
        case 9: try frontend.socket.send(.setRingAddress, MessagePayload(addressesOf: queue))
        case 10: try frontend.socket.send(.setRingKick, MessagePayload(1), descriptors: [queue.kickEvent.number])
        case 11: try set(.setRingEnable, 1)
        case 12: queue.kick()
        case 13: try set(.setRingEnable, 0)
        default: try set(.getRingBase, 0)
        }
    }

    @Test func closesDescriptorsItHasNoUseFor() throws {
        try withServedAggregate { served in
            let frontend = try served.connect()
            var readEnd: CInt = -1
            var writeEnd: CInt = -1
            try checked(cl_pipe(&readEnd, &writeEnd))
            let reader = Descriptor(owning: readEnd)
            let writer = Descriptor(owning: writeEnd)

            try? frontend.socket.send(.getFeatures, descriptors: [writer.number])
            _ = consume writer

            // The pipe hangs up once nobody holds its other end.
            var poll = pollfd(fd: reader.number, events: 0, revents: 0)
            #expect(cl_poll(&poll, 1, 5_000) == 1)
        }
    }

    @Test func keepsNoDescriptorOfAFrontendThatLeft() throws {
        try withServedAggregate { served in
            var polls: [pollfd] = []
            let frontend = try served.connect()
            var readEnd: CInt = -1
            var writeEnd: CInt = -1
            try checked(cl_pipe(&readEnd, &writeEnd))
            let reader = Descriptor(owning: readEnd)
            let writer = Descriptor(owning: writeEnd)
            try frontend.socket.send(.setRingKick, MessagePayload(1), descriptors: [writer.number])
            try? frontend.synchronise()
            _ = consume writer

            frontend.socket.hangUp()

            polls.append(pollfd(fd: reader.number, events: 0, revents: 0))
            #expect(cl_poll(&polls, 1, 5_000) == 1)
        }
    }

    /// The backend either still answers or has hung up; that it is silent is the one thing it must not be.
    private static func settle(_ frontend: Frontend) {
        do {
            try frontend.socket.send(.getFeatures)
            while true {
                do {
                    _ = try frontend.socket.receiveValue(replyTo: .getFeatures)
                    return
                } catch .malformed {
                    // The acknowledgement of an attack; the answer comes after it.
                    continue
                }
            }
        } catch .hungUp {
            return
        } catch {
            Issue.record("\(error)")
        }
    }

    private static func run(_ attack: Attack, _ frontend: Frontend) throws {
        switch attack {
        case .hugePayload, .shortPayload, .longPayload, .noPayload, .halfAHeader, .halfAPayload, .unknownRequest,
            .unknownRequestThatWantsAReply, .wrongVersion, .replyFlag:
            try sendMalformed(attack, frontend.socket)
        case .regionWithoutDescriptor, .regionOfAPipe, .regionLongerThanItsFile, .regionThatWraps, .regionOfNoSize,
            .overlappingRegions, .sameRegionTwice, .unknownRegionRemoved, .usedRegionRemoved, .tableOfTooMany,
            .tableThatLies, .emptyTable:
            try sendMemory(attack, frontend)
        default:
            try sendRing(attack, frontend)
        }
    }

    private static func sendMalformed(_ attack: Attack, _ socket: borrowing VhostUserSocket) throws {
        let state = MessagePayload(ring: 1, 128)
        let needReply = VhostUserSocket.needReply
        switch attack {
        case .hugePayload: try socket.send(.setRingSize, state, size: .max)
        case .shortPayload: try socket.send(.setRingSize, MessagePayload(ring: 1, 128), size: 4)
        case .longPayload: try socket.send(.setFeatures, MessagePayload(table: []) + [UInt8](repeating: 0, count: 600))
        case .noPayload: try socket.send(.setRingAddress)
        case .halfAHeader:
            try socket.send(bytes: [8, 0, 0, 0, 1, 0])
            socket.hangUp()
        case .halfAPayload:
            try socket.send(.setRingSize, MessagePayload() + [1, 0, 0], size: 8)
            socket.hangUp()
        case .unknownRequest: try socket.send(VhostUserRequest(rawValue: 4242))
        case .unknownRequestThatWantsAReply: try socket.send(VhostUserRequest(rawValue: 4242), flags: needReply)
        case .wrongVersion: try socket.send(.setRingSize, state, flags: 2)
        default: try socket.send(.setRingSize, state, flags: 4)
        }
    }

    private static func sendRing(_ attack: Attack, _ frontend: Frontend) throws {
        let queue = frontend.requestQueue(0)
        let memory = frontend.memory.low
        // The shape of a ring is taken while it is stopped, and used when it is started.
        let bases = try frontend.stop()
        let base = UInt32(bases[1])
        func set(_ request: VhostUserRequest, ring: Int = 1, _ value: UInt32) throws(BackendFault) {
            try frontend.socket.send(request, MessagePayload(ring: ring, value))
        }
        func address(_ table: UInt64, used: UInt64? = nil) throws(BackendFault) {
            try frontend.socket.send(
                .setRingAddress,
                MessagePayload(
                    ring: 1, table: table, used: used ?? queue.used.userAddress,
                    available: queue.available.userAddress))
        }
        func descriptor(_ request: VhostUserRequest, _ descriptors: [CInt]) throws(BackendFault) {
            try frontend.socket.send(request, MessagePayload(1), descriptors: descriptors)
        }
        func start() throws(BackendFault) {
            try descriptor(.setRingKick, [queue.kickEvent.number])
            try set(.setRingEnable, 1)
            queue.kick()
        }
        // The backend may hang up at the first of several messages.
        do throws(BackendFault) {
            switch attack {
            case .ringOfNoSize: try set(.setRingSize, 0)
            case .ringOfOddSize: try set(.setRingSize, 100)
            case .ringOfHugeSize: try set(.setRingSize, 1 << 31)
            case .ringOfGreatestSize: try set(.setRingSize, 32_768)
            case .unknownRing: try set(.setRingEnable, ring: 77, 1)
            case .ringBaseBeyond: try set(.setRingBase, 1 << 20)
            case .ringBaseElsewhere: try set(.setRingBase, base ^ 0x8000)
            case .enableOfNonsense: try set(.setRingEnable, 5)
            case .shapeOfARunningRing:
                try start()
                try set(.setRingSize, 64)
            case .ringOutsideMemory: try address(0x1000)
            case .ringAcrossTheEnd: try address(memory.userAddress + memory.size - 64)
            case .ringThatWraps: try address(.max - 15)
            case .ringUnaligned: try address(queue.table.userAddress + 3)
            case .ringOverItself: try address(queue.table.userAddress, used: queue.table.userAddress)
            case .kickWithoutDescriptor: try descriptor(.setRingKick, [])
            case .kickWithAFile: try descriptor(.setRingKick, [memory.file.number])
            case .kickWithASocket: try descriptor(.setRingKick, [frontend.socket.descriptor.number])
            case .callWithAFile: try descriptor(.setRingCall, [memory.file.number])
            case .callThatBlocks:
                let full = try BackendFault.wrapping("open an eventfd") { () throws(Errno) in
                    try Descriptor(result: cl_eventfd(0, false))
                }
                var most = UInt64.max - 1
                _ = Glibc.write(full.number, &most, 8)
                try descriptor(.setRingCall, [full.number])
            case .callWithNobodyToHear:
                var readEnd: CInt = -1
                var writeEnd: CInt = -1
                try BackendFault.wrapping("open a pipe") { () throws(Errno) in
                    _ = try checked(cl_pipe(&readEnd, &writeEnd))
                }
                let writer = Descriptor(owning: writeEnd)
                _ = Descriptor(owning: readEnd)
                try descriptor(.setRingCall, [writer.number])
            case .callWithThreeDescriptors:
                try descriptor(.setRingCall, [memory.file.number, memory.file.number, memory.file.number])
            case .enableWithoutKick: try set(.setRingEnable, 1)
            case .baseOfAStoppedRing: _ = try frontend.ringBase(of: queue)
            case .featuresNobodyOffered: try frontend.socket.send(.setFeatures, MessagePayload(.max))
            default: try frontend.socket.send(.setProtocolFeatures, MessagePayload(.max))
            }
            try start()
        } catch .hungUp {
            return
        }
    }

    private static func sendMemory(_ attack: Attack, _ frontend: Frontend) throws {
        let file = frontend.memory.low.file.number
        func region(guest: UInt64 = 1 << 40, size: UInt64, user: UInt64 = 1 << 40, offset: UInt64 = 0) -> MessagePayload
        {
            var payload = MessagePayload(0)
            payload.appendRegion(guest: guest, size: size, user: user, offset: offset)
            return payload
        }
        func add(_ payload: MessagePayload, _ descriptors: [CInt]) throws {
            try frontend.socket.send(
                .addMemoryRegion, payload, flags: VhostUserSocket.needReply, descriptors: descriptors)
        }
        switch attack {
        case .regionWithoutDescriptor: try add(region(size: 4096), [])
        case .regionOfAPipe: try add(region(size: 4096), [frontend.socket.descriptor.number])
        case .regionLongerThanItsFile:
            // Rings in memory that does not exist: looking at them must not kill anybody.
            let short = try Descriptor(result: cl_memfd("short", 4096))
            try add(region(size: 1 << 30), [short.number])
            let queue = frontend.requestQueue(0)
            _ = try? frontend.ringBase(of: queue)
            let start: UInt64 = 1 << 40 + 1 << 20
            try? frontend.socket.send(
                .setRingAddress, MessagePayload(ring: 1, table: start, used: start + 8192, available: start + 4096))
            try? frontend.socket.send(.setRingKick, MessagePayload(1), descriptors: [queue.kickEvent.number])
            try? frontend.socket.send(.setRingEnable, MessagePayload(ring: 1, 1))
            queue.kick()
        case .regionThatWraps: try add(region(guest: .max - 4095, size: 1 << 20), [file])
        case .regionOfNoSize: try add(region(size: 0), [file])
        case .overlappingRegions: try add(region(guest: 4096, size: 1 << 20), [file])
        case .sameRegionTwice: try add(MessagePayload(adding: frontend.memory.low), [file])
        case .unknownRegionRemoved: try frontend.socket.send(.removeMemoryRegion, region(size: 4096))
        case .usedRegionRemoved:
            try frontend.socket.send(.removeMemoryRegion, MessagePayload(adding: frontend.memory.low))
            frontend.requestQueue(0).kick()
        case .tableOfTooMany:
            var payload = MessagePayload()
            payload.append(9 as UInt32)
            payload.append(0 as UInt32)
            for index in 0..<9 as Range<UInt64> {
                payload.appendRegion(guest: index << 20, size: 4096, user: index << 20, offset: 0)
            }
            try frontend.socket.send(.setMemoryTable, payload, descriptors: [CInt](repeating: file, count: 9))
        case .tableThatLies:
            try frontend.socket.send(.setMemoryTable, MessagePayload(ring: 8, 0), descriptors: [file])
        default:
            try frontend.socket.send(.setMemoryTable, MessagePayload(table: []))
        }
    }
}

/// Bytes after a payload.
private func + (payload: MessagePayload, bytes: [UInt8]) -> MessagePayload {
    var longer = payload
    for byte in bytes { longer.append(byte) }
    return longer
}
