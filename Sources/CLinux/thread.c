#define _GNU_SOURCE
#include "cl_thread.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static __thread char own_name[16];
static __thread pid_t own_id;

int cl_set_thread_name(const char *name)
{
    strncpy(own_name, name, sizeof own_name - 1);
    own_id = gettid();
    return -pthread_setname_np(pthread_self(), name);
}

const char *cl_own_thread_name(void) { return own_name; }
pid_t cl_own_thread_id(void) { return own_id; }

pid_t cl_thread_id(void) { return gettid(); }

static uint64_t clock_nanoseconds(clockid_t clock)
{
    struct timespec t;
    if (clock_gettime(clock, &t) < 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t cl_thread_cpu_time(void) { return clock_nanoseconds(CLOCK_THREAD_CPUTIME_ID); }

int cl_processor_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) < 0) return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? count : 1;
}

uint64_t cl_monotonic_time(void) { return clock_nanoseconds(CLOCK_MONOTONIC); }

static __thread bool has_own_fs;

int cl_unshare_fs(void)
{
    if (unshare(CLONE_FS) < 0)
        return -errno;
    has_own_fs = true;
    return 0;
}

bool cl_has_own_fs(void) { return has_own_fs; }

static int end_of_wait(long milliseconds, struct timespec *end)
{
    if (clock_gettime(CLOCK_MONOTONIC, end) < 0)
        return -errno;
    end->tv_nsec += milliseconds % 1000 * 1000000;
    end->tv_sec += milliseconds / 1000 + end->tv_nsec / 1000000000;
    end->tv_nsec %= 1000000000;
    return 0;
}

int cl_lock_mutex_within(pthread_mutex_t *mutex, long milliseconds)
{
    struct timespec end;
    const int result = end_of_wait(milliseconds, &end);
    return result < 0 ? result : -pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &end);
}

int cl_semaphore_wait_within(sem_t *semaphore, long milliseconds)
{
    struct timespec end;
    const int result = end_of_wait(milliseconds, &end);
    if (result < 0)
        return result;
    while (sem_clockwait(semaphore, CLOCK_MONOTONIC, &end) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

void cl_thread_make_heap(void)
{
    // Through a variable that the compiler may not do without.
    void *volatile memory = malloc(1);
    free(memory);
}

int cl_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0; }
