import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import SystemPackage

/// GETLK, SETLK, SETLKW, and what takes locks away: FLUSH and RELEASE. They only come where a share's locks are the host's
/// too: but then they come for every share of the device, and are kept apart here.
extension RequestDispatcher {
    /// FUSE_LK_FLOCK.
    private static var whole: UInt32 { 1 }

    func getlk(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try request.structure(LkIn.self)
        let locks = try locks(of: session)
        _ = try session.handle(asked.handle, of: node)
        let range = try LockRange(asked.lock)
        guard range.type != F_UNLCK, asked.flags & RequestDispatcher.whole == 0 else { throw .invalidArgument }
        try reply.require(LkOut.byteCount)
        let key = LockKey(node: node.id, owner: asked.owner, isWhole: false)
        let found = try withLockFile(key, of: node, asked, locks) { (file) throws(Errno) in
            guard let conflict = try file.conflict(with: range) else { return LockRange.none.fileLock(process: 0) }
            // A program of the host has no number in the guest.
            return conflict.fileLock(process: locks.holder(of: conflict, inTheWayOf: file)?.process ?? 0)
        }
        return try reply.send(LkOut { $0.lock = found })
    }

    /// Sets a lock, or says EAGAIN. Where it may wait, it does so with `wait` set and no answer given.
    func setlk(_ request: Request, _ reply: Reply, _ session: Session, _ node: Node) throws(Errno) -> UInt32 {
        let asked = try request.structure(LkIn.self)
        let locks = try locks(of: session)
        let handle = try session.handle(asked.handle, of: node)
        let range = try LockRange(asked.lock)
        let isWhole = asked.flags & RequestDispatcher.whole != 0
        let key = LockKey(node: node.id, owner: isWhole ? handle.id.rawValue : asked.owner, isWhole: isWhole)
        if range.type == F_UNLCK, range.start == 0, range.length == 0 {
            locks.release(key)
            return reply.done()
        }
        try withLockFile(key, of: node, asked, locks) { (file) throws(Errno) in
            do throws(Errno) {
                try file.set(range)
            } catch .resourceTemporarilyUnavailable {
                guard request.header.opcode == .setlkw else { throw .resourceTemporarilyUnavailable }
                guard mayWait else { throw .noLocks }
                self.wait = LockWait(
                    file, range, process: asked.lock.pid, unique: request.header.unique, table: locks)
            }
        }
        // A lock may have become smaller or weaker.
        if self.wait == nil { locks.retry() }
        return reply.done()
    }

    private func locks(of session: Session) throws(Errno) -> LockTable {
        guard let locks = session.locks else { throw .noFunction }
        return locks
    }

    private func withLockFile<R>(
        _ key: LockKey, of node: Node, _ asked: LkIn, _ locks: LockTable, _ body: (LockFile) throws(Errno) -> R
    ) throws(Errno) -> R {
        try locks.withFile(
            key, of: node, process: asked.lock.pid, open: { (stand) throws(Errno) in try openForLocks(node, stand) },
            body)
    }

    /// Opens what locks are taken on, for writing too if possible: a lock to write needs it. Not in a share that may only be read:
    /// who has a file open for writing keeps the host from running it, and whoever waits for changes hears of one.
    private func openForLocks(_ node: Node, _ stand: LockStand?) throws(Errno) -> CInt {
        let links = aggregate.processDescriptors.number
        if let stand { return cl_reopen(links, stand.descriptor, O_RDWR) }
        if node.isDirectory { return try reopen(node, O_RDONLY | O_DIRECTORY).release() }
        if aggregate.access == .readOnly { return try reopen(node, O_RDONLY).release() }
        do throws(Errno) {
            return try reopen(node, O_RDWR).release()
        } catch {
            guard [.permissionDenied, .readOnlyFileSystem, .notPermitted, .textFileBusy].contains(error) else {
                throw error
            }
        }
        do throws(Errno) {
            return try reopen(node, O_RDONLY).release()
        } catch .permissionDenied {
            return try reopen(node, O_WRONLY).release()
        }
    }
}
