// What one thread may do and as whom. The kernel keeps credentials per thread; libc's setresuid(3) and its family change
// every thread of the process, so these are raw system calls. See credentials(7), capabilities(7).
#ifndef CLINUX_CREDENTIALS_H
#define CLINUX_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/// Whether the calling thread may change its user ids and its group ids: CAP_SETUID and CAP_SETGID are effective.
bool cl_thread_may_change_ids(void);
/// The calling thread's effective ids, asked of the kernel.
uid_t cl_thread_uid(void);
gid_t cl_thread_gid(void);
/// Sets the calling thread's effective user id only; 0, or -errno.
int cl_thread_set_uid(uid_t uid);
/// Sets the calling thread's effective group id only; 0, or -errno.
int cl_thread_set_gid(gid_t gid);
/// Takes every supplementary group from the calling thread; 0, or -errno.
int cl_thread_drop_groups(void);
/// Makes `group` the calling thread's only supplementary group; 0, or -errno.
int cl_thread_set_group(gid_t group);
/// Makes the calling thread keep its effective capabilities when its user id changes (SECBIT_NO_SETUID_FIXUP); 0, or
/// -errno. Needs CAP_SETPCAP.
int cl_thread_keep_capabilities(void);
/// Takes every capability from the calling thread whose bit is not in `kept`, for good: of all its sets, and of what a
/// program it would execute could have; 0, or -errno.
int cl_thread_limit_capabilities(uint64_t kept);
/// The calling thread's effective capabilities, a bit each.
uint64_t cl_thread_capabilities(void);
/// Blocks every signal for the calling thread but those that its own instructions raise; 0, or -errno.
int cl_thread_block_signals(void);

#endif
