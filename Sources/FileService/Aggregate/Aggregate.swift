import CLinux
internal import FUSE
import Glibc
internal import Linux
public import Sandbox
internal import Synchronization
public import SystemPackage

/// The file system of one virtio-fs device: a synthetic root directory with a share under each name.
///
/// Shares come and go while guests use it. Worker threads serve requests through a `RequestDispatcher` each; everything
/// here may be called from any thread.
public final class Aggregate: Sendable {
    /// What guests may do with every share here.
    public let access: Access
    /// What is settled of caching for every share here.
    public let caching: DeviceCaching
    /// /proc/self/fd, through which held inodes are opened: no other path is ever resolved.
    let processDescriptors: Descriptor
    private let budget: DescriptorBudget
    private let confinement: WorkerConfinement
    /// Touched only while `lock` is held.
    nonisolated(unsafe) private let state: UnsafeMutablePointer<State>
    private let lock = Lock()
    /// Counts sessions; a dispatcher that sees it change asks for the new one.
    private let epoch = Atomic<UInt64>(1)

    private struct State: ~Copyable {
        var registry = Registry()
        var session: Session?
        /// What starts threads for the workers; there once a share may need one.
        var threads: WorkerThreads?
        /// There once there is a share, where the launcher may have them.
        var privilegedAttributes: PrivilegedAttributes?
    }

    /// Makes a file system without shares.
    ///
    /// - Parameters:
    ///   - access: What guests may do with every share here.
    ///   - caching: What is settled of caching for every share here.
    ///   - eighths: How much of the descriptors that guests may make the launcher hold is for this one's.
    ///   - confinement: What the threads are confined by that it starts itself.
    /// - Throws: What opening /proc/self/fd failed with: ENOENT where /proc is not mounted.
    public convenience init(
        access: Access, caching: DeviceCaching = .ordinary, descriptorEighths eighths: Int = 8,
        confinement: WorkerConfinement = WorkerConfinement()
    ) throws(Errno) {
        try self.init(
            access: access, caching: caching, descriptorLimit: DescriptorBudget.ofProcess(eighths: eighths),
            confinement: confinement)
    }

    /// Makes a file system without shares whose guests may make the launcher hold so many descriptors.
    init(
        access: Access, caching: DeviceCaching = .ordinary, descriptorLimit: Int,
        confinement: WorkerConfinement = WorkerConfinement()
    ) throws(Errno) {
        self.confinement = confinement
        processDescriptors = try Descriptor(
            result: cl_openat(CL_AT_FDCWD, "/proc/self/fd", CL_O_PATH | O_DIRECTORY, 0))
        self.access = access
        self.caching = caching
        budget = DescriptorBudget(limit: descriptorLimit)
        state = .allocate(capacity: 1)
        state.initialize(to: State())
    }

    deinit {
        state.deinitialize(count: 1)
        state.deallocate()
    }

    // MARK: Shares

    /// Offers a host directory or regular file under a name, visible at the guest's next lookup.
    ///
    /// The first thing wrong is reported: the name, then an aggregate that is being taken down, then an access that is not
    /// the aggregate's or caching that is not, then what the host says of the path, then a name in use.
    ///
    /// - Parameters:
    ///   - name: One path component, at most 255 bytes of UTF-8.
    ///   - hostPath: The directory or file; a symbolic link to one is followed now and not again. Of a file it is the inode
    ///     that is there now.
    ///   - access: What the share was asked to allow; it has to be the aggregate's.
    ///   - options: How it is served.
    ///   - followsLinks: Whether symbolic links on the path are followed; ELOOP without.
    /// - Returns: The share as a listing shows it.
    /// - Throws: EINVAL, ENAMETOOLONG, EAGAIN, the host's own error, EBUSY, EEXIST or ENOSPC, with what it is about.
    @discardableResult
    public func addChild(
        name: String, hostPath: FilePath, access: Access, options: ChildOptions = ChildOptions(),
        followsLinks: Bool = true
    ) throws(AddChildError) -> ChildSummary {
        func refusal(_ reason: AddChildError.Reason, _ errno: Errno) -> AddChildError {
            AddChildError(reason: reason, errno: errno, name: name, hostPath: hostPath)
        }
        do throws(Errno) {
            try Array(name.utf8).withUnsafeBufferPointer { bytes throws(Errno) in
                try ComponentName.check(UnsafeRawBufferPointer(bytes))
            }
        } catch {
            throw refusal(.name, error)
        }
        guard !isTearingDown else { throw refusal(.tearingDown, .resourceTemporarilyUnavailable) }
        guard access == self.access else { throw refusal(.access, .invalidArgument) }
        guard caching.admits(options.deviceCaching(for: access)) else { throw refusal(.caching, .invalidArgument) }
        // Outside the lock: the guest's lookups do not wait for a slow host.
        let root: HostRoot
        do throws(Errno) {
            try prepareThreads(for: options)
            root = try HostRoot(path: hostPath, options: options, followsLinks: followsLinks)
        } catch {
            throw refusal(.hostPath, error)
        }
        guard options.ownership != .mapped || root.takesRecords else { throw refusal(.ownership, .notSupported) }
        return try lock.hold { () throws(AddChildError) in
            guard !state.pointee.registry.isTearingDown else {
                throw refusal(.tearingDown, .resourceTemporarilyUnavailable)
            }
            // It would look as if the guest did what it was never asked for, or was told not to do.
            if let session = state.pointee.session,
                !options.initFlags.isSubset(of: session.flags)
                    || session.refusesFlush.load(ordering: .relaxed) && !root.flushIsNoOp
            {
                throw refusal(.notNegotiated, .resourceBusy)
            }
            do throws(Errno) {
                let child = try state.pointee.registry.add(named: name.utf8) { id in
                    Child(id: id, name: name, hostPath: hostPath, options: options, root: root)
                }
                return child.summary
            } catch {
                throw refusal(error == .fileExists ? .nameInUse : .idsExhausted, error)
            }
        }
    }

    /// Has what starts a thread made here, and the thread for attributes: a worker, which will be the one to need them, may
    /// not make them.
    private func prepareThreads(for options: ChildOptions) throws(Errno) {
        let mayLabel = WorkerThreads.mayLabel
        guard mayLabel || options.locks == .host else { return }
        let known = lock.hold { (state.pointee.threads, state.pointee.privilegedAttributes) }
        if known.0 != nil, !mayLabel || known.1 != nil { return }
        let threads = if let known = known.0 { known } else { try WorkerThreads(confinement: confinement) }
        let attributes = mayLabel ? try PrivilegedAttributes(threads: threads) : nil
        lock.hold {
            if state.pointee.threads == nil { state.pointee.threads = threads }
            if state.pointee.privilegedAttributes == nil { state.pointee.privilegedAttributes = attributes }
        }
    }

    /// Takes a share out of the synthetic root. Its name may be used again at once.
    ///
    /// - Parameters:
    ///   - name: The name it was added under.
    ///   - revoke: Whether what the guest still uses of it fails with ESTALE from now on, instead of working until the
    ///     guest lets go of it.
    /// - Returns: The share that was removed.
    /// - Throws: ENOENT when there is no share of this name.
    @discardableResult
    public func removeChild(named name: String, revoke: Bool) throws(Errno) -> ChildSummary {
        let departure = try detachChild(named: name, revoke: revoke)
        departure.finish()
        return departure.share
    }

    /// Does of `removeChild` what may be done with a lock held: the host is not asked, nothing of it is closed.
    ///
    /// - Returns: What closes the share's files, with no lock held.
    /// - Throws: ENOENT when there is no share of this name.
    public func detachChild(named name: String, revoke: Bool) throws(Errno) -> ChildDeparture {
        let (removed, session) = lock.hold {
            let child = state.pointee.registry.remove(named: name.utf8)
            child?.remove(revoke: revoke)
            return (child, state.pointee.session)
        }
        guard let removed else { throw .noSuchFileOrDirectory }
        return ChildDeparture(child: removed, session: session)
    }

    /// Refuses new shares from now on; what is there is served until the device is gone.
    public func beginTeardown() {
        lock.hold { state.pointee.registry.isTearingDown = true }
    }

    /// Whether new shares are refused.
    public var isTearingDown: Bool { lock.hold { state.pointee.registry.isTearingDown } }

    /// The shares, in the order in which they were added.
    public var children: [ChildSummary] {
        lock.hold { state.pointee.registry.children }.map(\.summary)
    }

    /// How many shares there are.
    public var childCount: Int { lock.hold { state.pointee.registry.children.count } }

    // MARK: Activity

    /// What guests do with the share of this name; nil when there is none.
    public func activity(of name: String) -> ChildActivity? {
        lock.hold { state.pointee.registry.child(named: name.utf8) }?.counters.activity
    }

    /// What guests do with each share, in the order in which they were added.
    public var activities: [(name: String, activity: ChildActivity)] {
        allChildren.map { ($0.name, $0.counters.activity) }
    }

    /// What guests do with all the shares that there are.
    public var activity: ChildActivity {
        allChildren.reduce(into: ChildActivity()) { $0.add($1.counters.activity) }
    }

    // MARK: For dispatchers

    func child(named name: UnsafeRawBufferPointer) -> Child? {
        lock.hold { state.pointee.registry.child(named: name) }
    }

    /// The first child whose id is greater than `id`.
    func child(after id: UInt64) -> Child? {
        lock.hold { state.pointee.registry.child(after: id) }
    }

    /// Who has the attributes that take a capability; nil where the launcher may not have them.
    var privilegedAttributes: PrivilegedAttributes? { lock.hold { state.pointee.privilegedAttributes } }

    var allChildren: [Child] { lock.hold { state.pointee.registry.children } }

    /// The number of the current session.
    @inline(__always)
    var currentEpoch: UInt64 { epoch.load(ordering: .acquiring) }

    /// The current session and its number; nil before INIT and after DESTROY.
    func currentSession() -> (Session?, UInt64) {
        lock.hold { (state.pointee.session, epoch.load(ordering: .relaxed)) }
    }

    /// What has to be negotiated for the options of the shares, and for what the launcher may do.
    var wantedFlags: InitFlags { lock.hold { wantedFlags(of: state.pointee.registry) } }

    /// The same, with the lock held.
    private func wantedFlags(of registry: borrowing Registry) -> InitFlags {
        let labels = state.pointee.privilegedAttributes == nil ? [] : Negotiation.labels
        return registry.wantedFlags.union(caching.initFlags).union(labels)
    }

    /// Ends the session, if there is one, and begins another.
    ///
    /// - Parameters:
    ///   - flags: What was negotiated.
    ///   - wanted: What `wantedFlags` was then.
    /// - Returns: False when it has to be negotiated again; nothing has changed then.
    /// - Throws: What a descriptor could not be made with.
    func beginSession(flags: InitFlags, wanted: InitFlags) throws(Errno) -> Bool {
        let threads = lock.hold { state.pointee.threads }
        let session = try Session(
            budget: budget, processDescriptors: processDescriptors.number, flags: flags, threads: threads)
        return replaceSession(with: session) { registry in
            guard wantedFlags(of: registry) == wanted else { return false }
            let needsFlush = session.locks != nil || registry.children.contains { !$0.root.flushIsNoOp }
            session.refusesFlush.store(session.buffersWrites && !needsFlush, ordering: .relaxed)
            return true
        }
    }

    /// Ends the session: every request but INIT is refused until the next.
    func endSession() { _ = replaceSession(with: nil) { _ in true } }

    private func replaceSession(with new: Session?, if isRight: (borrowing Registry) -> Bool) -> Bool {
        let (isReplaced, old): (Bool, Session?) = lock.hold {
            guard isRight(state.pointee.registry) else { return (false, nil) }
            let old = state.pointee.session
            state.pointee.session = new
            epoch.add(1, ordering: .releasing)
            return (true, old)
        }
        // Other dispatchers keep the old object until their next request; the host's files it holds go now.
        old?.wipe()
        return isReplaced
    }

    /// Lets go of the guest's locks: it is gone, and a program of the host may wait for one. What it had open goes with the
    /// next INIT.
    public func releaseLocks() { currentSession().0?.locks?.close() }
}
