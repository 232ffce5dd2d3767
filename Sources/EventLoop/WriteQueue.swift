/// Bytes that wait to be written, first in, first out.
struct WriteQueue {
    private var bytes: [UInt8] = []
    /// Where in `bytes` the first waiting one is: cheaper than moving them all after every partial write.
    private var start = 0

    var count: Int { bytes.count - start }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ more: some Collection<UInt8>) {
        if start > bytes.count / 2 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes.append(contentsOf: more)
    }

    /// Lends the waiting bytes.
    func withNextBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[start...])) }
    }

    mutating func removeFirst(_ written: Int) {
        start += written
        if start >= bytes.count { removeAll() }
    }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: bytes.capacity <= 256 * 1024)
        start = 0
    }
}
