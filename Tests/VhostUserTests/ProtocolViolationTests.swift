import CLinux
import Linux
import SystemPackage
import Testing
import Virtio

@testable import VhostUser

@Suite struct ProtocolViolationTests {
    private func violation(of misbehave: (Conversation) throws -> Void) throws -> ProtocolViolation? {
        let frontend = try Conversation()
        try frontend.greet()
        try frontend.addMemory()
        try misbehave(frontend)
        return frontend.violation()
    }

    // MARK: Headers, sizes, descriptors

    @Test(arguments: [0, 2, 5] as [UInt32]) func endsAtAHeaderOfAnotherKind(flags: UInt32) throws {
        #expect(try violation { try $0.send(1, flags: flags) } == .badHeader(flags: flags))
    }

    @Test(arguments: [0, 6, 20, 21, 24, 42, 99, .max] as [UInt32])
    func endsAtARequestThatWasNotOffered(number: UInt32) throws {
        #expect(try violation { try $0.send(number) } == .unknownRequest(number))
    }

    @Test(arguments: Request.allCases) func endsAtAPayloadOfAnotherSize(request: Request) throws {
        let size = UInt32(request.payloadSizes.upperBound) + 1

        #expect(try violation { try $0.send(request.rawValue, size: size) } == .wrongSize(request, size: size))
        #expect(try violation { try $0.send(request.rawValue, size: .max) } == .wrongSize(request, size: .max))
    }

    @Test(arguments: Request.allCases) func endsAtDescriptorsThatTheRequestDoesNotHaveAndClosesThem(request: Request)
        throws
    {
        let pipe = try Pipe()
        let count = request.descriptorCounts.upperBound + 1

        let found = try violation { frontend in
            try frontend.send(
                request.rawValue, size: UInt32(request.payloadSizes.upperBound),
                descriptors: Array(repeating: pipe.writeEnd, count: count))
        }

        #expect(found == .wrongDescriptorCount(request, count: count))
        #expect(pipe.isClosedByEverybodyElse)
    }

    @Test func endsAtMoreDescriptorsThanAnyRequestHasAndClosesThem() throws {
        let pipe = try Pipe()

        let found = try violation { frontend in
            try frontend.send(1, descriptors: Array(repeating: pipe.writeEnd, count: 20))
        }

        #expect(found == .strayDescriptors)
        #expect(pipe.isClosedByEverybodyElse)
    }

    @Test func endsAtDescriptorsThatComeWithThePayloadAndClosesThem() throws {
        let pipe = try Pipe()

        let found = try violation { frontend in
            try frontend.sendRaw(MessageHeader(request: Request.setRingCall.rawValue, size: 8).bytes)
            try frontend.sendRaw(Conversation.number(1), descriptors: [pipe.writeEnd])
        }

        #expect(found == .strayDescriptors)
        #expect(pipe.isClosedByEverybodyElse)
    }

    @Test func takesAMessageThatComesInPieces() throws {
        let frontend = try Conversation()
        try frontend.greet()
        let bytes =
            MessageHeader(request: Request.setRingSize.rawValue, flags: 9, size: 8).bytes + Conversation.ring(1, 8)

        for byte in bytes { try frontend.sendRaw([byte]) }

        #expect(try frontend.receive().payload == Conversation.number(0))
    }

    @Test func endsWithinAMessageWhenTheFrontendDies() throws {
        let frontend = try Conversation()
        try frontend.sendRaw([1, 0, 0])

        #expect(frontend.finish() == .violation(.truncatedMessage))
    }

    // MARK: Values and states

    @Test func endsAtFeaturesThatWereNotOffered() throws {
        #expect(
            try violation { try $0.send(.setFeatures, Conversation.number(1 << 26)) }
                == .featuresNotOffered(.setFeatures, bits: 1 << 26))
        #expect(
            try violation { try $0.send(.setProtocolFeatures, Conversation.number(1 << 9)) }
                == .featuresNotOffered(.setProtocolFeatures, bits: 1 << 9))
    }

    @Test(arguments: [Request.setRingSize, .setRingBase, .getRingBase, .setRingEnable])
    func endsAtARingThatIsNotThere(request: Request) throws {
        #expect(try violation { try $0.send(request, Conversation.ring(3, 1)) } == .noSuchRing(request, index: 3))
        #expect(
            try violation { try $0.send(request, Conversation.ring(.max, 1)) }
                == .noSuchRing(request, index: UInt64(UInt32.max)))
    }

    @Test func endsAtAnAddressOrADescriptorOfARingThatIsNotThere() throws {
        #expect(
            try violation { try $0.send(.setRingAddress, Conversation.address(3)) }
                == .noSuchRing(.setRingAddress, index: 3))
        #expect(
            try violation { try $0.send(.setRingCall, Conversation.number(0x1ff)) }
                == .noSuchRing(.setRingCall, index: 0xff))
        #expect(
            try violation { try $0.send(.setRingCall, Conversation.number(0x300)) }
                == .badValue(.setRingCall, value: 0x300))
    }

    @Test(arguments: [0, 3, 65536, .max] as [UInt32]) func endsAtASizeThatNoRingHas(size: UInt32) throws {
        #expect(
            try violation { try $0.send(.setRingSize, Conversation.ring(0, size)) }
                == .badValue(.setRingSize, value: UInt64(size)))
    }

    @Test func endsAtValuesThatAFieldCannotHave() throws {
        #expect(
            try violation { try $0.send(.setRingBase, Conversation.ring(0, 65536)) }
                == .badValue(.setRingBase, value: 65536))
        #expect(
            try violation { try $0.send(.setRingEnable, Conversation.ring(0, 2)) }
                == .badValue(.setRingEnable, value: 2))
    }

    @Test func endsAtAKickWithoutADescriptorThatWasPromised() throws {
        #expect(
            try violation { try $0.send(.setRingKick, Conversation.number(1)) }
                == .wrongDescriptorCount(.setRingKick, count: 0))
    }

    @Test func endsAtARingThatLiesOutsideGuestMemory() throws {
        let found = try violation { frontend in
            try frontend.setUp(ring: 0)
            try frontend.send(.setRingAddress, Conversation.address(0, base: Conversation.userBase + 0xe000))
            try frontend.send(.setRingEnable, Conversation.ring(0, 1))
        }

        #expect(found == .badRingLayout(ring: 0))
    }

    @Test func endsAtAKickForARingWithoutAddresses() throws {
        let found = try violation { frontend in
            try frontend.send(.setRingEnable, Conversation.ring(0, 1))
            try frontend.send(.setRingKick, Conversation.number(0), descriptors: [frontend.memory.number])
        }

        #expect(found == .wrongState(.setRingKick, reason: .ringIsNotConfigured))
    }

    @Test(arguments: [Request.setRingSize, .setRingBase]) func endsAtAChangeOfARunningRing(request: Request) throws {
        let found = try violation { frontend in
            try frontend.setUp(ring: 0)
            try frontend.send(.setRingEnable, Conversation.ring(0, 1))
            try frontend.send(request, Conversation.ring(0, 4))
        }

        #expect(found == .wrongState(request, reason: .ringIsRunning))
    }

    @Test func endsAtAMovedRunningRing() throws {
        let found = try violation { frontend in
            try frontend.setUp(ring: 0)
            try frontend.send(.setRingEnable, Conversation.ring(0, 1))
            try frontend.send(.setRingAddress, Conversation.address(0))
            try frontend.settle()
            try frontend.send(.setRingAddress, Conversation.address(0, base: Conversation.userBase + 0x1000))
        }

        #expect(found == .wrongState(.setRingAddress, reason: .ringIsRunning))
    }

    @Test func endsAtRequestsOfFeaturesThatWereNotAgreedOn() throws {
        let frontend = try Conversation()
        try frontend.send(.setRingEnable, Conversation.ring(0, 1))
        #expect(frontend.violation() == .wrongState(.setRingEnable, reason: .protocolFeaturesNotAgreed))

        for request in [Request.addMemoryRegion, .removeMemoryRegion] {
            let frontend = try Conversation()
            try frontend.send(request, Conversation.singleRegion(), descriptors: [frontend.memory.number])
            #expect(frontend.violation() == .wrongState(request, reason: .featureNotAgreed))
        }

        let other = try Conversation()
        try other.send(.resetDevice)
        #expect(other.violation() == .wrongState(.resetDevice, reason: .featureNotAgreed))
    }

    @Test func endsAtAMemoryTableThatContradictsItself() throws {
        let region = Conversation.region()

        #expect(
            try violation { frontend in
                try frontend.send(
                    .setMemoryTable, Conversation.table([region, region]),
                    descriptors: [frontend.memory.number, frontend.memory.number])
            } == .badMemoryTable(.setMemoryTable, .overlappingRegions))
        #expect(
            try violation { frontend in
                try frontend.send(.setMemoryTable, Conversation.table([region]))
            } == .wrongDescriptorCount(.setMemoryTable, count: 0))
        #expect(
            try violation { frontend in
                try frontend.send(
                    .setMemoryTable, Conversation.table([region]) + [0], descriptors: [frontend.memory.number])
            } == .wrongSize(.setMemoryTable, size: 41))
        #expect(
            try violation { frontend in
                try frontend.send(.addMemoryRegion, Conversation.singleRegion(), descriptors: [frontend.memory.number])
            } == .badMemoryTable(.addMemoryRegion, .overlappingRegions))
        #expect(
            try violation { try $0.send(.removeMemoryRegion, Conversation.singleRegion(size: 1)) }
                == .badMemoryTable(.removeMemoryRegion, .noSuchRegion))
    }
}

/// A pipe that tells whether every copy of its write end is closed.
private final class Pipe {
    private let readEnd: Linux.Descriptor
    private var held: CInt

    init() throws {
        var read: CInt = -1
        var write: CInt = -1
        try checked(cl_pipe(&read, &write))
        readEnd = Linux.Descriptor(owning: read)
        held = write
    }

    deinit {
        if held >= 0 { _ = cl_close(held) }
    }

    var writeEnd: CInt { held }

    /// Closes the own copy; whether that was the last.
    var isClosedByEverybodyElse: Bool {
        if held >= 0 { _ = cl_close(held) }
        held = -1
        var state = pollfd(fd: readEnd.number, events: Int16(POLLIN), revents: 0)
        return cl_poll(&state, 1, 5000) == 1 && state.revents & Int16(POLLHUP) != 0
    }
}
