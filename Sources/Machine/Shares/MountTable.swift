internal import Glibc

internal import enum ShareHost.Bucket

/// The guest's table of mounts as it comes, in pieces: the lines of shares are read, all others are passed over.
///
/// The guest may say what it likes for as long as it likes. What is kept of it is bounded, and costs no more than a look at each
/// byte; the table may have a hundred thousand lines (the kernel's `fs.mount-max`) of which none is a share's.
struct MountTable {
    /// The shares' mounts so far.
    private(set) var mounts: [GuestMount] = []
    /// The beginning of the line that has not come whole.
    private var line: [UInt8] = []
    /// Whether that line is too long to be one.
    private var isOverlong = false
    private var kept = 0

    /// The longest line: two paths of PATH_MAX, each byte of them escaped, and as much again of options.
    static let longestLine = 64 << 10
    /// No share's line is shorter: its source's name alone is half of it.
    private static let shortestLine = 16
    /// How much is kept of the lines of shares, and what is counted for one besides its bytes.
    static let mostKept = 2 << 20
    private static let lineCost = 128

    private static let tags = Bucket.allCases.map { Array($0.tag.utf8) }

    /// Takes the next piece.
    mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { bytes in
            var rest = bytes
            while let start = rest.baseAddress, !rest.isEmpty {
                guard let newline = memchr(start, 0x0a, rest.count) else { return begin(rest) }
                let length = start.distance(to: newline.assumingMemoryBound(to: UInt8.self))
                let piece = UnsafeBufferPointer(start: start, count: length)
                rest = UnsafeBufferPointer(start: start + length + 1, count: rest.count - length - 1)
                if line.isEmpty, !isOverlong {
                    take(piece)
                } else {
                    begin(piece)
                    finish()
                }
            }
        }
    }

    /// Takes what stands without a line end as the last line.
    mutating func finish() {
        let last = line
        line = []
        defer { isOverlong = false }
        if !isOverlong { last.withUnsafeBufferPointer { take($0) } }
    }

    private mutating func begin(_ piece: UnsafeBufferPointer<UInt8>) {
        if line.count + piece.count > Self.longestLine {
            isOverlong = true
            line = []
        }
        if !isOverlong { line.append(contentsOf: piece) }
    }

    private mutating func take(_ line: UnsafeBufferPointer<UInt8>) {
        guard (Self.shortestLine...Self.longestLine).contains(line.count), Self.isShares(line) else { return }
        let cost = line.count + Self.lineCost
        guard kept + cost <= Self.mostKept, let mount = GuestMount(line) else { return }
        kept += cost
        mounts.append(mount)
    }

    /// Whether a line may be a share's: without taking it apart, for most are not.
    private static func isShares(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        // After the separator come the file system's type and its source.
        var index = 0
        while index + 2 < line.count {
            if line[index] == 0x20, line[index + 1] == 0x2d, line[index + 2] == 0x20 { break }
            index += 1
        }
        let rest = line[min(index + 3, line.count)...]
        guard let typeEnd = rest.firstIndex(of: 0x20) else { return false }
        let source = rest[(typeEnd + 1)...].prefix { $0 != 0x20 }
        return tags.contains { source.elementsEqual($0) }
    }
}
