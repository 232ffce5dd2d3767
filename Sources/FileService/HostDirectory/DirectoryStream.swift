import CLinux
import Glibc
internal import Linux
internal import Synchronization
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
        /// What was read ahead; nil when nothing was.
        var buffer: UnsafeMutableRawPointer?
        var filled = 0
        var next = 0
        /// The cookie of the entry at `next`.
        var cookie: UInt64 = 0
        /// Whether the descriptor stands after what was read ahead.
        var isPlaced = true
    }

    /// Bytes of struct linux_dirent64 before the name: d_ino, d_off, d_reclen, d_type.
    private static var fixedSize: Int { 19 }

    /// Whether some of the directory was listed and some was not: only this descriptor is sure to go on from there.
    let isUnderWay = Atomic<Bool>(false)
    private let buffers: ListingBuffers
    private let lock = Lock()
    // By address: properties of classes are checked for exclusive access at every use.
    private let state: UnsafeMutablePointer<State>

    /// A listing that reads ahead into such buffers.
    init(buffers: ListingBuffers) {
        self.buffers = buffers
        state = .allocate(capacity: 1)
        state.initialize(to: State())
    }

    deinit {
        dropBuffer()
        state.deallocate()
    }

    /// Visits entries from a cookie on until `visit` returns false; that entry is the next one's first.
    ///
    /// - Throws: What lseek(2) or getdents64(2) failed with, or `visit`.
    func list(
        from cookie: UInt64, of descriptor: CInt, _ visit: (HostEntry) throws(Errno) -> Bool
    ) throws(Errno) {
        try lock.hold { () throws(Errno) in
            defer { rest() }
            try seek(to: cookie, descriptor)
            while let (entry, length) = try current(descriptor) {
                guard try visit(entry) else { return }
                state.pointee.next += length
                state.pointee.cookie = entry.cookie
            }
        }
    }

    /// Makes ready for another descriptor of the directory in place of this one, which will stand at its beginning.
    ///
    /// - Returns: False when the listing is under way.
    func leave() -> Bool {
        lock.hold {
            if !isUnderWay.load(ordering: .relaxed) { state.pointee.isPlaced = false }
            return !isUnderWay.load(ordering: .relaxed)
        }
    }

    /// Keeps nothing in memory until the next request that need not be.
    private func rest() {
        let isOver = state.pointee.filled == 0
        isUnderWay.store(!isOver, ordering: .relaxed)
        guard isOver || buffers.areMany else { return }
        if !isOver { state.pointee.isPlaced = false }
        state.pointee.next = 0
        state.pointee.filled = 0
        dropBuffer()
    }

    private func dropBuffer() {
        guard let buffer = state.pointee.buffer else { return }
        state.pointee.buffer = nil
        buffers.giveBack(buffer)
    }

    private func seek(to cookie: UInt64, _ descriptor: CInt) throws(Errno) {
        let isThere = state.pointee.isPlaced && cookie == state.pointee.cookie
        if isThere && (cookie != 0 || state.pointee.filled == 0) { return }
        let found = cl_lseek(descriptor, Int64(bitPattern: cookie), SEEK_SET)
        guard found >= 0 else { throw Errno(rawValue: CInt(truncatingIfNeeded: 0 - found)) }
        state.pointee.next = 0
        state.pointee.filled = 0
        state.pointee.cookie = cookie
        state.pointee.isPlaced = true
    }

    private func current(_ descriptor: CInt) throws(Errno) -> (HostEntry, Int)? {
        let buffer = state.pointee.buffer ?? buffers.take()
        state.pointee.buffer = buffer
        if state.pointee.next >= state.pointee.filled {
            state.pointee.next = 0
            state.pointee.filled = 0
            state.pointee.filled = try checked(cl_getdents(descriptor, buffer, ListingBuffers.size))
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
