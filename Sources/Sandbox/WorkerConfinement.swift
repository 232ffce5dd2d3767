internal import CLinux
internal import Glibc
internal import Linux
public import SystemPackage

/// What every worker thread gives up before its first request.
///
/// A thread shares the process's memory and descriptors: this contains mistakes of the file service, not a thread that an
/// attacker has taken over.
public enum WorkerConfinement {
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
    public static func enter() throws(Errno) -> Bool {
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
}
