/// A kernel's release, as `uname -r` prints it, in the order in which people count versions: 6.9 comes before 6.12, and
/// 6.12-rc3 before 6.12.
public struct KernelRelease: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The release as the kernel says it.
    public let description: String

    /// A release with this text.
    public init(_ text: String) { description = text }

    /// True where `version` is the release itself or its beginning up to the end of a number: `6.1` is the version of
    /// `6.1.0-50-cloud-amd64` and not that of `6.12.95`.
    public func hasVersion(_ version: String) -> Bool {
        let version = Array(version.utf8)
        let release = Array(description.utf8)
        guard let last = version.last, release.starts(with: version) else { return false }
        guard release.count > version.count else { return true }
        return !(isDigit(last) && isDigit(release[version.count]))
    }

    /// Orders two releases number by number and word by word.
    public static func < (left: KernelRelease, right: KernelRelease) -> Bool {
        let lefts = left.runs
        let rights = right.runs
        for index in 0..<max(lefts.count, rights.count) {
            let left = index < lefts.count ? lefts[index] : .end
            let right = index < rights.count ? rights[index] : .end
            if left != right { return left < right }
        }
        // Numbers with leading zeros are equal above; the text decides, so that equal order means equal releases.
        return left.description < right.description
    }

    /// A part of a release that is compared as a whole. The order of the cases is that of the ranks in `<`.
    private enum Run: Equatable, Comparable {
        case candidate
        case end
        case word([UInt8])
        case number([UInt8])

        static func < (left: Run, right: Run) -> Bool {
            switch (left, right) {
            case (.word(let left), .word(let right)):
                left.lexicographicallyPrecedes(right)
            case (.number(let left), .number(let right)):
                // Without leading zeros the longer number is the greater one, whatever its size.
                left.count == right.count ? left.lexicographicallyPrecedes(right) : left.count < right.count
            default:
                left.rank < right.rank
            }
        }

        private var rank: Int {
            switch self {
            case .candidate: 0
            case .end: 1
            case .word: 2
            case .number: 3
            }
        }
    }

    private var runs: [Run] {
        var runs: [Run] = []
        var rest = Array(description.utf8)[...]
        while let first = rest.first {
            let digits = isDigit(first)
            let run = rest.prefix { isDigit($0) == digits }
            rest = rest.dropFirst(run.count)
            if digits {
                runs.append(.number(Array(run.drop { $0 == UInt8(ascii: "0") })))
            } else if run.elementsEqual("-rc".utf8) || run.elementsEqual("~rc".utf8) {
                runs.append(.candidate)
            } else {
                runs.append(.word(Array(run)))
            }
        }
        return runs
    }
}

private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
