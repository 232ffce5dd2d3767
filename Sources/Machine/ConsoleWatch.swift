/// Reads what the guest's kernel writes on its console: keeps the last lines, and notices a panic.
public struct ConsoleWatch {
    /// The most lines that are kept.
    public static let tailLimit = 60

    /// The last whole lines, oldest first.
    public private(set) var tail: [String] = []
    /// The lines of a panic, from the one that says so on; empty while there is none.
    public private(set) var panicLines: [String] = []

    private var line: [UInt8] = []
    private static let lineLimit = 4096
    private static let panicMark = Array("Kernel panic - not syncing".utf8)

    /// A watch on a console that has not written yet.
    public init() {}

    /// Whether the kernel has panicked.
    public var hasPanicked: Bool { !panicLines.isEmpty }

    /// Takes the next bytes of the console.
    ///
    /// - Returns: The lines that they end.
    @discardableResult
    public mutating func append(_ bytes: UnsafeRawBufferPointer) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == 0x0a {
                lines.append(endLine())
            } else if byte != 0x0d, line.count < Self.lineLimit {
                line.append(byte)
            }
        }
        return lines
    }

    /// Takes what stands without a line end as the last line.
    public mutating func finish() {
        if !line.isEmpty { _ = endLine() }
    }

    private mutating func endLine() -> String {
        let isPanic = line.firstRange(of: Self.panicMark) != nil
        let text = text(line)
        line.removeAll(keepingCapacity: true)
        tail.append(text)
        if tail.count > Self.tailLimit { tail.removeFirst() }
        if hasPanicked || isPanic {
            if panicLines.count < Self.tailLimit { panicLines.append(text) }
        }
        return text
    }
}

extension Array<UInt8> {
    /// Where `part` first stands, by plain comparison.
    fileprivate func firstRange(of part: [UInt8]) -> Range<Int>? {
        guard let first = part.first, count >= part.count else { return nil }
        for start in 0...(count - part.count)
        where self[start] == first && self[start..<(start + part.count)].elementsEqual(part) {
            return start..<(start + part.count)
        }
        return nil
    }
}
