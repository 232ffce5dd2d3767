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
    const uint64_t needed = (1u << CAP_SETUID) | (1u << CAP_SETGID);
    return (cl_thread_capabilities() & needed) == needed;
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

static int get_capabilities(struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3])
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    return syscall(SYS_capget, &header, data) < 0 ? -errno : 0;
}

int cl_thread_limit_capabilities(uint64_t kept)
{
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    int error = get_capabilities(data);
    if (error < 0)
        return error;
    // What execve(2) could give back goes first: that takes CAP_SETPCAP. The kernel may know more than its header.
    if (data[0].effective & (1u << CAP_SETPCAP))
        for (int capability = 0; capability < 64; capability++)
            if (!(kept & (1ull << capability)) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno != EINVAL)
                return -errno;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
        return -errno;
    for (int half = 0; half < _LINUX_CAPABILITY_U32S_3; half++) {
        const unsigned mask = (unsigned)(kept >> (32 * half));
        data[half].effective &= mask;
        data[half].permitted &= mask;
        data[half].inheritable = 0;
    }
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

uint64_t cl_thread_capabilities(void)
{
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    if (get_capabilities(data) < 0)
        return 0;
    return data[0].effective | ((uint64_t)data[1].effective << 32);
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
    sigdelset(&set, SIGSYS);
    return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}
