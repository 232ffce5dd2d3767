// What a thread may ask the kernel for (seccomp(2)), and what becomes of it when it asks for more.
#ifndef CLINUX_SECCOMP_H
#define CLINUX_SECCOMP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/// Puts the calling thread, and all that it starts, under a filter for good; needs no_new_privs or CAP_SYS_ADMIN.
/// `instructions` are `count` struct sock_filter. 0, or -errno.
int cl_load_filter(const void *_Nonnull instructions, unsigned short count);

/// A system call that a filter answered with SECCOMP_RET_TRAP.
struct cl_forbidden_call {
    int number;
    pid_t thread;
    char name[16];
};

/// From now on a thread whose call was trapped says so on standard error and ends the process with status 128+SIGSYS. The
/// kernel, left alone, would do the second only. 0, or -errno.
int cl_catch_forbidden_calls(void);
/// From now on it first signals the eventfd `notice`, does nothing more, and ends the process, with `status`, only when
/// nobody else has within so many milliseconds. -1 for nobody.
void cl_tell_of_forbidden_calls(int notice, unsigned patience_ms, int status);
/// The first call that was trapped; false when none was.
bool cl_first_forbidden_call(struct cl_forbidden_call *_Nonnull call);

#endif
