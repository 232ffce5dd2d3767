internal import CLinux
internal import Glibc
internal import Linux
internal import Synchronization
public import SystemPackage

/// What every worker thread gives up before its first request, and a thread that speaks with a frontend before its first word.
///
/// A thread shares the process's memory and descriptors: this contains mistakes of the file service, and whoever leads it
/// astray, but not code of an attacker's own, which could have another thread of the process do what this one may not.
///
/// Landlock cannot keep a worker to the directories that are shared: a thread's rules can be added to until it is under
/// them and never after, and shares come while it runs. What it can take is what no share needs; see ``seal()``.
public final class WorkerConfinement: Sendable {
    /// What becomes of a thread that makes a system call which is not on the list.
    public let seccomp: SeccompMode
    /// Each made when the first thread needs it.
    private let filters = Mutex<[Duty: SystemCallFilter]>([:])
    /// Called on each thread, just before it is put under the filter.
    private let onSeal: @Sendable (Duty) -> Void

    /// What a thread is for, and so what it needs.
    public enum Duty: Sendable, CaseIterable {
        /// To serve files.
        case files
        /// To speak vhost-user with a frontend: with whatever a guest has made of its QEMU.
        case session
        /// To read and write the extended attributes that take CAP_SYS_ADMIN, and nothing else.
        case labels

        /// The capabilities that a thread keeps of those it has.
        ///
        /// To serve files: to be every user, and to do with every file in a share what its owner may. Not among them:
        /// CAP_SYS_ADMIN, which `trusted.*` attributes take, and much else; CAP_MKNOD, since no guest makes device nodes
        /// (overlayfs's whiteouts need none); CAP_DAC_READ_SEARCH, of which CAP_DAC_OVERRIDE has all but
        /// open_by_handle_at(2), which leads out of a share.
        var capabilities: [Capability] {
            switch self {
            case .files:
                [
                    .changeOwner, .overridePermissions, .ownEveryFile, .keepSetID, .setGroup, .setUser,
                    .setFileCapabilities, .makeImmutable,
                ]
            case .session: []
            case .labels: [.administer]
            }
        }

        /// The compiled-in text of the list in Config.
        private var listText: String {
            let bytes =
                switch self {
                case .files, .labels: PackageResources.worker_system_calls_txt
                case .session: PackageResources.session_system_calls_txt
                }
            return String(decoding: bytes, as: UTF8.self)
        }

        /// What a thread may ask the kernel for.
        ///
        /// - Throws: What is wrong with the list.
        func rules() throws(SystemCallRule.SyntaxError) -> [SystemCallRule] {
            let rules = try SystemCallRule.parse(listText)
            return self == .labels ? rules.filter { Self.callsForLabels.contains($0.name) } : rules
        }

        /// The attributes, another thread's word, and what every thread does; nothing that opens or names a file.
        private static let callsForLabels: Set<String> = [
            "getxattr", "listxattr", "setxattr", "removexattr", "futex", "restart_syscall", "brk", "mmap", "munmap",
            "mprotect", "mremap", "madvise", "getrandom", "rt_sigprocmask", "rt_sigreturn", "exit", "exit_group",
            "getpid", "gettid", "tgkill",
        ]
    }

    /// A confinement.
    public convenience init(seccomp: SeccompMode = .kill) {
        self.init(seccomp: seccomp, onSeal: { _ in })
    }

    /// A confinement with a hook for whoever wants to see what its threads do.
    init(seccomp: SeccompMode, onSeal: @escaping @Sendable (Duty) -> Void) {
        self.seccomp = seccomp
        self.onSeal = onSeal
    }

    /// Confines the calling thread, for good.
    ///
    /// It gets a working directory and a umask of its own (`unshare(CLONE_FS)`), the umask becomes 0 because a guest's
    /// file modes already have the guest's umask applied, it can gain no privilege by execve (`no_new_privs`), it leaves
    /// the process's signals to the main thread, and where it may change ids it loses the supplementary groups of the
    /// user who started the launcher, which no caller in the guest has a claim to.
    ///
    /// - Returns: Whether the thread has a umask of its own. Container runtimes forbid unshare(2) to the unprivileged;
    ///   then the process's umask, which is not this thread's to change, applies to what guests create as well.
    /// - Throws: What the kernel refused with, such as ENOMEM.
    @discardableResult
    public func enter() throws(Errno) -> Bool {
        // Not every list has a call to open what that may take.
        cl_thread_make_heap()
        try checked(cl_thread_block_signals())
        try checked(cl_no_new_privileges())
        if cl_thread_may_change_ids() {
            try checked(cl_thread_drop_groups())
        }
        do throws(Errno) {
            try checked(cl_unshare_fs())
        } catch .notPermitted {
            return false
        }
        _ = umask(0)
        return true
    }

    /// Closes the door behind a thread that has entered and made all its preparations.
    ///
    /// As root it keeps no capability but those of its duty. Where the kernel has Landlock it is cut off from TCP, from
    /// abstract unix sockets and from signals to other threads. And it comes under the list of system calls.
    ///
    /// - Parameter duty: What the thread is for.
    /// - Throws: What the kernel refused with, but for what it does not have of Landlock.
    public func seal(for duty: Duty = .files) throws(Errno) {
        try checked(cl_thread_limit_capabilities(Capability.mask(duty.capabilities)))
        // Beyond files: whatever it answers, the filter allows no socket either.
        _ = cl_landlock_beyond_files()
        guard seccomp != .off else { return }
        let filter = try filters.withLock { made throws(Errno) in
            if let filter = made[duty] { return filter }
            guard let rules = try? duty.rules() else { throw .invalidArgument }
            let filter = try SystemCallFilter(rules, mode: seccomp)
            // Where the filter lets all pass, a crash reporter works.
            if seccomp == .kill { try checked(cl_leave_crashes_to_kernel()) }
            try checked(cl_catch_forbidden_calls())
            made[duty] = filter
            return filter
        }
        onSeal(duty)
        try filter.load()
    }
}

/// A part of root's power, by its number in capabilities(7).
enum Capability: UInt64 {
    /// CAP_CHOWN.
    case changeOwner = 0
    /// CAP_DAC_OVERRIDE.
    case overridePermissions = 1
    /// CAP_FOWNER.
    case ownEveryFile = 3
    /// CAP_FSETID.
    case keepSetID = 4
    /// CAP_SETGID.
    case setGroup = 6
    /// CAP_SETUID.
    case setUser = 7
    /// CAP_LINUX_IMMUTABLE.
    case makeImmutable = 9
    /// CAP_SYS_ADMIN.
    case administer = 21
    /// CAP_SETFCAP.
    case setFileCapabilities = 31

    /// Whether the calling thread has it.
    var isHeld: Bool { cl_thread_capabilities() & 1 << rawValue != 0 }

    /// One bit for each.
    static func mask(_ capabilities: [Capability]) -> UInt64 {
        capabilities.reduce(0) { $0 | 1 << $1.rawValue }
    }
}
