import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import Sandbox
internal import SystemPackage

/// The locks of a session's guest, and who waits for one.
///
/// Not on the path of any other request. The host is asked with no lock held.
final class LockTable: @unchecked Sendable {
    /// The most requests that wait.
    static let mostWaits = 512
    /// INTERRUPTs that came before what they interrupt: the two go through different rings.
    private static let mostEarly = 64
    /// How often a lock that a program of the host holds is tried again, in milliseconds, at first and at most. Nothing
    /// tells when it is let go of; locks that the guest's own programs hold are tried when one of them is.
    private static let shortestPause: CInt = 1
    private static let longestPause: CInt = 16

    private struct State {
        var files: [LockKey: LockFile] = [:]
        var stands: [NodeID: LockStand] = [:]
        var waits: [LockWait] = []
        var early: [UInt64] = []
        var isWatched = false
        var isClosed = false
    }

    private let lock = Lock()
    private let state: UnsafeMutablePointer<State>
    /// Tells the watching thread that something has changed.
    private let change: Descriptor

    /// What the thread that tries again is started by.
    private let threads: WorkerThreads?

    /// - Throws: What a descriptor could not be made with.
    init(threads: WorkerThreads?) throws(Errno) {
        self.threads = threads
        change = try Descriptor(result: cl_eventfd(0, false))
        state = .allocate(capacity: 1)
        state.initialize(to: State())
    }

    deinit {
        state.deinitialize(count: 1)
        state.deallocate()
    }

    // MARK: Files

    /// Runs `body` with the file of an owner's locks, opened by `open` if there is none.
    ///
    /// - Throws: ENOTCONN when the session is over; ENOLCK when there is no descriptor left; what the host says of opening
    ///   it; what `body` throws.
    func withFile<R>(
        _ key: LockKey, of node: Node, process: UInt32, open: (LockStand?) throws(Errno) -> CInt,
        _ body: (LockFile) throws(Errno) -> R
    ) throws(Errno) -> R {
        let file = try use(key, of: node, process: process, open: open)
        defer { letGo(file) }
        return try body(file)
    }

    private func use(
        _ key: LockKey, of node: Node, process: UInt32, open: (LockStand?) throws(Errno) -> CInt
    ) throws(Errno) -> LockFile {
        if let known = lock.hold({ used(key, process: process) }) { return known }
        let made = try make(key, of: node, open: open)
        let file: LockFile? = lock.hold {
            guard !state.pointee.isClosed, !node.child.isRevoked else { return nil }
            if let other = used(key, process: process) { return other }
            state.pointee.files[key] = made
            if let stand = made.stand {
                stand.files += 1
                state.pointee.stands[key.node] = stand
            }
            return used(key, process: process)
        }
        guard let file else { throw node.child.isRevoked ? .staleNFSFileHandle : .socketNotConnected }
        return file
    }

    /// The file with one user more. The lock is held.
    private func used(_ key: LockKey, process: UInt32) -> LockFile? {
        guard let file = state.pointee.files[key] else { return nil }
        file.users += 1
        file.process = process
        return file
    }

    private func make(
        _ key: LockKey, of node: Node, open: (LockStand?) throws(Errno) -> CInt
    ) throws(Errno) -> LockFile {
        do throws(Errno) {
            var stand: LockStand?
            if node.child.options.locks == .guest || node.zone == .hidden {
                stand = lock.hold { state.pointee.stands[key.node] }
                if stand == nil { stand = try makeStand(key.node, node.pool) }
            }
            do throws(Errno) {
                try node.pool.take()
                do throws(Errno) {
                    let descriptor = try checked(open(stand))
                    return LockFile(key, node: node, descriptor: descriptor, stand: stand)
                } catch {
                    node.pool.giveBack()
                    throw error
                }
            } catch {
                if let stand { letGo(stand, of: key.node) }
                throw error
            }
        } catch .tooManyOpenFilesInSystem {
            throw .noLocks
        }
    }

    /// The one anonymous file of an inode: whoever comes second takes the first one's.
    private func makeStand(_ node: NodeID, _ pool: DescriptorPool) throws(Errno) -> LockStand {
        let made = try LockStand(pool)
        return lock.hold {
            if let there = state.pointee.stands[node] { return there }
            state.pointee.stands[node] = made
            return made
        }
    }

    /// Forgets an anonymous file that nobody has locks on after all.
    private func letGo(_ stand: LockStand, of node: NodeID) {
        lock.hold { if stand.files == 0, state.pointee.stands[node] === stand { state.pointee.stands[node] = nil } }
    }

    private func letGo(_ file: LockFile) { lock.hold { file.users -= 1 } }

    /// Takes all locks of an owner on a file away, as close(2) does.
    func release(_ key: LockKey) {
        let (closed, kept): (LockFile?, LockFile?) = lock.hold {
            guard let file = state.pointee.files[key] else { return (nil, nil) }
            if file.users > 0 { return (nil, file) }
            remove(file)
            return (file, nil)
        }
        guard closed != nil || kept != nil else { return }
        // Another thread of the process waits for a lock on the same file: it goes on waiting.
        kept?.clear()
        close(closed)
        retry()
    }

    /// Lets go of a file, whose last reference this is as a rule.
    private func close(_ file: consuming LockFile?) {
        file?.clear()
    }

    /// Takes a file out of the table. The lock is held.
    private func remove(_ file: LockFile) {
        state.pointee.files[file.key] = nil
        guard let stand = file.stand else { return }
        stand.files -= 1
        if stand.files == 0 { state.pointee.stands[file.key.node] = nil }
    }

    /// The process of the guest that has a lock that is in somebody's way, and its number as an owner; nil when it is a
    /// program of the host, or when several have the same.
    func holder(of range: LockRange, inTheWayOf file: LockFile) -> (owner: UInt64, process: UInt32)? {
        let others = lock.hold {
            state.pointee.files.values.filter { $0.key.node == file.key.node && !$0.key.isWhole && $0 !== file }
        }
        let whole = LockRange(type: CInt(F_WRLCK), start: range.start, length: range.length)
        // A lock is never in its own holder's way.
        for other in others where (try? other.conflict(with: whole)) != range {
            return (other.key.owner, lock.hold { other.process })
        }
        return nil
    }

    // MARK: Waiting

    /// Begins to wait; the file has one user more until the end of that.
    func add(_ wait: LockWait, _ answer: @escaping @Sendable (LateAnswer) -> Void) {
        let refusal: Errno? = lock.hold {
            wait.file.users += 1
            wait.answer = answer
            if state.pointee.isClosed { return .socketNotConnected }
            if wait.file.node.child.isRevoked { return .staleNFSFileHandle }
            if let early = state.pointee.early.firstIndex(of: wait.unique) {
                state.pointee.early.remove(at: early)
                return .interrupted
            }
            guard state.pointee.waits.count < LockTable.mostWaits, watch() else { return .noLocks }
            state.pointee.waits.append(wait)
            return nil
        }
        if let refusal { return finish(wait, refusal) }
        // Here, so that it is told to whom closes the circle, and not to one who waited before.
        if closesACircle(wait) { giveUp(wait, .deadlock) }
        _ = cl_eventfd_signal(change.number)
    }

    /// Ends a wait with an error, unless it is over, or is just about to be.
    private func giveUp(_ wait: LockWait, _ error: Errno) {
        let isFree = lock.hold {
            if wait.isTried { wait.verdict = error }
            return !wait.isTried
        }
        if isFree { finish(wait, error) }
    }

    /// Answers a wait, unless that was done.
    private func finish(_ wait: LockWait, _ error: Errno?) {
        let answer: (@Sendable (LateAnswer) -> Void)? = lock.hold { end(wait) }
        answer?(LateAnswer(unique: wait.unique, error: error))
        // It may have been the last one, and the thread that tries has an end then.
        _ = cl_eventfd_signal(change.number)
    }

    /// Takes a wait out. The lock is held.
    private func end(_ wait: LockWait) -> (@Sendable (LateAnswer) -> Void)? {
        guard !wait.isOver else { return nil }
        wait.isOver = true
        wait.file.users -= 1
        state.pointee.waits.removeAll { $0 === wait }
        return wait.answer.take()
    }

    func cancel(_ wait: LockWait) {
        let answer = lock.hold { end(wait) }
        withExtendedLifetime(answer) {}
        _ = cl_eventfd_signal(change.number)
    }

    /// Gives up what the guest does not want any more, with EINTR.
    func interrupt(_ unique: UInt64) {
        let wait: LockWait? = lock.hold {
            guard let wait = state.pointee.waits.first(where: { $0.unique == unique }) else {
                if state.pointee.early.count == LockTable.mostEarly { state.pointee.early.removeFirst() }
                state.pointee.early.append(unique)
                return nil
            }
            return wait
        }
        if let wait { giveUp(wait, .interrupted) }
    }

    /// Has everybody who waits try again: a lock is gone.
    func retry() {
        if lock.hold({ !state.pointee.waits.isEmpty }) { _ = cl_eventfd_signal(change.number) }
    }

    // MARK: Watching

    /// Starts the thread that tries again for all who wait, if it does not run. The lock is held.
    private func watch() -> Bool {
        if state.pointee.isWatched { return true }
        guard let threads else { return false }
        let thread = try? threads.start(name: "fs-locks") {
            do throws(Errno) {
                try threads.confinement.enter()
                try threads.confinement.seal()
            } catch {
                return self.giveUpAll(.noLocks)
            }
            self.tryUntilNobodyWaits()
        }
        guard let thread else { return false }
        thread.detach()
        state.pointee.isWatched = true
        return true
    }

    /// Answers all who wait: there is no thread to try for them.
    private func giveUpAll(_ error: Errno) {
        let waits = lock.hold {
            state.pointee.isWatched = false
            return state.pointee.waits
        }
        for wait in waits { finish(wait, error) }
    }

    private func tryUntilNobodyWaits() {
        var pause = LockTable.shortestPause
        while true {
            let waits = lock.hold {
                state.pointee.isWatched = !state.pointee.waits.isEmpty
                return state.pointee.waits
            }
            if waits.isEmpty { return }
            var isAnyoneServed = false
            for wait in waits {
                if attempt(wait) { isAnyoneServed = true }
            }
            if isAnyoneServed { continue }
            var poll = pollfd(fd: change.number, events: Int16(POLLIN), revents: 0)
            let isHosts = waits.contains { $0.file.stand == nil }
            if cl_poll(&poll, 1, isHosts ? pause : -1) == 1 {
                _ = cl_eventfd_wait(change.number)
                pause = LockTable.shortestPause
            } else {
                pause = min(pause * 2, LockTable.longestPause)
            }
        }
    }

    /// Tries to get a lock that somebody waits for.
    ///
    /// - Returns: Whether the wait is over.
    private func attempt(_ wait: LockWait) -> Bool {
        let isWanted = lock.hold {
            wait.isTried = !wait.isOver
            return wait.isTried
        }
        guard isWanted else { return false }
        var outcome: Errno?
        do throws(Errno) {
            try wait.file.set(wait.range)
        } catch {
            outcome = error
        }
        let verdict = lock.hold {
            wait.isTried = false
            if outcome == nil { wait.file.process = wait.process }
            return wait.verdict
        }
        if outcome == .resourceTemporarilyUnavailable {
            guard let verdict else { return false }
            outcome = verdict
        }
        finish(wait, outcome)
        return true
    }

    /// Whether whom this one waits for waits for it in turn, over however many others: then none would ever go on.
    private func closesACircle(_ wait: LockWait) -> Bool {
        guard !wait.file.key.isWhole else { return false }
        var current = wait
        for _ in 0..<LockTable.mostWaits {
            guard let conflict = try? current.file.conflict(with: current.range),
                let holder = holder(of: conflict, inTheWayOf: current.file)
            else { return false }
            if holder.owner == wait.file.key.owner { return true }
            let next = lock.hold {
                state.pointee.waits.first { $0.file.key.owner == holder.owner && !$0.file.key.isWhole }
            }
            guard let next, next !== current else { return false }
            current = next
        }
        return false
    }

    // MARK: Ends

    /// Lets go of all locks on a share, and answers whoever waits for one with ESTALE.
    func revoke(_ child: Child) {
        drop(.staleNFSFileHandle) { $0.node.child === child }
    }

    /// Lets go of everything; there are no more locks after this.
    func close() {
        lock.hold { state.pointee.isClosed = true }
        drop(.socketNotConnected) { _ in true }
    }

    private func drop(_ error: Errno, where isConcerned: (LockFile) -> Bool) {
        let (waits, files) = lock.hold {
            let waits = state.pointee.waits.filter { isConcerned($0.file) }
            let files = state.pointee.files.values.filter(isConcerned)
            for file in files { remove(file) }
            return (waits, files)
        }
        for wait in waits { finish(wait, error) }
        for file in files { file.clear() }
        retry()
    }
}
