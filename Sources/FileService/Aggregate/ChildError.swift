internal import FUSE
public import SystemPackage

/// An error that a guest was answered with.
public struct ChildError: Equatable, Sendable {
    /// What it was told.
    public let errno: Errno
    /// What it had asked for, such as "write" or "lookup".
    public let operation: String
    /// When, in seconds since 1970.
    public let time: Double
}

/// In one word, so that nobody ever reads half of one: milliseconds since 1970 (until the year 2527), 8 bits of opcode, 12
/// bits of errno. The greater word is the later error.
extension ChildError {
    private static var opcodeShift: UInt64 { 12 }
    private static var timeShift: UInt64 { 20 }

    /// The word for an error at a time in nanoseconds since 1970.
    static func packed(_ error: Errno, of opcode: Opcode, at clock: Int64) -> UInt64 {
        let milliseconds = UInt64(clamping: clock) / 1_000_000
        let opcode = min(UInt64(opcode.rawValue), 0xFF)
        let number = UInt64(truncatingIfNeeded: error.rawValue) & 0xFFF
        return milliseconds << timeShift | opcode << opcodeShift | number
    }

    /// Nil for 0.
    init?(packed word: UInt64) {
        guard word != 0 else { return nil }
        errno = Errno(rawValue: CInt(truncatingIfNeeded: word & 0xFFF))
        operation = Opcode(rawValue: UInt32(truncatingIfNeeded: word >> ChildError.opcodeShift) & 0xFF).name
        time = Double(word >> ChildError.timeShift) / 1000
    }
}
