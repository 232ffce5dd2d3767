internal import FUSE
import Glibc

/// Moves bytes between private memory and a request's scattered buffers. Lengths come from a checked descriptor chain, but
/// their sum is not trusted to fit.
enum Buffers {
    /// The bytes in all buffers together; nil when one is longer than memory can be or the sum overflows.
    static func size(_ parts: UnsafeBufferPointer<iovec>) -> Int? {
        var total = 0
        for part in parts {
            guard let length = Int(exactly: part.iov_len), length >= 0 else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(length)
            if overflow { return nil }
            total = sum
        }
        return total
    }

    /// Copies `count` bytes from `skip` bytes into the buffers to `target`, each byte read once.
    ///
    /// - Returns: How many were copied: fewer where the buffers end.
    @discardableResult
    static func gather(
        _ parts: UnsafeBufferPointer<iovec>, skip: Int, count: Int, to target: UnsafeMutableRawPointer
    ) -> Int {
        var skip = skip
        var copied = 0
        for part in parts {
            if copied == count { break }
            let length = Int(part.iov_len)
            if skip >= length {
                skip -= length
                continue
            }
            let piece = min(length - skip, count - copied)
            if let base = part.iov_base { memcpy(target + copied, base + skip, piece) }
            copied += piece
            skip = 0
        }
        return copied
    }

    /// Copies bytes into the buffers from their start. The caller has checked that there is room.
    static func scatter(_ bytes: UnsafeRawBufferPointer, to parts: UnsafeBufferPointer<iovec>) {
        var copied = 0
        for part in parts {
            if copied == bytes.count { return }
            let piece = min(Int(part.iov_len), bytes.count - copied)
            if let base = part.iov_base, let source = bytes.baseAddress { memcpy(base, source + copied, piece) }
            copied += piece
        }
    }

    /// Lists the parts of the buffers that lie between `skip` and `skip + limit` bytes, at most `capacity` of them, in
    /// `slice`.
    ///
    /// - Returns: How many parts and bytes that is: fewer than `limit` where `slice` or the buffers end.
    static func slice(
        _ parts: UnsafeBufferPointer<iovec>, skip: Int, limit: Int, into slice: UnsafeMutablePointer<iovec>,
        capacity: Int
    ) -> (count: CInt, bytes: Int) {
        var skip = skip
        var bytes = 0
        var count = 0
        for part in parts {
            if bytes == limit || count == capacity { break }
            let length = Int(part.iov_len)
            if skip >= length {
                skip -= length
                continue
            }
            let piece = min(length - skip, limit - bytes)
            slice[count] = iovec(iov_base: part.iov_base.map { $0 + skip }, iov_len: piece)
            count += 1
            bytes += piece
            skip = 0
        }
        return (CInt(truncatingIfNeeded: count), bytes)
    }
}
