/// Puts a FUSE request together in guest memory: the header, then whatever its opcode has after it.
public struct RequestWriter: ~Copyable {
    private let start: UnsafeMutableRawPointer
    private let capacity: Int
    /// Bytes written so far.
    public private(set) var count = 0

    init(start: UnsafeMutableRawPointer, capacity: Int) {
        self.start = start
        self.capacity = capacity
    }

    /// Appends a structure or an integer as it lies in memory.
    public mutating func append<T: BitwiseCopyable>(_ value: T) {
        let size = MemoryLayout<T>.size
        precondition(count + size <= capacity, "a request's arguments must fit its buffer")
        (start + count).storeBytes(of: value, as: T.self)
        count += size
    }

    /// Appends bytes.
    public mutating func append(bytes: [UInt8]) {
        precondition(count + bytes.count <= capacity, "a request's arguments must fit its buffer")
        bytes.withUnsafeBytes { source in
            if let from = source.baseAddress { (start + count).copyMemory(from: from, byteCount: source.count) }
        }
        count += bytes.count
    }

    /// Appends a name and the NUL that ends it.
    public mutating func append(_ name: FileName) {
        append(bytes: name.bytes)
        append(0 as UInt8)
    }
}
