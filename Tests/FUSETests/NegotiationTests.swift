import FUSE
import Testing

@Suite struct NegotiationTests {
    private func request(major: UInt32 = 7, minor: UInt32 = 41, flags: UInt32 = .max) -> InitIn {
        InitIn {
            $0.major = major
            $0.minor = minor
            $0.maxReadahead = 131_072
            $0.flags = flags
        }
    }

    private let everything = InitExtension { $0.flags2 = .max }

    @Test func agreesOnWhatBothSidesWantOnly() throws {
        let outcome = try #require(Negotiation(request: request(), extension: everything))
        #expect(outcome.begins)
        #expect(outcome.flags == Negotiation.wanted)
        #expect(outcome.flags.isDisjoint(with: Negotiation.refused))
        #expect(outcome.reply.flags == Negotiation.wanted.low)
        #expect(outcome.reply.flags2 == Negotiation.wanted.high)
        #expect(outcome.reply.maxWrite == 1 << 20)
        #expect(outcome.reply.maxPages == 256)
        #expect(outcome.reply.maxReadahead == 131_072)
    }

    @Test func takesNoSecondWordOfFlagsWithoutInitExt() throws {
        let flags = InitFlags(rawValue: UInt64(UInt32.max)).subtracting(.extended)
        let outcome = try #require(Negotiation(request: request(flags: flags.low), extension: everything))
        #expect(outcome.reply.flags2 == 0)
    }

    @Test func offersDirectIOMappingsToGuestsThatKnowThem() throws {
        let outcome = try #require(Negotiation(request: request(), extension: everything))
        #expect(outcome.flags.contains(.directIOAllowMmap))
    }

    @Test func limitsTransfersForGuestsWithoutMaxPages() throws {
        let outcome = try #require(Negotiation(request: request(flags: 0), extension: nil))
        #expect(outcome.reply.maxPages == 0)
        #expect(outcome.reply.maxWrite == 131_072)
    }

    @Test func answersANewerMajorWithItsOwnAndDoesNotBegin() throws {
        let outcome = try #require(Negotiation(request: request(major: 8, minor: 0), extension: nil))
        #expect(!outcome.begins)
        #expect(outcome.reply.major == 7)
        #expect(outcome.reply.minor >= 38)
    }

    @Test func refusesGuestsBeforeItsOldest() {
        #expect(Negotiation(request: request(minor: 26), extension: nil) == nil)
        #expect(Negotiation(request: request(major: 6), extension: nil) == nil)
        #expect(Negotiation(request: request(minor: 27), extension: nil) != nil)
    }
}
