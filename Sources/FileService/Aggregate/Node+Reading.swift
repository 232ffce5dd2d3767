import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import Synchronization
internal import SystemPackage

/// How a node's descriptor comes to be one that can be read from.
///
/// A node that is opened or asked for attributes again and again has, in place of its O_PATH descriptor, one that is open
/// for reading: then OPEN opens nothing, RELEASE closes nothing, and an attribute costs a fifth of what it does by way of
/// /proc/self/fd. The descriptor keeps its number, so that whoever uses it meanwhile goes on. Only on file systems where an
/// open file keeps nothing back on the host that an O_PATH descriptor would not: see `HostRoot.flushIsNoOp`.
extension Node {
    /// Whether the node is one that may be held open. The descriptor of a share's root is the share's.
    private var mayBeHeldOpen: Bool { (isRegular || isDirectory) && flushIsNoOp && !isChildRoot }

    /// Runs `body` with what the inode's extended attributes are read by.
    ///
    /// - Throws: What borrowing the descriptor failed with; or what `body` does.
    func withAttributes<R>(_ body: (AttributeSource) throws(Errno) -> R) throws(Errno) -> R {
        let descriptor = try borrow()
        defer { giveBack() }
        let held = lease.load(ordering: .relaxed)
        var isOpen = held & Lease.reads != 0
        if !isOpen, mayBeHeldOpen, isAskedAgain(held) { isOpen = openInPlace(of: descriptor) }
        return try body(AttributeSource(descriptor: descriptor, isOpen: isOpen))
    }

    /// The descriptor of a regular file, for another OPEN for reading to use, with a use of it; nil where that has to open
    /// the file by itself.
    ///
    /// What the host allowed once it need not allow again: a file that has changed since, its mode perhaps, is opened
    /// again. The caller uses the node's descriptor, and says whether the file is as the last OPEN has found it.
    func shareDescriptor(_ descriptor: CInt, isUnchanged: Bool) -> CInt? {
        guard isRegular, mayBeHeldOpen else { return nil }
        let held = lease.load(ordering: .acquiring)
        let isGood = held & Lease.reads != 0 && held & Lease.isUnchanged != 0 && isUnchanged
        if !isGood {
            guard isAskedAgain(held) else { return nil }
            // Before: a change that is seen while it is opened takes it away again.
            lease.bitwiseOr(Lease.isUnchanged, ordering: .acquiringAndReleasing)
            guard openInPlace(of: descriptor) else { return nil }
        }
        lease.add(Lease.oneUse, ordering: .acquiring)
        return descriptor
    }

    /// The guest is told attributes; see `PageCacheState.tell`.
    @inline(__always)
    func tell(_ found: cl_statx, clock: Int64) {
        guard isRegular, cache.tell(found, clock: clock) else { return }
        if lease.load(ordering: .relaxed) & Lease.isUnchanged != 0 {
            lease.bitwiseAnd(~Lease.isUnchanged, ordering: .acquiringAndReleasing)
        }
    }

    /// Whether the node was asked for something that an open file gives before: then it is likely to be asked more often.
    /// Not where the host has refused to open it.
    private func isAskedAgain(_ held: UInt64) -> Bool {
        if held & Lease.isRefused != 0 { return false }
        if held & Lease.isAsked != 0 { return true }
        lease.bitwiseOr(Lease.isAsked, ordering: .relaxed)
        return false
    }

    /// Opens the inode for reading in the place of its descriptor, which is in use by the caller. Not to wait for a lease
    /// that a program of the host has on the file: that is for who really opens it.
    private func openInPlace(of descriptor: CInt) -> Bool {
        let opened = pool.reopen(descriptor, O_RDONLY | O_NONBLOCK)
        guard opened >= 0 else {
            lease.bitwiseOr(Lease.isRefused, ordering: .relaxed)
            return false
        }
        defer { _ = cl_close(opened) }
        guard cl_replace(descriptor, opened) == 0 else { return false }
        lease.bitwiseOr(Lease.reads, ordering: .releasing)
        return true
    }
}

/// What an inode's extended attributes are read by: an open file, or an O_PATH descriptor by its name in /proc/self/fd.
struct AttributeSource {
    let descriptor: CInt
    let isOpen: Bool

    /// The value's bytes, or -errno; with no room given, how many they are.
    func value(
        _ name: UnsafePointer<CChar>, _ buffer: UnsafeMutableRawPointer?, _ size: Int
    ) -> Int {
        isOpen ? cl_fgetxattr(descriptor, name, buffer, size) : cl_getxattr_held(descriptor, name, buffer, size)
    }

    /// The bytes of all names, or -errno; with no room given, how many they are.
    func names(_ buffer: UnsafeMutablePointer<CChar>?, _ size: Int) -> Int {
        isOpen ? cl_flistxattr(descriptor, buffer, size) : cl_listxattr_held(descriptor, buffer, size)
    }
}
