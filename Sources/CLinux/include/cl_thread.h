// Threads, and what Linux keeps per thread although libc makes it per process.
#ifndef CLINUX_THREAD_H
#define CLINUX_THREAD_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Names the calling thread; at most 15 bytes. 0, or -errno.
int cl_set_thread_name(const char *_Nonnull name);
pid_t cl_thread_id(void);
/// The name and number of the calling thread as ``cl_set_thread_name`` has noted them, empty and 0 before; no system call.
const char *_Nonnull cl_own_thread_name(void);
pid_t cl_own_thread_id(void);
/// CPU time this thread has used, in nanoseconds (CLOCK_THREAD_CPUTIME_ID).
uint64_t cl_thread_cpu_time(void);
/// Nanoseconds of CLOCK_MONOTONIC.
uint64_t cl_monotonic_time(void);
/// How many processors the calling thread may run on (sched_getaffinity(2)); 1 where that is not known.
int cl_processor_count(void);
/// Gives the calling thread its own working directory and umask: unshare(CLONE_FS).
int cl_unshare_fs(void);
/// Whether the calling thread has its own by that.
bool cl_has_own_fs(void);
/// Locks a mutex, or gives up after so many milliseconds of CLOCK_MONOTONIC, whatever becomes of the time of day meanwhile:
/// -ETIMEDOUT then.
int cl_lock_mutex_within(pthread_mutex_t *_Nonnull mutex, long milliseconds);
/// Takes a signal of a semaphore, or gives up after so many milliseconds in the same way.
int cl_semaphore_wait_within(sem_t *_Nonnull semaphore, long milliseconds);
/// Has malloc(3) make its heap for the calling thread. The first time that there are many, it looks into
/// /sys/devices/system/cpu/online for how many there may be.
void cl_thread_make_heap(void);
/// PR_SET_NO_NEW_PRIVS for the calling thread.
int cl_no_new_privileges(void);

#endif
