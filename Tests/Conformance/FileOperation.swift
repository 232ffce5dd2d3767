/// One operation on a file, with all that it depends on.
struct FileOperation: CustomStringConvertible {
    /// What is done.
    enum Kind: Int, CaseIterable {
        case read, write, append, mappedRead, mappedWrite, directRead, directWrite, truncate, punchHole, zeroRange
        case zeroRangeKeepingSize, allocate, copyRange, sync, reopen, dropCache

        /// How often it comes in a hundred or so.
        var weight: Int {
            switch self {
            case .read, .write: 16
            case .mappedRead, .mappedWrite: 12
            case .directRead, .directWrite: 8
            case .append, .reopen, .sync, .dropCache, .allocate: 2
            case .truncate: 6
            case .punchHole, .zeroRange, .copyRange: 5
            case .zeroRangeKeepingSize: 3
            }
        }

        var name: String {
            switch self {
            case .read: "read"
            case .write: "write"
            case .append: "append"
            case .mappedRead: "mapped-read"
            case .mappedWrite: "mapped-write"
            case .directRead: "direct-read"
            case .directWrite: "direct-write"
            case .truncate: "truncate"
            case .punchHole: "punch-hole"
            case .zeroRange: "zero-range"
            case .zeroRangeKeepingSize: "zero-range-keeping-size"
            case .allocate: "allocate"
            case .copyRange: "copy-range"
            case .sync: "sync"
            case .reopen: "reopen"
            case .dropCache: "drop-cache"
            }
        }
    }

    let kind: Kind
    let offset: Int
    let length: Int
    /// What is written, or where to.
    let value: Int

    var description: String { "\(kind.name) \(offset) \(length) \(value)" }

    /// Bytes that tell where they come from: the operation's own, which change from place to place.
    func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            for index in 0..<count {
                buffer[index] = UInt8(truncatingIfNeeded: value &+ index &+ (index >> 8) &* 7) | 1
            }
            filled = count
        }
    }

    /// The operations of a seed.
    static func sequence(seed: UInt64, count: Int) -> [FileOperation] {
        var random = RandomNumbers(seed: seed)
        let total = Kind.allCases.reduce(0) { $0 + $1.weight }
        return (0..<count).map { _ in
            var rest = random.below(total)
            let kind = Kind.allCases.first { kind in
                rest -= kind.weight
                return rest < 0
            }
            // Most are short; some places and lengths are those of pages, where mistakes are.
            let most = random.below(8) == 0 ? FileExerciser.limit / 2 : 24 * 1024
            let (offset, length) = (random.below(FileExerciser.limit), random.below(most) + 1)
            let grain = [1, 1, 512, 4096][random.below(4)]
            return FileOperation(
                kind: kind ?? .read, offset: offset / grain * grain, length: max(1, length / grain * grain),
                value: random.below(1 << 24))
        }
    }
}

/// Random numbers that are the same in every run (SplitMix64).
struct RandomNumbers {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((value ^ (value >> 31)) % UInt64(bound))
    }
}
