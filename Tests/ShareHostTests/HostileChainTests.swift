import FUSE
import Frontend
import TestSupport
import Testing

/// Rings that make no sense. Each may cost the guest its request or its device, and nobody else anything.
@Suite struct HostileChainTests {
    enum Attack: String, CaseIterable, Sendable {
        case loopOfOne, loopOfTwo, headOutOfRange, nextOutOfRange
        case addressOutsideMemory, addressAcrossARegionsEnd, addressThatWraps, lengthBeyondMemory
        case nothingButAnEmptyBuffer, replyBeforeRequest, nothingToRead
        case indirectOfOddSize, indirectOfNoSize, indirectInIndirect, indirectOutsideMemory
        case indirectThatChains, indirectLoop, indirectPastItsEnd, indirectLongerThanTheRing, indirectToWrite
        case availableIndexJumps
    }

    @Test(arguments: Attack.allCases)
    func survives(_ attack: Attack) throws {
        try withServedAggregate { served in
            try withServedAggregate { bystander in
                let neighbour = try bystander.mount()
                let client = try served.mount()
                let driver = try HostileDriver(client.frontend)

                let verdict = try Self.run(attack, driver)

                #expect(verdict.isSound)
                #expect(try neighbour.lookup(.root, bystander.name).node.rawValue == 2)
                client.frontend.socket.hangUp()
                #expect(try served.mount().getattr(.root).attributes.inode == 1)
            }
        }
    }

    @Test func goesOnAfterAHarmlessOddity() throws {
        try withServedAggregate { served in
            let client = try served.mount()
            let driver = try HostileDriver(client.frontend)
            driver.request.store(HostileDriver.request(.getattr, HostileDriver.bytes(GetattrIn())))
            driver.queue.add([
                .request(driver.request.part(0, 56)), .request(driver.request.part(56, 0)),
                .reply(driver.reply.part(0, 0)), .reply(driver.reply.part(0, 16 + AttrOut.byteCount)),
            ])
            driver.queue.publish()

            let verdict = try driver.verdict()

            #expect(verdict.isSound)
        }
    }

    private static func run(_ attack: Attack, _ driver: HostileDriver) throws -> HostileDriver.Verdict {
        let request = driver.request
        request.store(HostileDriver.request(.getattr, HostileDriver.bytes(GetattrIn())))
        let read = RingDescriptor(address: request.address, length: 56, flags: .next, next: 1)
        let write = RingDescriptor(address: driver.reply.address, length: 4096, flags: .write)
        let high = driver.frontend.memory.high
        let size = driver.queue.size
        switch attack {
        case .loopOfOne:
            return try driver.offer([RingDescriptor(address: request.address, length: 56, flags: .next, next: 0)])
        case .loopOfTwo:
            return try driver.offer([read, RingDescriptor(address: request.address, length: 56, flags: .next, next: 0)])
        case .headOutOfRange:
            return try driver.offer([read, write], head: size)
        case .nextOutOfRange:
            return try driver.offer([RingDescriptor(address: request.address, length: 56, flags: .next, next: size + 5)]
            )
        case .addressOutsideMemory:
            return try driver.offer([
                RingDescriptor(address: 0xDEAD_0000_0000, length: 56, flags: .next, next: 1), write,
            ])
        case .addressAcrossARegionsEnd:
            return try driver.offer([read, RingDescriptor(address: high.end - 64, length: 4096, flags: .write)])
        case .addressThatWraps:
            return try driver.offer([read, RingDescriptor(address: .max - 16, length: 4096, flags: .write)])
        case .lengthBeyondMemory:
            return try driver.offer([read, RingDescriptor(address: driver.reply.address, length: .max, flags: .write)])
        case .nothingButAnEmptyBuffer:
            return try driver.offer([RingDescriptor(address: request.address, length: 0)])
        case .replyBeforeRequest:
            return try driver.offer([
                RingDescriptor(address: driver.reply.address, length: 4096, flags: [.write, .next], next: 1),
                RingDescriptor(address: request.address, length: 56),
            ])
        case .nothingToRead:
            return try driver.offer([write])
        case .indirectOfOddSize:
            return try driver.offerIndirect([read, write], size: 17)
        case .indirectOfNoSize:
            return try driver.offerIndirect([read, write], size: 0)
        case .indirectInIndirect:
            return try driver.offerIndirect([
                RingDescriptor(address: driver.table.address, length: 32, flags: .indirect), write,
            ])
        case .indirectOutsideMemory:
            return try driver.offer([RingDescriptor(address: high.end - 16, length: 32, flags: .indirect)])
        case .indirectThatChains:
            return try driver.offerIndirect([read, write], flags: [.indirect, .next])
        case .indirectLoop:
            return try driver.offerIndirect([
                RingDescriptor(address: request.address, length: 56, flags: .next, next: 0), write,
            ])
        case .indirectPastItsEnd:
            return try driver.offerIndirect([
                RingDescriptor(address: request.address, length: 56, flags: .next, next: 500), write,
            ])
        case .indirectLongerThanTheRing:
            let long = (0..<40_000).map { index in
                RingDescriptor(
                    address: request.address, length: 1, flags: index < 39_999 ? .next : [],
                    next: UInt16(truncatingIfNeeded: index + 1))
            }
            return try driver.offerIndirect(long)
        case .indirectToWrite:
            return try driver.offerIndirect([read, write], flags: [.indirect, .write])
        case .availableIndexJumps:
            driver.queue.jump(by: 30_000)
            return try driver.offer([read, write])
        }
    }
}
