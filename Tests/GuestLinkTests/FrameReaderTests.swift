import GuestLink
import Testing

@Suite struct FrameReaderTests {
    /// Three frames, one of them empty, as they follow each other on the wire.
    private static let frames: [(kind: FrameKind, session: UInt16, payload: [UInt8])] = [
        (.setting, 0, [0x61, 0x3d, 0x62]), (.powerOff, 0, []),
        (.output, 0xfffe, (0..<300).map { UInt8(truncatingIfNeeded: $0) }),
    ]

    private static var wire: [UInt8] {
        var bytes: [UInt8] = []
        for frame in frames {
            FrameHeader(kind: frame.kind, session: frame.session, length: frame.payload.count).append(to: &bytes)
            bytes += frame.payload
        }
        return bytes
    }

    private static func header(length: UInt32, last: UInt8 = 0) -> [UInt8] {
        withUnsafeBytes(of: length.littleEndian) { [UInt8]($0) } + [1, 0, FrameKind.input.rawValue, last]
    }

    @Test(arguments: 1...wire.count) func findsTheSameFramesHoweverTheStreamIsCut(size: Int) {
        var reader = FrameReader()
        var found: [(header: FrameHeader, payload: [UInt8])] = []
        var rest = Self.wire[...]
        while !rest.isEmpty {
            [UInt8](rest.prefix(size)).withUnsafeBytes { reader.append($0) }
            rest = rest.dropFirst(size)
            while let frame = reader.next() { found.append(frame) }
        }

        #expect(found.map(\.header.kind) == Self.frames.map(\.kind.rawValue))
        #expect(found.map(\.header.session) == Self.frames.map(\.session))
        #expect(found.map(\.payload) == Self.frames.map(\.payload))
        #expect(!reader.isBroken)
    }

    @Test func keepsAHalfFrameUntilItsRestComes() {
        var reader = FrameReader()
        let wire = Self.wire

        wire.dropLast().withUnsafeBytes { reader.append($0) }
        let first = (0..<3).map { _ in reader.next() != nil }
        wire.suffix(1).withUnsafeBytes { reader.append($0) }

        #expect(first == [true, true, false])
        #expect(reader.next()?.payload.count == 300)
    }

    @Test func takesAPayloadOfTheGreatestLength() {
        var reader = FrameReader()

        (Self.header(length: UInt32(frameMaximumPayload)) + [UInt8](repeating: 7, count: frameMaximumPayload))
            .withUnsafeBytes { reader.append($0) }

        #expect(reader.next()?.payload.count == frameMaximumPayload)
    }

    @Test(arguments: [
        header(length: UInt32(frameMaximumPayload) + 1), header(length: .max), header(length: 0x8000_0000),
        header(length: 0, last: 1),
    ])
    func breaksAtWhatIsNoHeaderAndStaysBroken(bytes: [UInt8]) {
        var reader = FrameReader()

        (bytes + Self.wire).withUnsafeBytes { reader.append($0) }
        let frame = reader.next()
        Self.wire.withUnsafeBytes { reader.append($0) }

        #expect(frame == nil)
        #expect(reader.isBroken)
        #expect(reader.next() == nil)
    }

    @Test func readsManyFramesWithoutLosingItsPlace() {
        var reader = FrameReader()
        var sum = 0

        for number in 0..<500 {
            (Self.header(length: 1000) + [UInt8](repeating: UInt8(number % 251), count: 1000))
                .withUnsafeBytes { reader.append($0) }
            // Every third time nothing is taken, so that whole frames pile up.
            if number % 3 == 0 { continue }
            while let frame = reader.next() { sum += Int(frame.payload[999]) }
        }
        while let frame = reader.next() { sum += Int(frame.payload[0]) }

        #expect(sum == (0..<500).reduce(0) { $0 + $1 % 251 })
    }

    @Test func givesKindsItDoesNotKnowToTheCaller() {
        var reader = FrameReader()

        ([0, 0, 0, 0, 5, 0, 200, 0] as [UInt8]).withUnsafeBytes { reader.append($0) }
        let frame = reader.next()

        #expect(frame?.header.kind == 200)
        #expect(frame?.header.session == 5)
        #expect(FrameKind(rawValue: 200) == nil)
    }
}
