/// What a driver did to its ring that no driver may do. The queue is of no use until the driver sets it up again.
@frozen
public enum QueueError: Error, Equatable, Sendable {
    /// The available index claims more new entries than the ring has.
    case availableIndexJumped(pending: UInt16)
    /// An available entry names a descriptor beyond the table.
    case headOutOfRange(UInt16)
    /// A descriptor's next field names one beyond its table.
    case nextOutOfRange(UInt16)
    /// More descriptors in one chain than the ring has entries: a loop, or a driver that cannot count.
    case chainTooLong
    /// A buffer, or a table of indirect descriptors, lies outside guest memory.
    case addressOutOfRange(address: UInt64, length: UInt32)
    /// A buffer the device may only read comes after one it may write.
    case readableAfterWritable
    /// An indirect table that is empty, no multiple of 16 bytes, or not at a multiple of 8.
    case malformedIndirectTable(address: UInt64, length: UInt32)
    /// A descriptor in an indirect table refers to an indirect table.
    case nestedIndirectTable
    /// A descriptor is both indirect and continued.
    case continuedIndirectTable
    /// An indirect descriptor, although the feature was not agreed on.
    case indirectNotNegotiated
    /// The chain's buffers lie in more pieces of memory than there is room to note.
    case tooManyPieces
    /// The file that is the guest's memory was made shorter.
    case memoryTakenAway
}

extension QueueError: CustomStringConvertible {
    /// One clause for a log line; no text in it comes from the guest.
    public var description: String {
        switch self {
        case .availableIndexJumped(let pending):
            "the available index is \(pending) entries ahead, more than the ring has"
        case .headOutOfRange(let head): "available entry names descriptor \(head), beyond the table"
        case .nextOutOfRange(let next): "a descriptor continues at \(next), beyond its table"
        case .chainTooLong: "a descriptor chain loops or is longer than the ring"
        case .addressOutOfRange(let address, let length):
            "\(length) bytes at 0x\(String(address, radix: 16)) are not all in guest memory"
        case .readableAfterWritable: "a readable buffer follows a writable one"
        case .malformedIndirectTable(let address, let length):
            "the indirect table of \(length) bytes at 0x\(String(address, radix: 16)) is empty, odd-sized or misaligned"
        case .nestedIndirectTable: "an indirect table refers to another"
        case .continuedIndirectTable: "a descriptor is both indirect and continued"
        case .indirectNotNegotiated: "an indirect descriptor without the feature"
        case .memoryTakenAway: "the file that is the guest's memory was made shorter"
        case .tooManyPieces: "the buffers of one request lie in too many pieces of memory"
        }
    }
}
