#define _GNU_SOURCE
#include "cl_credentials.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// On 32-bit x86 and Arm the calls without a suffix take 16-bit ids.
#ifdef SYS_setresuid32
#define CL_SYS_SETRESUID SYS_setresuid32
#define CL_SYS_SETRESGID SYS_setresgid32
#define CL_SYS_SETGROUPS SYS_setgroups32
#else
#define CL_SYS_SETRESUID SYS_setresuid
#define CL_SYS_SETRESGID SYS_setresgid
#define CL_SYS_SETGROUPS SYS_setgroups
#endif

bool cl_thread_may_change_ids(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    if (syscall(SYS_capget, &header, data) < 0)
        return false;
    const unsigned needed = (1u << CAP_SETUID) | (1u << CAP_SETGID);
    return (data[0].effective & needed) == needed;
}

uid_t cl_thread_uid(void) { return geteuid(); }
gid_t cl_thread_gid(void) { return getegid(); }

int cl_thread_set_uid(uid_t uid) { return syscall(CL_SYS_SETRESUID, -1, uid, -1) < 0 ? -errno : 0; }
int cl_thread_set_gid(gid_t gid) { return syscall(CL_SYS_SETRESGID, -1, gid, -1) < 0 ? -errno : 0; }
int cl_thread_drop_groups(void) { return syscall(CL_SYS_SETGROUPS, 0, NULL) < 0 ? -errno : 0; }
int cl_thread_set_group(gid_t group) { return syscall(CL_SYS_SETGROUPS, 1, &group) < 0 ? -errno : 0; }

int cl_thread_keep_capabilities(void)
{
    int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
    if (bits < 0)
        return -errno;
    if (bits & SECBIT_NO_SETUID_FIXUP)
        return 0;
    return prctl(PR_SET_SECUREBITS, bits | SECBIT_NO_SETUID_FIXUP, 0, 0, 0) < 0 ? -errno : 0;
}

int cl_thread_block_signals(void)
{
    sigset_t set;
    sigfillset(&set);
    sigdelset(&set, SIGSEGV);
    sigdelset(&set, SIGBUS);
    sigdelset(&set, SIGFPE);
    sigdelset(&set, SIGILL);
    sigdelset(&set, SIGTRAP);
    sigdelset(&set, SIGABRT);
    return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}
