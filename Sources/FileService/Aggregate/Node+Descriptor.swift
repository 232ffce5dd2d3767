import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import Synchronization
internal import SystemPackage

/// What `Node.lease` is made of: the descriptor in the low 32 bits (all ones: none), above it marks, and how many use it.
enum Lease {
    static var none: UInt64 { 0xFFFF_FFFF }
    /// It was used since the pool's hand came by.
    static var used: UInt64 { 1 << 32 }
    /// There ever was a descriptor.
    static var opened: UInt64 { 1 << 33 }
    /// The descriptor is open for reading, see `Node+Reading.swift`.
    static var reads: UInt64 { 1 << 34 }
    /// As it was when that was opened, as far as the guest has been told.
    static var isUnchanged: UInt64 { 1 << 35 }
    /// Asked for what would be easier with it.
    static var isAsked: UInt64 { 1 << 36 }
    /// The host did not let it be opened.
    static var isRefused: UInt64 { 1 << 37 }
    /// The descriptor of a handle is its node's.
    static var isShared: UInt64 { 1 << 38 }
    static var oneUse: UInt64 { 1 << 40 }

    /// The descriptor; negative when there is none.
    @inline(__always)
    static func descriptor(_ lease: UInt64) -> CInt { CInt(truncatingIfNeeded: lease) }
}

/// How a node gets at its inode.
extension Node {
    /// Levels of directories that are opened to find one node; more, and it is taken for gone.
    private static var mostLevels: Int { 65_536 }

    // MARK: Using

    /// Runs `body` with a descriptor of the inode, O_PATH, which stays open as long as that takes.
    ///
    /// - Throws: ESTALE when the inode is not where it was found last; ENFILE when every descriptor the guest may have is
    ///   in use; what the host says of the way there; or what `body` does.
    @inline(__always)
    func withDescriptor<R: ~Copyable>(_ body: (CInt) throws(Errno) -> R) throws(Errno) -> R {
        let descriptor = try borrow()
        defer { giveBack() }
        return try body(descriptor)
    }

    /// A descriptor of the inode, in use until `giveBack`.
    @inline(__always)
    func borrow() throws(Errno) -> CInt {
        let held = lease.add(Lease.oneUse, ordering: .acquiring).newValue
        let descriptor = Lease.descriptor(held)
        if descriptor >= 0 {
            if held & Lease.used == 0 { lease.bitwiseOr(Lease.used, ordering: .relaxed) }
            return descriptor
        }
        return try borrowAnew()
    }

    /// The descriptor, in use until `giveBack`, if there is one at the moment.
    @inline(__always)
    func borrowIfOpen() -> CInt? {
        let held = lease.add(Lease.oneUse, ordering: .acquiring).newValue
        let descriptor = Lease.descriptor(held)
        if descriptor >= 0 {
            if held & Lease.used == 0 { lease.bitwiseOr(Lease.used, ordering: .relaxed) }
            return descriptor
        }
        giveBack()
        return nil
    }

    @inline(__always)
    func giveBack() { lease.subtract(Lease.oneUse, ordering: .releasing) }

    /// What statx(2) says of the inode. A node without a descriptor gets one only when it is asked again: a guest asks
    /// once of each of many files, and often of some, where a descriptor is half of what a name costs.
    @inline(__always)
    func status() throws(Errno) -> cl_statx {
        var found = cl_statx()
        try look(&found)
        return found
    }

    /// The same, where it is put: a copy of it is 256 bytes.
    @inline(__always)
    func look(_ found: inout cl_statx) throws(Errno) {
        let held = lease.load(ordering: .relaxed)
        let descriptor = Lease.descriptor(held)
        // Not counted as a user, which costs a twentieth of the call: should the number have become another file's
        // meanwhile, the answer is not this node's, and nothing but an answer has come of it.
        if descriptor >= 0, cl_statx(descriptor, nil, &found) == 0, isIdentified(by: found) {
            if held & Lease.used == 0 { lease.bitwiseOr(Lease.used, ordering: .relaxed) }
            return
        }
        found = try statusUncertain()
    }

    private func statusUncertain() throws(Errno) -> cl_statx {
        guard let descriptor = borrowIfOpen() else { return try statusByPlace() }
        defer { giveBack() }
        var found = cl_statx()
        try checked(cl_statx(descriptor, nil, &found))
        return found
    }

    private func statusByPlace() throws(Errno) -> cl_statx {
        var found = cl_statx()
        let isAskedAgain = lease.bitwiseOr(Lease.used, ordering: .relaxed).oldValue & Lease.used != 0
        if !isAskedAgain || !pool.isRoomy, let place = pool.place(of: self), let parent = place.parent,
            let directory = try? parent.borrow()
        {
            let result = place.withName { cl_statx(directory, $0, &found) }
            parent.giveBack()
            if result == 0, isIdentified(by: found) { return found }
        }
        // Gone or just moved: this finds out which.
        return try withDescriptor { (descriptor) throws(Errno) in
            try checked(cl_statx(descriptor, nil, &found))
            return found
        }
    }

    @inline(__always)
    private func isIdentified(by found: cl_statx) -> Bool { key.isOf(found, birthTimesLast: birthTimesLast) }

    /// Whether the host has deleted what was there when the guest got to know it; what the guest itself has deleted it may
    /// still use.
    func isDeletedByHost() -> Bool {
        guard wasLinked, !isChildRoot else { return false }
        do throws(Errno) {
            return try status().nlink == 0 && !pool.keepsItself(self)
        } catch {
            return error == .staleNFSFileHandle
        }
    }

    private var hasDescriptor: Bool { Lease.descriptor(lease.load(ordering: .relaxed)) >= 0 }

    // MARK: Opening

    /// Gets a descriptor for a node that has none. The use of it is counted already.
    private func borrowAnew() throws(Errno) -> CInt {
        do throws(Errno) {
            var tried: Place?
            while true {
                guard let place = pool.place(of: self), place !== tried else {
                    // Whoever moves or removes a name holds what it names, and changes the place before it lets go.
                    let descriptor = Lease.descriptor(lease.load(ordering: .acquiring))
                    if descriptor >= 0 { return descriptor }
                    throw .staleNFSFileHandle
                }
                do throws(Errno) {
                    return try open(at: place)
                } catch {
                    guard error == .staleNFSFileHandle else { throw error }
                    tried = place
                }
            }
        } catch {
            giveBack()
            throw error
        }
    }

    private func open(at place: Place) throws(Errno) -> CInt {
        guard let parent = place.parent else { throw .staleNFSFileHandle }
        if let directory = parent.borrowIfOpen() {
            defer { parent.giveBack() }
            return try open(at: place, in: directory)
        }
        // From the top down, and only the lowest kept: not one within another, and not all at once.
        var missing = [parent]
        var lowest = parent
        while let above = pool.place(of: lowest)?.parent, !above.hasDescriptor {
            guard missing.count < Node.mostLevels else { throw .staleNFSFileHandle }
            missing.append(above)
            lowest = above
        }
        var held: Node?
        defer { held?.giveBack() }
        while let directory = missing.popLast() {
            _ = try directory.borrow()
            held?.giveBack()
            held = directory
        }
        return try parent.withDescriptor { (directory) throws(Errno) in try open(at: place, in: directory) }
    }

    /// Opens the name and makes sure that it is this node's.
    private func open(at place: Place, in directory: CInt) throws(Errno) -> CInt {
        try pool.take()
        let descriptor = place.withName { cl_openat(directory, $0, CL_O_PATH | O_NOFOLLOW, 0) }
        guard descriptor >= 0 else {
            pool.giveBack()
            let error = Errno(rawValue: 0 &- descriptor)
            throw error == .noSuchFileOrDirectory || error == .notDirectory ? .staleNFSFileHandle : error
        }
        var found = cl_statx()
        let result = cl_statx(descriptor, nil, &found)
        guard result == 0, isIdentified(by: found) else {
            _ = cl_close(descriptor)
            pool.giveBack()
            throw result < 0 ? Errno(rawValue: 0 &- result) : .staleNFSFileHandle
        }
        return install(descriptor)
    }

    /// Gives the node a descriptor of its inode, whose use is counted already. It is taken over, with its unit of the
    /// budget; closed if the node has one by now.
    ///
    /// - Returns: The node's descriptor.
    @discardableResult
    func install(_ descriptor: CInt) -> CInt {
        var old = lease.load(ordering: .acquiring)
        while true {
            let there = Lease.descriptor(old)
            if there >= 0 {
                _ = cl_close(descriptor)
                pool.giveBack()
                return there
            }
            let new = old & ~Lease.none | UInt64(UInt32(bitPattern: descriptor)) | Lease.used | Lease.opened
            let (done, current) = lease.weakCompareExchange(
                expected: old, desired: new, successOrdering: .acquiringAndReleasing, failureOrdering: .acquiring)
            if done { break }
            old = current
        }
        // In use, so that nobody closes it before it is there to be closed.
        pool.insert(self)
        return descriptor
    }

    /// Whether the inode would be found again without its descriptor. What it takes to find out is opened beside the budget
    /// and closed at once, one directory at a time: this is asked when there is no descriptor left.
    func isFindable() -> Bool {
        if isChildRoot || pool.keepsItself(self) { return true }
        // Upwards to a directory that is open, and down again from there.
        var steps: [(node: Node, place: Place)] = []
        var lowest = self
        while steps.count < Node.mostLevels {
            guard let place = pool.place(of: lowest), let parent = place.parent else { return false }
            steps.append((lowest, place))
            if let directory = parent.borrowIfOpen() {
                defer { parent.giveBack() }
                return Node.areFound(steps, from: directory)
            }
            lowest = parent
        }
        return false
    }

    /// Whether each of the nodes, the last one first, is found at its place.
    private static func areFound(_ steps: [(node: Node, place: Place)], from top: CInt) -> Bool {
        var directory = top
        defer { if directory != top { _ = cl_close(directory) } }
        for (index, step) in steps.enumerated().reversed() {
            var found = cl_statx()
            if index == 0 {
                let result = step.place.withName { cl_statx(directory, $0, &found) }
                return result == 0 && step.node.isIdentified(by: found)
            }
            let next = step.place.withName { cl_openat(directory, $0, CL_O_PATH | O_NOFOLLOW | O_DIRECTORY, 0) }
            guard next >= 0 else { return false }
            if directory != top { _ = cl_close(directory) }
            directory = next
            guard cl_statx(directory, nil, &found) == 0, step.node.isIdentified(by: found) else { return false }
        }
        return false
    }

    // MARK: Closing

    /// Takes the descriptor away if it is not in use and was not since the last time.
    ///
    /// - Returns: The descriptor for the caller to close; -1 when it stays.
    func cool() -> CInt {
        let old = lease.load(ordering: .relaxed)
        guard old < Lease.oneUse, Lease.descriptor(old) >= 0 else { return -1 }
        let isUsed = old & Lease.used != 0
        let new = isUsed ? old & ~Lease.used : Lease.none | Lease.opened
        let done = lease.compareExchange(
            expected: old, desired: new, ordering: .acquiringAndReleasing
        ).exchanged
        return done && !isUsed ? Lease.descriptor(old) : -1
    }

    /// Closes the descriptor for good: the last thing a node does.
    func letGoOfDescriptor() {
        // Even when the descriptor is gone: whoever takes it away may not be done with the node.
        guard lease.load(ordering: .acquiring) & Lease.opened != 0 else { return }
        pool.remove(self)
        // Nobody else is left who could have taken it away since.
        let descriptor = Lease.descriptor(lease.load(ordering: .acquiring))
        guard descriptor >= 0 else { return }
        _ = cl_close(descriptor)
        pool.giveBack()
    }
}
