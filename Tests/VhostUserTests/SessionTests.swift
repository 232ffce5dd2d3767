import CLinux
import Linux
import SystemPackage
import Testing

@testable import VhostUser

@Suite struct SessionTests {
    private typealias Event = RecordingHost.Event

    @Test func servesTheOrderOfQEMU7() throws {
        let event = try Linux.Descriptor(result: cl_eventfd(0, false))
        let frontend = try Conversation()
        try frontend.greet()

        try frontend.send(.setRingCall, Conversation.number(1), descriptors: [event.number])
        try frontend.addMemory()
        try frontend.setUp(ring: 1)
        try frontend.send(.setRingEnable, Conversation.ring(1, 1))
        try frontend.send(.setRingCall, Conversation.number(1), descriptors: [event.number])
        try frontend.settle()

        #expect(
            frontend.host.events == [
                .call(ring: 1, isSet: true),
                .memory(regions: 1, settled: false),
                .start(ring: 1, next: 0, size: 8, eventIndex: true, hasKick: true),
                .call(ring: 1, isSet: true),
            ])
        #expect(frontend.finish() == .disconnected)
        #expect(frontend.host.events.last == .stop(ring: 1))
    }

    @Test func acknowledgesWhatQEMU10AsksToBeAcknowledged() throws {
        let event = try Linux.Descriptor(result: cl_eventfd(0, false))
        let frontend = try Conversation()
        try frontend.greet()
        try frontend.send(.resetDevice)
        try frontend.addMemory()
        let number = Conversation.number(1)

        #expect(try frontend.command(.setRingSize, Conversation.ring(1, 8)) == 0)
        #expect(try frontend.command(.setRingBase, Conversation.ring(1, 0)) == 0)
        #expect(try frontend.command(.setRingAddress, Conversation.address(1)) == 0)
        for request in [Request.setRingKick, .setRingCall, .setRingError] {
            let acknowledgement = try frontend.command(request, number, descriptors: [event.number])
            #expect(acknowledgement == 0)
        }
        #expect(try frontend.command(.setRingEnable, Conversation.ring(1, 1)) == 0)
        #expect(frontend.host.events.contains(.start(ring: 1, next: 0, size: 8, eventIndex: true, hasKick: true)))
    }

    @Test func goesOnAfterARebootWithoutBeingSentMemoryAgain() throws {
        let frontend = try Conversation(taken: 5)
        try frontend.greet()
        try frontend.addMemory()
        try frontend.setUp(ring: 1)
        try frontend.send(.setRingEnable, Conversation.ring(1, 1))

        try frontend.send(.setRingEnable, Conversation.ring(1, 0))
        try frontend.send(.getRingBase, Conversation.ring(1, 0))
        #expect(try frontend.receive().payload == Conversation.ring(1, 5))
        try frontend.send(.resetDevice)
        try frontend.send(.resetDevice)
        try frontend.send(.setFeatures, Conversation.number(Conversation.features))
        try frontend.setUp(ring: 1)
        try frontend.send(.setRingEnable, Conversation.ring(1, 1))
        try frontend.settle()

        #expect(
            frontend.host.events == [
                .memory(regions: 1, settled: false),
                .start(ring: 1, next: 0, size: 8, eventIndex: true, hasKick: true),
                .stop(ring: 1),
                .start(ring: 1, next: 0, size: 8, eventIndex: true, hasKick: true),
            ])
    }

    @Test func goesOnWhereARingStoppedWhenAGuestIsOnlyPaused() throws {
        let frontend = try Conversation(taken: 7)
        try frontend.greet()
        try frontend.addMemory()
        try frontend.setUp(ring: 0, base: 65535)
        try frontend.send(.setRingEnable, Conversation.ring(0, 1))
        try frontend.send(.getRingBase, Conversation.ring(0, 0))
        #expect(try frontend.receive().payload == Conversation.ring(0, 6))

        try frontend.setUp(ring: 0, base: 6)
        try frontend.settle()

        #expect(frontend.host.events.last == .start(ring: 0, next: 6, size: 8, eventIndex: true, hasKick: true))
    }

    @Test func keepsWhereADisabledRingStopped() throws {
        let frontend = try Conversation(taken: 3)
        try frontend.greet()
        try frontend.addMemory()
        try frontend.setUp(ring: 0)
        for value in [1, 0, 1] as [UInt32] { try frontend.send(.setRingEnable, Conversation.ring(0, value)) }
        try frontend.settle()

        #expect(frontend.host.events.last == .start(ring: 0, next: 3, size: 8, eventIndex: true, hasKick: true))
    }

    @Test func startsRingsEnabledWithoutProtocolFeatures() throws {
        let frontend = try Conversation()
        try frontend.send(.setFeatures, Conversation.number(1 << 32))
        try frontend.send(
            .setMemoryTable, Conversation.table([Conversation.region()]), descriptors: [frontend.memory.number])
        try frontend.setUp(ring: 0)
        try frontend.settle()

        #expect(
            frontend.host.events == [
                .memory(regions: 1, settled: true),
                .start(ring: 0, next: 0, size: 8, eventIndex: false, hasKick: true),
            ])
    }

    @Test func takesTheWordThatThereIsNoDescriptor() throws {
        let frontend = try Conversation()
        try frontend.greet()
        try frontend.addMemory()
        try frontend.send(.setRingSize, Conversation.ring(2, 8))
        try frontend.send(.setRingAddress, Conversation.address(2))
        for request in [Request.setRingCall, .setRingError, .setRingKick] {
            try frontend.send(request, Conversation.number(0x102))
        }
        try frontend.send(.setRingEnable, Conversation.ring(2, 1))
        try frontend.settle()

        #expect(
            frontend.host.events.dropFirst() == [
                .call(ring: 2, isSet: false), .error(ring: 2, isSet: false),
                .start(ring: 2, next: 0, size: 8, eventIndex: true, hasKick: false),
            ])
    }

    @Test func looksAtARingAgainForEveryNewKickDescriptor() throws {
        let event = try Linux.Descriptor(result: cl_eventfd(0, false))
        let frontend = try Conversation(taken: 2)
        try frontend.greet()
        try frontend.addMemory()
        try frontend.setUp(ring: 1)
        try frontend.send(.setRingEnable, Conversation.ring(1, 1))
        try frontend.send(.setRingKick, Conversation.number(1), descriptors: [event.number])
        try frontend.settle()

        #expect(
            frontend.host.events.suffix(2) == [
                .stop(ring: 1), .start(ring: 1, next: 2, size: 8, eventIndex: true, hasKick: true),
            ])
    }

    @Test func findsRunningRingsAgainInANewMemoryTable() throws {
        let frontend = try Conversation(taken: 1)
        try frontend.greet()
        try frontend.addMemory()
        try frontend.setUp(ring: 1)
        try frontend.send(.setRingEnable, Conversation.ring(1, 1))
        let half = Conversation.memorySize / 2
        try frontend.send(
            .setMemoryTable,
            Conversation.table([
                Conversation.region(size: half),
                Conversation.region(guest: half, size: half, user: Conversation.userBase + half, offset: half),
            ]), descriptors: [frontend.memory.number, frontend.memory.number])
        try frontend.settle()

        #expect(
            frontend.host.events.suffix(3) == [
                .stop(ring: 1), .memory(regions: 2, settled: true),
                .start(ring: 1, next: 1, size: 8, eventIndex: true, hasKick: true),
            ])
    }

    @Test(arguments: [false, true]) func removesARegionAndClosesTheDescriptorThatMayComeWithIt(passed: Bool) throws {
        let frontend = try Conversation()
        try frontend.greet()
        try frontend.addMemory()

        let acknowledgement = try frontend.command(
            .removeMemoryRegion, Conversation.singleRegion(), descriptors: passed ? [frontend.memory.number] : [])

        #expect(acknowledgement == 0)
        #expect(frontend.host.events.last == .memory(regions: 0, settled: true))
    }

    @Test func refusesMemoryThatIsNotThereAndGoesOnWhenTheFrontendWaitsForTheAnswer() throws {
        let frontend = try Conversation()
        try frontend.greet()
        let beyond = Conversation.singleRegion(offset: Conversation.memorySize)

        #expect(try frontend.command(.addMemoryRegion, beyond, descriptors: [frontend.memory.number]) == 1)
        try frontend.addMemory()
        try frontend.send(.addMemoryRegion, beyond, descriptors: [frontend.memory.number])

        #expect(frontend.violation() == .failed(.addMemoryRegion, .noSuchAddressOrDevice))
    }

    @Test func answersWhenADeviceCannotWaitForAKick() throws {
        let frontend = try Conversation()
        try frontend.greet()
        try frontend.addMemory()
        try frontend.setUp(ring: 0)
        frontend.host.refuseStarts(with: .notPermitted)

        #expect(try frontend.command(.setRingEnable, Conversation.ring(0, 1)) == 1)
    }

    @Test func ignoresTheRequestThatMeansDifferentThingsToDifferentFrontends() throws {
        let frontend = try Conversation(taken: 1)
        try frontend.greet()
        try frontend.addMemory()
        try frontend.setUp(ring: 0)
        try frontend.send(.setRingEnable, Conversation.ring(0, 1))
        let before = frontend.host.events.count
        try frontend.send(.resetOwner)
        try frontend.settle()

        #expect(frontend.host.events.count <= before + 1)
        #expect(!frontend.host.events.contains(.stop(ring: 0)))
    }
}
