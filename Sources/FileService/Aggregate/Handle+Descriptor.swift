import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import Synchronization
internal import SystemPackage

/// How an open file or directory of the guest has one on the host.
///
/// While the launcher has descriptors enough, always. Where it runs out of them, a file that was not used for long sleeps:
/// it is closed, and opened again when it is used, by its node and with the same flags. What cannot be had back keeps its
/// descriptor: a file that the host has deleted or moved, or does not let us open any more; one whose file system may
/// have something to say to the last close; and a directory while it is being listed, for not every file system finds the
/// place again by another descriptor. What the host deletes or locks up after that is lost, with ESTALE or EACCES.
extension Handle {
    /// Runs `body` with the open file, which stays open as long as that takes.
    ///
    /// - Throws: What opening it again failed with; or what `body` does.
    @inline(__always)
    func withDescriptor<R>(_ body: (CInt) throws(Errno) -> R) throws(Errno) -> R {
        let held = lease.add(Lease.oneUse, ordering: .acquiring).newValue
        defer { lease.subtract(Lease.oneUse, ordering: .releasing) }
        let descriptor = Lease.descriptor(held)
        if descriptor >= 0 {
            if held & Lease.used == 0 { lease.bitwiseOr(Lease.used, ordering: .relaxed) }
            return try body(descriptor)
        }
        return try body(wake())
    }

    /// Opens the file again. A use of it is counted already.
    private func wake() throws(Errno) -> CInt {
        guard !isHidden else { throw .badFileDescriptor }
        let opened = try node.openHeld(flags)
        var old = lease.load(ordering: .acquiring)
        while true {
            let there = Lease.descriptor(old)
            if there >= 0 {
                _ = cl_close(opened)
                node.pool.giveBack()
                node.giveBack()
                return there
            }
            let new = old & ~Lease.none | UInt64(UInt32(bitPattern: opened)) | Lease.used
            let (done, current) = lease.weakCompareExchange(
                expected: old, desired: new, successOrdering: .acquiringAndReleasing, failureOrdering: .acquiring)
            if done { break }
            old = current
        }
        node.sleepingHandles.subtract(1, ordering: .relaxed)
        node.pool.handles.woke(self)
        return opened
    }

    /// Whether the file is open and was not used since this was asked last.
    func isTired() -> Bool {
        let old = lease.load(ordering: .relaxed)
        guard old < Lease.oneUse, Lease.descriptor(old) >= 0 else { return false }
        // It can sleep after all, once the listing is over.
        if let stream, stream.isUnderWay.load(ordering: .relaxed) { return false }
        if old & Lease.used == 0 { return true }
        _ = lease.compareExchange(expected: old, desired: old & ~Lease.used, ordering: .relaxed)
        return false
    }

    /// Closes the file if it can be opened again; else it stays open for good.
    ///
    /// - Returns: Whether it sleeps.
    func sleep(in table: HandleTable) -> Bool {
        table.leave(self)
        guard canSleep else { return false }
        // Before it is looked who uses it: who lists after this has used it.
        let isLeft = stream?.leave() ?? true
        let old = lease.load(ordering: .relaxed)
        let descriptor = Lease.descriptor(old)
        guard descriptor >= 0 else { return false }
        guard isLeft, old < Lease.oneUse, old & Lease.used == 0,
            lease.compareExchange(expected: old, desired: Lease.none, ordering: .acquiringAndReleasing).exchanged
        else {
            // Used again.
            table.woke(self)
            return false
        }
        node.sleepingHandles.add(1, ordering: .relaxed)
        if old & Lease.isShared == 0 {
            _ = cl_close(descriptor)
            node.pool.giveBack()
        }
        // A descriptor that was shared can be closed by now like any node's.
        node.giveBack()
        return true
    }

    /// Opens the file again if it sleeps, and keeps it open.
    func stayAwake(in table: HandleTable) {
        try? withDescriptor { (_: CInt) throws(Errno) in table.leave(self) }
    }

    private var canSleep: Bool {
        guard node.flushIsNoOp || flags & O_ACCMODE == O_RDONLY, node.isFindable() else { return false }
        // By doing it: no mode says what the host will allow.
        return node.withOpenDescriptor { held in
            let opened = node.pool.reopen(held, flags)
            if opened >= 0 { _ = cl_close(opened) }
            return opened >= 0
        } ?? false
    }
}

extension Node {
    /// Opens the file for a handle, with a unit of the budget and a use of the node's own descriptor.
    ///
    /// - Throws: ENFILE when every descriptor that the guest may have is in use; what the host says of it.
    func openHeld(_ flags: CInt) throws(Errno) -> CInt {
        let held = try borrow()
        do throws(Errno) {
            try pool.take()
        } catch {
            giveBack()
            throw error
        }
        let opened = pool.reopen(held, flags)
        guard opened >= 0 else {
            pool.giveBack()
            giveBack()
            throw Errno(rawValue: 0 &- opened)
        }
        return opened
    }

    /// Runs `body` with the descriptor if there is one at the moment.
    fileprivate func withOpenDescriptor<R>(_ body: (CInt) -> R) -> R? {
        guard let descriptor = borrowIfOpen() else { return nil }
        defer { giveBack() }
        return body(descriptor)
    }
}
