internal import CLinux
internal import Linux
public import SystemPackage

/// The user and group a request is made for, as the guest's kernel numbers them.
public struct CallerIdentity: Equatable, Sendable {
    /// The effective user id.
    public var uid: UInt32
    /// The effective group id.
    public var gid: UInt32

    /// Names a caller.
    public init(uid: UInt32, gid: UInt32) {
        self.uid = uid
        self.gid = gid
    }
}

/// The ids of one worker thread, lent to one call at a time.
///
/// What a guest creates must belong to the guest's caller and not to the launcher. A launcher without the privilege to
/// change ids creates everything as its own user, and then this does nothing. Made and used on the worker's own thread:
/// the kernel keeps credentials per thread.
public final class ThreadCredentials {
    /// The ids the thread has between calls.
    private let home: CallerIdentity
    private let mayChange: Bool
    /// True after the kernel refused to give the home ids back: nothing may be created before it has.
    private var displaced = false
    /// True while the thread may have a caller's supplementary group.
    private var hasGroup = false

    /// Takes note of the calling thread's ids and makes it keep its capabilities when its user id changes, so that a
    /// directory which only the launcher may write to still takes the file (SECBIT_NO_SETUID_FIXUP, capabilities(7)).
    public init() {
        home = CallerIdentity(uid: cl_thread_uid(), gid: cl_thread_gid())
        mayChange = cl_thread_may_change_ids()
        // Refused without CAP_SETPCAP, as in some containers: then creating is subject to the caller's own permissions.
        if mayChange { _ = cl_thread_keep_capabilities() }
    }

    /// Runs `body` with the effective ids of a caller and restores the thread's own afterwards.
    ///
    /// - Parameters:
    ///   - uid: The caller's user id.
    ///   - gid: The caller's group id.
    ///   - group: A supplementary group of the caller that matters here: that of the directory it makes something in.
    ///   - body: What is to be done in the caller's name; it must not change ids itself.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; EINVAL for an id of 2^32-1, which names nobody; what the kernel refuses a change of
    ///   ids with.
    @inlinable
    public func perform<R: ~Copyable>(
        as uid: UInt32, _ gid: UInt32, group: UInt32? = nil, _ body: () throws(Errno) -> R
    ) throws(Errno) -> R {
        guard try assume(uid: uid, gid: gid, group: group) else { return try body() }
        let result: R
        do {
            result = try body()
        } catch {
            try resume()
            throw error
        }
        try resume()
        return result
    }

    /// Runs `body` in the name of `caller`; see ``perform(as:_:group:_:)``.
    @inlinable
    public func perform<R: ~Copyable>(
        as caller: CallerIdentity, _ body: () throws(Errno) -> R
    ) throws(Errno) -> R {
        try perform(as: caller.uid, caller.gid, body)
    }

    /// Takes on the caller's ids; false when the thread has them already or has to stay as it is.
    @usableFromInline
    func assume(uid: UInt32, gid: UInt32, group: UInt32?) throws(Errno) -> Bool {
        guard mayChange else { return false }
        if displaced { try resume() }
        // The kernel takes -1 for "leave it": the thread would go on as the launcher's user.
        if uid == .max || gid == .max { throw .invalidArgument }
        if uid == home.uid && gid == home.gid { return false }
        displaced = true
        do {
            if let group, group != .max {
                hasGroup = true
                try checked(cl_thread_set_group(group))
            }
            // The group first: without CAP_SETGID kept, the user's change would forbid the group's.
            if gid != home.gid { try checked(cl_thread_set_gid(gid)) }
            if uid != home.uid { try checked(cl_thread_set_uid(uid)) }
        } catch {
            try resume()
            throw error
        }
        return true
    }

    /// Goes back to the home ids. The real ids were never changed, so the kernel has no reason to refuse but memory.
    @usableFromInline
    func resume() throws(Errno) {
        try checked(cl_thread_set_uid(home.uid))
        try checked(cl_thread_set_gid(home.gid))
        if hasGroup {
            try checked(cl_thread_drop_groups())
            hasGroup = false
        }
        displaced = false
    }
}
