import CLinux
import Glibc
internal import Linux
internal import SystemPackage

/// An entry as the host lists it.
struct HostEntry {
    let inode: UInt64
    /// The host's own cookie of the place after the entry.
    let cookie: UInt64
    /// DT_* of <dirent.h>.
    let type: UInt8
    let name: UnsafeRawBufferPointer

    var isDot: Bool { name.count == 1 && name[0] == 0x2E }
    var isDotDot: Bool { name.count == 2 && name[0] == 0x2E && name[1] == 0x2E }
}

/// The listing of one open directory: entries read ahead in large pieces and handed out in the host's order.
///
/// As long as a guest goes on where it stopped, the directory is never seeked: what the host has already listed cannot be
/// skipped because other entries were deleted meanwhile.
final class DirectoryStream: @unchecked Sendable {
    private struct State {
        var buffer: UnsafeMutableRawPointer?
        var filled = 0
        var next = 0
        /// The cookie of the entry at `next`.
        var cookie: UInt64 = 0
    }

    private static var bufferSize: Int { 32 * 1024 }
    /// Bytes of struct linux_dirent64 before the name: d_ino, d_off, d_reclen, d_type.
    private static var fixedSize: Int { 19 }

    private let lock = Lock()
    // By address: properties of classes are checked for exclusive access at every use.
    private let state: UnsafeMutablePointer<State>

    init() {
        state = .allocate(capacity: 1)
        state.initialize(to: State())
    }

    deinit {
        state.pointee.buffer?.deallocate()
        state.deallocate()
    }

    /// Visits entries from a cookie on until `visit` returns false; that entry is the next one's first.
    ///
    /// - Throws: What lseek(2) or getdents64(2) failed with, or `visit`.
    func list(
        from cookie: UInt64, of descriptor: CInt, _ visit: (HostEntry) throws(Errno) -> Bool
    ) throws(Errno) {
        try lock.hold { () throws(Errno) in
            try seek(to: cookie, descriptor)
            while let (entry, length) = try current(descriptor) {
                guard try visit(entry) else { return }
                state.pointee.next += length
                state.pointee.cookie = entry.cookie
            }
        }
    }

    private func seek(to cookie: UInt64, _ descriptor: CInt) throws(Errno) {
        if cookie == state.pointee.cookie && (cookie != 0 || state.pointee.filled == 0) { return }
        let found = cl_lseek(descriptor, Int64(bitPattern: cookie), SEEK_SET)
        guard found >= 0 else { throw Errno(rawValue: CInt(truncatingIfNeeded: 0 - found)) }
        state.pointee.next = 0
        state.pointee.filled = 0
        state.pointee.cookie = cookie
    }

    private func current(_ descriptor: CInt) throws(Errno) -> (HostEntry, Int)? {
        let buffer = state.pointee.buffer ?? .allocate(byteCount: DirectoryStream.bufferSize, alignment: 8)
        state.pointee.buffer = buffer
        if state.pointee.next >= state.pointee.filled {
            state.pointee.next = 0
            state.pointee.filled = 0
            state.pointee.filled = try checked(cl_getdents(descriptor, buffer, DirectoryStream.bufferSize))
            if state.pointee.filled == 0 { return nil }
        }
        let record = buffer + state.pointee.next
        let length = Int(record.loadUnaligned(fromByteOffset: 16, as: UInt16.self))
        let fixed = DirectoryStream.fixedSize
        guard length > fixed, length <= state.pointee.filled - state.pointee.next else { throw .ioError }
        let start = record + fixed
        let nameCount = memchr(start, 0, length - fixed).map { UnsafeMutableRawPointer($0) - start } ?? length - fixed
        let entry = HostEntry(
            inode: record.loadUnaligned(as: UInt64.self),
            cookie: record.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
            type: record.load(fromByteOffset: 18, as: UInt8.self),
            name: UnsafeRawBufferPointer(start: start, count: nameCount))
        return (entry, length)
    }
}
