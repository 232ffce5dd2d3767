/// The fixed part of an entry in a reply to READDIR: `struct fuse_dirent`. The name follows, padded to 8 bytes.
@frozen
public struct DirectoryEntry: WireStructure {
    /// The inode number.
    public var inode: UInt64 = 0
    /// The offset to ask for to go on after this entry.
    public var cookie: UInt64 = 0
    /// Bytes of the name that follows, which has no NUL.
    public var nameLength: UInt32 = 0
    /// The file's type: bits 12 to 15 of its mode, or 0 when it is not known.
    public var type: UInt32 = 0

    /// Makes a structure of zeroes.
    @inlinable
    public init() {}
}

/// Lays entries into the buffer of a READDIR or READDIRPLUS reply.
public struct DirectoryEncoder: ~Copyable {
    @usableFromInline let buffer: UnsafeMutableRawBufferPointer
    /// Bytes laid so far.
    public private(set) var count = 0

    /// Makes an encoder that fills `buffer` from its start.
    public init(into buffer: UnsafeMutableRawBufferPointer) {
        self.buffer = buffer
    }

    /// How many bytes an entry takes.
    @inlinable
    public static func size(nameLength: Int, plus: Bool) -> Int {
        let fixed = DirectoryEntry.byteCount + (plus ? EntryOut.byteCount : 0)
        return (fixed + nameLength + 7) & ~7
    }

    /// Whether an entry with a name of so many bytes still fits. To be asked before a lookup is counted.
    public func fits(nameLength: Int, plus: Bool) -> Bool {
        DirectoryEncoder.size(nameLength: nameLength, plus: plus) <= buffer.count - count
    }

    /// Adds an entry of READDIR.
    ///
    /// - Returns: False when it does not fit; then nothing is added.
    public mutating func append(_ entry: DirectoryEntry, name: UnsafeRawBufferPointer) -> Bool {
        guard fits(nameLength: name.count, plus: false), let base = buffer.baseAddress else { return false }
        add(entry, name: name, at: base + count)
        count += DirectoryEncoder.size(nameLength: name.count, plus: false)
        return true
    }

    /// Adds an entry of READDIRPLUS.
    ///
    /// - Returns: False when it does not fit; then nothing is added.
    public mutating func append(_ entry: DirectoryEntry, name: UnsafeRawBufferPointer, found: EntryOut) -> Bool {
        guard fits(nameLength: name.count, plus: true), let base = buffer.baseAddress else { return false }
        (base + count).storeBytes(of: found, as: EntryOut.self)
        add(entry, name: name, at: base + count + EntryOut.byteCount)
        count += DirectoryEncoder.size(nameLength: name.count, plus: true)
        return true
    }

    private func add(_ entry: DirectoryEntry, name: UnsafeRawBufferPointer, at place: UnsafeMutableRawPointer) {
        var fixed = entry
        fixed.nameLength = UInt32(truncatingIfNeeded: name.count)
        place.storeBytes(of: fixed, as: DirectoryEntry.self)
        let text = place + DirectoryEntry.byteCount
        if let source = name.baseAddress { text.copyMemory(from: source, byteCount: name.count) }
        // Padding is written: the buffer is used again and must not show one reply's bytes in another.
        let size = DirectoryEncoder.size(nameLength: name.count, plus: false)
        for index in (DirectoryEntry.byteCount + name.count)..<size {
            place.storeBytes(of: 0, toByteOffset: index, as: UInt8.self)
        }
    }
}

/// Reads the entries of a READDIR or READDIRPLUS reply: the guest's side.
public struct DirectoryDecoder {
    /// One entry.
    public struct Element {
        /// Its fixed part.
        public let entry: DirectoryEntry
        /// What a READDIRPLUS found; nil for READDIR.
        public let found: EntryOut?
        /// Its name, inside the reply.
        public let name: UnsafeRawBufferPointer
    }

    private let bytes: UnsafeRawBufferPointer
    private let plus: Bool
    private var offset = 0

    /// Makes a decoder of what follows a reply's header.
    public init(_ bytes: UnsafeRawBufferPointer, plus: Bool) {
        self.bytes = bytes
        self.plus = plus
    }

    /// The next entry; nil at the end, and where a reply is cut short.
    public mutating func next() -> Element? {
        let head = plus ? EntryOut.byteCount : 0
        guard let entry = DirectoryEntry(copying: bytes, at: offset + head) else { return nil }
        let start = offset + head + DirectoryEntry.byteCount
        guard let length = Int(exactly: entry.nameLength), length <= bytes.count - start else { return nil }
        let found = plus ? EntryOut(copying: bytes, at: offset) : nil
        offset += DirectoryEncoder.size(nameLength: length, plus: plus)
        return Element(
            entry: entry, found: found, name: UnsafeRawBufferPointer(rebasing: bytes[start..<start + length]))
    }
}
